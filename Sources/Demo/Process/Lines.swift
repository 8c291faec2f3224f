import Foundation

/// The lines of a pipe, read by a thread of its own. Not safe to share: one reader, one thread.
struct LineReader {
  /// Longer lines than this are dropped: nothing that the two ends say to each other is so long.
  static let longest = 1 << 20

  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var start = 0

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// The next line without its end; nil when the other side has closed. Blocking.
  mutating func next() -> String? {
    while true {
      if let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        return String(decoding: buffer[start..<end], as: UTF8.self)
      }
      buffer.removeFirst(start)
      start = 0
      if buffer.count > Self.longest { buffer.removeAll() }
      var chunk = [UInt8](repeating: 0, count: 16_384)
      let count = read(descriptor, &chunk, chunk.count)
      if count > 0 {
        buffer += chunk[..<count]
      } else if count == 0 || errno != EINTR {
        return nil
      }
    }
  }
}

/// Two ends of one connection, each closed in every program that this process starts, without a moment between.
enum SocketPair {
  static func make() throws -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
      throw SampleFailure("No connection to another process can be made: \(systemError(errno)).")
    }
    return (ends[0], ends[1])
  }
}

/// Writes everything to a socket, however the system cuts it; false when the other side is gone. Blocking.
@discardableResult
func sendAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  transfer(bytes) { send(descriptor, $0, $1, Int32(MSG_NOSIGNAL)) }
}

/// Writes everything to a file or pipe, however the system cuts it; false when the other side is gone. Blocking.
@discardableResult
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  transfer(bytes) { write(descriptor, $0, $1) }
}

private func transfer(_ bytes: [UInt8], by call: (UnsafeRawPointer?, Int) -> Int) -> Bool {
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { call($0.baseAddress, $0.count) }
    if count > 0 {
      rest = rest.dropFirst(count)
    } else if count == 0 || errno != EINTR {
      return false
    }
  }
  return true
}
