import Console
import Foundation

/// The lines of a file, one after the other, so that a long one takes no memory.
final class FileLines: Sequence, IteratorProtocol {
  /// A line that is longer is none of ours; it is given in parts.
  private static let longestLine = 1 << 20

  /// What ended the lines before the file's end; nil when nothing did.
  private(set) var failure: ConsoleError?
  private let path: String
  private let handle: FileHandle
  private var buffer: [UInt8] = []
  private var start = 0
  private var isOver = false

  init(_ path: String) throws {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw ConsoleError(code: "FILE_UNREADABLE", sentence: "\(path) cannot be read. Check its path and mode.")
    }
    self.path = path
    self.handle = handle
  }

  func next() -> String? {
    var looked = start
    while true {
      if let end = buffer[looked...].firstIndex(of: 0x0A) {
        defer { start = end + 1 }
        return String(decoding: buffer[start..<end], as: UTF8.self)
      }
      if isOver || buffer.count - start > Self.longestLine {
        defer { start = buffer.count }
        return start == buffer.count ? nil : String(decoding: buffer[start...], as: UTF8.self)
      }
      buffer.removeFirst(start)
      start = 0
      looked = buffer.count
      let more = read()
      if more.isEmpty { isOver = true } else { buffer += more }
    }
  }

  private func read() -> Data {
    do {
      return try handle.read(upToCount: 1 << 16) ?? Data()
    } catch {
      failure = ConsoleError(
        code: "FILE_UNREADABLE",
        sentence:
          "\(path) cannot be read to its end (\(error.localizedDescription)). Check that it is a file, and its disk.")
      return Data()
    }
  }
}
