import Foundation
import PKI
import Synchronization

/// Text for whoever started the program: each piece is written at once, also into a pipe that another program waits at.
///
/// A reader that has gone is no reason to end: `FileHandle` and `print` would trap, or hold the text back. What could not be
/// written for another reason is remembered, and the command does not end as if all were well (``finish()``).
enum Output {
  /// The code of a file or an output that takes no more.
  static let unwritable = "FILE_UNWRITABLE"
  /// The number of the first error that standard output gave; 0 while all is well.
  private static let failed = Atomic<Int32>(0)

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

  /// Bytes on standard output as they come.
  ///
  /// - Returns: false when nobody reads them any more.
  /// - Throws: ``CommandFailure`` `FILE_UNWRITABLE`.
  static func bytes(_ bytes: [UInt8]) throws -> Bool {
    switch write(bytes, to: STDOUT_FILENO) {
    case 0: return true
    case EPIPE: return false
    case let number: throw failure(number)
    }
  }

  /// - Throws: ``CommandFailure`` `FILE_UNWRITABLE` where standard output has not taken everything, but for a reader that
  ///   has gone.
  static func finish() throws(CommandFailure) {
    let number = failed.load(ordering: .relaxed)
    guard number == 0 || number == EPIPE else { throw failure(number) }
  }

  private static func failure(_ number: Int32) -> CommandFailure {
    CommandFailure(
      .failed, unwritable,
      "The standard output cannot be written (\(String(cString: strerror(number)))); what is there is not all of it.")
  }

  private static func write(_ text: String, to descriptor: Int32) {
    let number = write(Array(text.utf8), to: descriptor)
    guard number != 0, descriptor == STDOUT_FILENO else { return }
    _ = failed.compareExchange(expected: 0, desired: number, ordering: .relaxed)
  }

  /// Writes all of the bytes.
  ///
  /// - Returns: 0, or the number of the error that was met.
  static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count == 0 {
        return EIO
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }
}
