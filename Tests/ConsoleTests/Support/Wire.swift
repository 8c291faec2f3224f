import COpenSSL
import Foundation

@testable import PKI

/// The bytes between the browser and the console. Everything blocks on queues of its own.
enum Wire {
  static func exchange(
    port: UInt16, _ bytes: [UInt8], trusting pinned: Certificate?, isHead: Bool
  ) async throws -> Answer {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue(label: "browser").async {
        continuation.resume(
          with: Result {
            let connection = try connect(port, trusting: pinned, timeLimit: .seconds(30))
            do {
              try connection.write(bytes)
            } catch {
              // A server that refuses a body may close before it has read all of it; its answer is there all the same.
            }
            return try answer(over: connection, isHead: isHead)
          })
      }
    }
  }

  /// A connection to the console, which must show exactly the certificate that it says it serves.
  static func connect(_ port: UInt16, trusting pinned: Certificate?, timeLimit: Duration) throws -> TLSConnection {
    let socket = try TCPSocket(host: "127.0.0.1", port: port, deadline: .now + timeLimit)
    let connection = try TLSConnection(
      socket: socket, context: try .looking, serverName: try AlternativeName(parsing: "localhost"))
    try connection.handshake { SSL_connect($0) }
    guard let pinned, try connection.peerChain().first == pinned else {
      throw BrowserError(description: "the console shows another certificate than it says")
    }
    return connection
  }

  /// The chunks in one piece (RFC 9112, section 7.1); a body without its last chunk is none.
  private static func unchunked(_ bytes: [UInt8]) throws -> [UInt8] {
    var (body, rest) = ([UInt8](), bytes[...])
    while let line = rest.firstRange(of: [0x0D, 0x0A]),
      let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16),
      rest.endIndex >= line.upperBound + size + 2
    {
      if size == 0 { return body }
      body += rest[line.upperBound..<line.upperBound + size]
      rest = rest[(line.upperBound + size + 2)...]
    }
    throw BrowserError(description: "the body was cut")
  }

  private static func answer(over connection: TLSConnection, isHead: Bool) throws -> Answer {
    var buffer: [UInt8] = []
    let end = Array("\r\n\r\n".utf8)
    func fill() throws -> Bool {
      let piece = try connection.read(maximum: 64 << 10)
      buffer += piece
      return !piece.isEmpty
    }
    while true {
      while buffer.firstRange(of: end) == nil {
        guard try fill() else { throw BrowserError(description: "closed without an answer") }
      }
      guard let range = buffer.firstRange(of: end) else { continue }
      let head = String(decoding: buffer[..<range.lowerBound], as: UTF8.self)
      buffer.removeSubrange(..<range.upperBound)
      var answer = Answer(head: head)
      if answer.status == 100 { continue }
      if isHead || answer.status == 304 || answer.status == 204 { return answer }
      if let length = answer.header("content-length").flatMap({ Int($0) }) {
        while buffer.count < length {
          guard try fill() else { throw BrowserError(description: "closed in the middle of the body") }
        }
        answer.body = Array(buffer.prefix(length))
      } else {
        while (try? fill()) == true {}
        answer.body = answer.header("transfer-encoding") == "chunked" ? try unchunked(buffer) : buffer
      }
      return answer
    }
  }
}
