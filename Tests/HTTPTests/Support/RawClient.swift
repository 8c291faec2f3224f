import Foundation
import Glibc

/// What went wrong at the client's end of a test.
struct ClientError: Error {
  let text: String
}

/// An answer as it came over the wire.
struct RawResponse: Sendable {
  let status: Int
  let headers: [(name: String, value: String)]
  let body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }
  func header(_ name: String) -> String? { headers.first { $0.name == name.lowercased() }?.value }
}

/// A TCP client that sends exactly the bytes it is given. Its blocking calls run on a queue of its own, never on a
/// thread that runs tasks.
final class RawClient: Sendable {
  let descriptor: Int32
  private let queue = DispatchQueue(label: "client")
  nonisolated(unsafe) private var buffer: [UInt8] = []  // Only used on `queue`.

  init(port: UInt16, receiveBuffer: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw ClientError(text: "socket: \(errno)") }
    if var size = receiveBuffer {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      throw ClientError(text: "connect: \(String(cString: strerror(errno)))")
    }
  }

  deinit { Glibc.close(descriptor) }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) async throws {
    try await run { [descriptor] in
      var sent = 0
      while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes {
          Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { throw ClientError(text: "send: \(String(cString: strerror(errno)))") }
        sent += count
      }
    }
  }

  /// Reads one answer. `head` is true when it answers HEAD and so has no body.
  func response(head: Bool = false) async throws -> RawResponse {
    try await run { try self.readResponse(head: head) }
  }

  /// Reads until `text` has come, and gives everything up to its end.
  func read(until text: String) async throws -> String {
    try await run { try self.take(through: Array(text.utf8)) }
  }

  /// Reads until the server closes. A reset counts as an error.
  func readToEnd() async throws -> [UInt8] {
    try await run {
      while try self.fill() {}
      defer { self.buffer = [] }
      return self.buffer
    }
  }

  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  private func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try body() }) }
    }
  }

  /// False at the end of what the server sends.
  private func fill() throws -> Bool {
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    let count = recv(descriptor, &piece, piece.count, 0)
    guard count >= 0 else { throw ClientError(text: "recv: \(String(cString: strerror(errno)))") }
    buffer.append(contentsOf: piece.prefix(count))
    return count > 0
  }

  private func take(through wanted: [UInt8]) throws -> String {
    while true {
      if let range = buffer.firstRange(of: wanted) {
        defer { buffer.removeSubrange(..<range.upperBound) }
        return String(decoding: buffer[..<range.upperBound], as: UTF8.self)
      }
      guard try fill() else {
        throw ClientError(text: "closed after \(String(decoding: buffer, as: UTF8.self).debugDescription)")
      }
    }
  }

  private func take(_ count: Int) throws -> [UInt8] {
    while buffer.count < count {
      guard try fill() else { throw ClientError(text: "closed after \(buffer.count) of \(count) bytes") }
    }
    defer { buffer.removeFirst(count) }
    return Array(buffer.prefix(count))
  }

  private func readResponse(head: Bool) throws -> RawResponse {
    while true {
      let lines = try take(through: Array("\r\n\r\n".utf8)).split(separator: "\r\n")
      let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
      if status == 100 { continue }
      let headers = lines.dropFirst().map { line -> (name: String, value: String) in
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return (parts[0].lowercased(), parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : "")
      }
      let plain = RawResponse(status: status, headers: headers, body: [])
      guard !head, status != 304, status != 204 else { return plain }
      return RawResponse(status: status, headers: headers, body: try readBody(plain))
    }
  }

  private func readBody(_ response: RawResponse) throws -> [UInt8] {
    if response.header("transfer-encoding") == "chunked" {
      var body: [UInt8] = []
      while true {
        let line = try take(through: [0x0D, 0x0A]).trimmingCharacters(in: .whitespacesAndNewlines)
        let size = Int(line, radix: 16) ?? 0
        body += try take(size)
        _ = try take(2)
        if size == 0 { return body }
      }
    }
    if let length = response.header("content-length").flatMap({ Int($0) }) { return try take(length) }
    while try fill() {}
    defer { buffer = [] }
    return buffer
  }
}
