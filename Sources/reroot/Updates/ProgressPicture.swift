import Console
import PKI

/// An update as lines of a terminal: what it does, a bar, one line per component. Pure: what is drawn depends on nothing
/// but how the update stands and how large the terminal is.
enum ProgressPicture {
  /// Where a bar is too narrow to tell anything.
  private static let shortestBar = 10
  private static let longestBar = 50

  /// - Returns: lines that fit, coloured where the terminal has colours; never more than it has rows.
  static func lines(_ progress: UpdateProgress, _ terminal: Terminal) -> [String] {
    // The last column stays free: some terminals go on to the next line when it is written.
    let columns = terminal.columns - 1
    let room = max(1, terminal.rows - 4)
    let names = shown(progress, room)
    let width = min(progress.names.map { TextWidth.of(VisibleText.of($0)) }.max() ?? 0, columns / 3)
    var lines = [
      Tint.bold.on(TextWidth.cut(title(progress), to: columns), terminal.hasColours),
      bar(progress, columns, terminal.hasColours),
    ]
    lines += names.map { component($0, progress, width, columns, terminal.hasColours) }
    let others = progress.names.count - names.count
    if others > 0 {
      lines.append(Tint.dim.on(TextWidth.cut("  and \(others) more", to: columns), terminal.hasColours))
    }
    return lines
  }

  private static func title(_ progress: UpdateProgress) -> String {
    let update = progress.update
    let root = VisibleText.of(update.words("root"), limit: 200)
    return "Update \(update.number("id")), \(root): \(StandingWords.of(progress.standing))"
  }

  /// Such as `███████░░░░░  7 of 12  deploying`.
  static func bar(_ progress: UpdateProgress, _ columns: Int, _ hasColours: Bool) -> String {
    let total = progress.count("total")
    let ended = total - progress.count("waiting") - progress.count("running")
    var text = "\(ended) of \(total)"
    if progress.count("failed") > 0 { text += ", \(progress.count("failed")) failed" }
    let step = VisibleText.of(progress.update.words("step"), limit: 200)
    if !step.isEmpty { text += "  \(step)" }
    let length = min(longestBar, columns - min(TextWidth.of(text), columns / 2) - 2)
    guard length >= shortestBar else { return TextWidth.cut(text, to: columns) }
    let full = Int(progress.share * Double(length))
    let tint: Tint = progress.count("failed") > 0 ? .red : .green
    return tint.on(String(repeating: "█", count: full), hasColours)
      + Tint.dim.on(String(repeating: "░", count: length - full), hasColours) + "  "
      + TextWidth.cut(text, to: columns - length - 2)
  }

  private static func component(
    _ name: String, _ progress: UpdateProgress, _ width: Int, _ columns: Int, _ hasColours: Bool
  ) -> String {
    let line = progress.line(name)
    let (mark, tint, words) = look(line, progress.failure(of: name))
    let head = "\(TextWidth.padded(VisibleText.of(name), to: width))  \(line.done)/\(line.total)  "
    return tint.on(mark, hasColours) + " " + TextWidth.cut(head + words, to: columns - 2)
  }

  private static func look(_ line: UpdateProgress.Line, _ failure: String?) -> (String, Tint, String) {
    switch line.state {
    case .waiting: ("·", .dim, line.done == 0 ? "waiting" : "next: \(StepWords.of(line.step))")
    case .running: ("▸", .blue, StepWords.of(line.step))
    case .done: ("✓", .green, "done")
    case .leftOut: ("–", .dim, "left out")
    case .putBack: ("↩", .yellow, "put back")
    case .failed:
      (
        "✗", .red,
        "\(StepWords.of(line.step)) failed" + (failure.map { ": " + VisibleText.of($0, limit: 500) } ?? "")
      )
    }
  }

  /// The components for which there is room: those that failed or are under way before the others, in their order.
  private static func shown(_ progress: UpdateProgress, _ room: Int) -> [String] {
    guard progress.names.count > room else { return progress.names }
    let ranks: [UpdateProgress.State: Int] = [.failed: 0, .running: 1, .waiting: 2, .putBack: 3, .done: 4, .leftOut: 5]
    let chosen = progress.names.enumerated()
      .sorted {
        (ranks[progress.line($0.element).state] ?? 5, $0.offset) < (
          ranks[progress.line($1.element).state] ?? 5, $1.offset
        )
      }
      .prefix(room).map(\.offset).sorted()
    return chosen.map { progress.names[$0] }
  }
}

/// Draws lines over those that were drawn before.
struct LivePicture {
  private var drawn = 0

  /// What has to be written for the lines to stand in the place of the former ones: the cursor goes up, every line is
  /// cleared behind its end, and so is what was below (ECMA-48: CUU, EL, ED).
  mutating func replacing(with lines: [String]) -> String {
    var text = drawn > 0 ? "\u{1B}[\(drawn)A\r" : ""
    text += lines.map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J"
    drawn = lines.count
    return text
  }

  /// What stands there stays; the next picture is drawn below.
  mutating func settle() { drawn = 0 }
}
