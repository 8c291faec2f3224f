import Foundation

/// What the standard output is: whether a person watches, how wide it is, whether colours are wanted.
struct Terminal: Sendable, Hashable {
  var isTerminal: Bool
  var columns: Int
  var rows: Int
  var hasColours: Bool
  /// Whether what was drawn can be replaced: a terminal without commands (`TERM=dumb`) would show them as text.
  var canReplace: Bool

  /// As things are now; a window may be made larger meanwhile.
  static func current(_ descriptor: Int32 = STDOUT_FILENO) -> Terminal {
    let environment = ProcessInfo.processInfo.environment
    var size = winsize()
    let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return Terminal(
      isTerminal: isatty(descriptor) == 1, columns: isKnown ? Int(size.ws_col) : nil,
      rows: isKnown ? Int(size.ws_row) : nil,
      environment: environment)
  }

  /// Colours only at a terminal that has them, and unless `NO_COLOR` is there and not empty (no-color.org).
  init(isTerminal: Bool, columns: Int?, rows: Int?, environment: [String: String]) {
    self.isTerminal = isTerminal
    let isDumb = environment["TERM"].map { $0.isEmpty || $0 == "dumb" } ?? true
    canReplace = isTerminal && !isDumb
    hasColours = canReplace && (environment["NO_COLOR"] ?? "").isEmpty
    self.columns = max(20, columns ?? environment["COLUMNS"].flatMap { Int($0) } ?? 80)
    self.rows = max(4, (rows ?? 0) > 0 ? rows ?? 24 : environment["LINES"].flatMap { Int($0) } ?? 24)
  }
}

/// Text in a colour of the terminal's own palette, where colours are wanted. The colour never says what the words do not.
enum Tint: Int, Sendable {
  case red = 31
  case green = 32
  case yellow = 33
  case blue = 34
  case bold = 1
  case dim = 2

  func on(_ text: String, _ hasColours: Bool) -> String {
    hasColours && !text.isEmpty ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
  }
}
