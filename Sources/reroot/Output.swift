import Foundation
import PKI

/// Text for whoever started the program: each piece is written at once, also into a pipe that another program waits at.
///
/// A reader that has gone is no reason to end: `FileHandle` and `print` would trap, or hold the text back.
enum Output {
  /// A line, or several, on standard output. What could move a terminal's cursor, colour it or hide is written out.
  static func line(_ text: String) { lines(text + "\n", to: STDOUT_FILENO) }

  /// Text on standard output as it is, for programs: whoever makes it writes out what must not reach a terminal.
  static func text(_ text: String) { write(text, to: STDOUT_FILENO) }

  /// The same as ``line(_:)`` on standard error.
  static func error(_ text: String) { lines(text + "\n", to: STDERR_FILENO) }

  /// Text on standard error without a line's end, such as a question.
  static func prompt(_ text: String) { lines(text, to: STDERR_FILENO) }

  /// Text of several lines on a descriptor.
  static func lines(_ text: String, to descriptor: Int32) {
    write(VisibleText.lines(text, limit: .max), to: descriptor)
  }

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
