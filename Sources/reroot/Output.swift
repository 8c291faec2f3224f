import Foundation

/// Text for whoever started the program: each piece is written at once, also into a pipe that another program waits at.
///
/// A reader that has gone is no reason to end: `FileHandle` and `print` would trap, or hold the text back.
enum Output {
  /// A line on standard output.
  static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

  /// Text on standard output as it is.
  static func text(_ text: String) { write(text, to: STDOUT_FILENO) }

  /// A line on standard error.
  static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// Text on standard error without a line's end, such as a question.
  static func prompt(_ text: String) { write(text, to: STDERR_FILENO) }

  private static func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count < 0, errno == EINTR {
        continue
      } else {
        return
      }
    }
  }
}
