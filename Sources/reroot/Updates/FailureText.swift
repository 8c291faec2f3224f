import Console
import PKI

/// What succeeded, what failed and why, and what each decision would do now: the panel of the page, as text.
enum FailureText {
  /// How many names or failures are listed; the rest is counted.
  private static let listed = 20

  static func of(_ progress: UpdateProgress, columns: Int, hasColours: Bool = false) -> String {
    let update = progress.update
    let failures = update["failures"]?.elements ?? []
    var lines = [
      Tint.bold.on(
        "Update \(update.number("id")) has stopped: \(Display.count(failures.count, "action")) failed.", hasColours)
    ]
    let done = progress.names.filter { progress.line($0).state == .done }
    lines.append(
      Tint.green.on("Succeeded", hasColours) + ": \(Display.count(progress.count("succeeded"), "action"))"
        + (done.isEmpty ? "" : "; done with \(names(done))"))
    lines.append(Tint.red.on("Failed", hasColours) + ":")
    for failure in failures.prefix(listed) { lines += of(failure, columns) }
    if failures.count > listed { lines.append("  and \(failures.count - listed) more") }
    lines.append("Decisions:")
    lines += decisions(update["decisions"]?.elements ?? [], columns)
    return lines.joined(separator: "\n")
  }

  private static func of(_ action: JSONValue, _ columns: Int) -> [String] {
    let name = action["component"]?.text ?? UpdateProgress.console
    let failure = action["failure"]
    let text =
      "\(name), \(action.words("kind")) (\(action.words("id"))): \(failure?.words("sentence") ?? "") "
      + (failure?.words("advice") ?? "")
    return indented(VisibleText.of(text), by: 2, columns)
  }

  private static func decisions(_ decisions: [JSONValue], _ columns: Int) -> [String] {
    decisions.flatMap { decision in
      let word = TextWidth.padded(VisibleText.of(decision.words("decision")), to: 10)
      let lines = indented(VisibleText.of(decision.words("sentence")), by: 12, columns)
      return ["  " + word + (lines.first?.dropFirst(12) ?? "")] + lines.dropFirst()
    }
  }

  private static func indented(_ text: String, by indent: Int, _ columns: Int) -> [String] {
    TextWidth.wrapped(text, to: max(20, columns - indent)).map { String(repeating: " ", count: indent) + $0 }
  }

  private static func names(_ names: [String]) -> String {
    let shown = names.prefix(listed).map { VisibleText.of($0) }.joined(separator: ", ")
    return names.count > listed ? shown + " and \(names.count - listed) more" : shown
  }
}

extension FailureText {
  /// The last words about an update that has ended, or that waits and is not asked about here.
  static func end(_ progress: UpdateProgress, columns: Int, hasColours: Bool) -> String {
    let update = progress.update
    let id = update.number("id")
    if progress.standing == "deciding" {
      return of(progress, columns: columns, hasColours: hasColours)
        + "\nIt waits for a decision: reroot update decide \(id) DECISION"
    }
    let words = StandingWords.tint(progress.standing).on(StandingWords.of(progress.standing), hasColours)
    var text =
      "Update \(id) is \(words): \(progress.count("succeeded")) of \(progress.count("total")) actions succeeded"
    if progress.count("failed") > 0 { text += ", \(progress.count("failed")) failed" }
    text += "."
    if progress.standing == "completedWithErrors" {
      text += "\nEach failure still offers retry, and the whole abort: reroot update decide \(id) DECISION"
    }
    return text
  }
}
