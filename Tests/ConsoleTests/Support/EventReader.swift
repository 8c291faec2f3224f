import Foundation
import Synchronization

@testable import PKI

/// One message of an event stream.
struct StreamMessage: Sendable, Equatable {
  var id: Int?
  var event = ""
  var data = ""
}

/// Reads one event stream on a thread of its own, since the connection blocks.
final class EventReader: Sendable {
  private struct State {
    var messages: [StreamMessage] = []
    var comments: [String] = []
    var hasEnded = false
    var isClosed = false
  }

  let status: Int
  private let state = Mutex(State())

  private init(status: Int) { self.status = status }

  static func open(port: UInt16, request: [UInt8], trusting pinned: Certificate?) async throws -> EventReader {
    try await withCheckedThrowingContinuation { continuation in
      let thread = Thread {
        let opened: (EventReader, TLSConnection, [UInt8])
        do {
          let connection = try Wire.connect(port, trusting: pinned, timeLimit: .seconds(60))
          try connection.write(request)
          let (head, rest) = try head(of: connection)
          opened = (EventReader(status: Answer(head: head).status), connection, rest)
        } catch {
          return continuation.resume(throwing: error)
        }
        continuation.resume(returning: opened.0)
        opened.0.read(opened.1, opened.2)
      }
      thread.stackSize = 512 << 10
      thread.start()
    }
  }

  var messages: [StreamMessage] { state.withLock { $0.messages } }
  var comments: [String] { state.withLock { $0.comments } }
  var hasEnded: Bool { state.withLock { $0.hasEnded } }
  var text: String { messages.map(\.data).joined(separator: "\n") }

  /// Leaves at the next byte that comes.
  func close() { state.withLock { $0.isClosed = true } }

  private static func head(of connection: TLSConnection) throws -> (String, [UInt8]) {
    var bytes: [UInt8] = []
    while true {
      if let range = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
        return (String(decoding: bytes[..<range.lowerBound], as: UTF8.self), Array(bytes[range.upperBound...]))
      }
      let piece = try connection.read(maximum: 4096)
      guard !piece.isEmpty else { throw BrowserError(description: "closed without an answer") }
      bytes += piece
    }
  }

  /// The body is chunked (RFC 9112, section 7.1); its chunks are taken apart first, then the messages.
  private func read(_ connection: TLSConnection, _ first: [UInt8]) {
    var (raw, text) = (first, [UInt8]())
    var isOver = false
    while !isOver, !state.withLock({ $0.isClosed }) {
      while let line = raw.firstRange(of: [0x0D, 0x0A]) {
        guard let size = Int(String(decoding: raw[..<line.lowerBound], as: UTF8.self), radix: 16) else { break }
        guard raw.count >= line.upperBound + size + 2 else { break }
        text += raw[line.upperBound..<line.upperBound + size]
        raw.removeSubrange(..<(line.upperBound + size + 2))
        if size == 0 { isOver = true }
      }
      take(&text)
      guard !isOver, let piece = try? connection.read(maximum: 64 << 10), !piece.isEmpty else { break }
      raw += piece
    }
    state.withLock { $0.hasEnded = true }
  }

  private func take(_ text: inout [UInt8]) {
    while let end = text.firstRange(of: [0x0A, 0x0A]) {
      let block = String(decoding: text[..<end.lowerBound], as: UTF8.self)
      text.removeSubrange(..<end.upperBound)
      var message = StreamMessage()
      var hasData = false
      for line in block.split(separator: "\n", omittingEmptySubsequences: false) {
        if line.hasPrefix(":") {
          state.withLock { $0.comments.append(String(line.dropFirst())) }
        } else if line.hasPrefix("id: ") {
          message.id = Int(line.dropFirst(4))
        } else if line.hasPrefix("event: ") {
          message.event = String(line.dropFirst(7))
        } else if line.hasPrefix("data: ") {
          message.data += (hasData ? "\n" : "") + line.dropFirst(6)
          hasData = true
        }
      }
      if hasData { state.withLock { [message] in $0.messages.append(message) } }
    }
  }
}
