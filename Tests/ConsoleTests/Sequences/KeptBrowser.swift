import COpenSSL
import Foundation
import Synchronization

@testable import Console
@testable import PKI

/// A browser that keeps its connection, for tests that ask for thousands of pages. Everything blocks on a queue of its own.
final class KeptBrowser: Sendable {
  private let browser: Browser
  private let token: String
  private let pinned: @Sendable () -> Certificate?
  private let queue = DispatchQueue(label: "kept browser")
  private let kept = Mutex<Kept?>(nil)

  /// One connection; used on the queue only.
  // Sendable holds: only the queue touches it.
  private final class Kept: @unchecked Sendable {
    let connection: TLSConnection
    var buffer: [UInt8] = []
    init(_ connection: TLSConnection) { self.connection = connection }
  }

  /// - Parameter session: the cookie of a session.
  init(_ console: TestConsole, session: String) {
    let https = console.console.services.https
    pinned = { https.current.chain.first }
    browser = console.stranger()
    browser.set(SessionCookie.name, cookie: session)
    token = FormToken.derived(from: session)
  }

  func get(_ path: String) async throws -> Answer { try await send("GET", path, [], nil) }

  /// Posts fields with the session's token.
  func post(_ path: String, _ fields: [(String, String)]) async throws -> Answer {
    let body = (fields + [(FormToken.field, token)]).map { Browser.encoded($0) + "=" + Browser.encoded($1) }
    return try await send(
      "POST", path, [("Content-Type", "application/x-www-form-urlencoded")], Array(body.joined(separator: "&").utf8))
  }

  private func send(
    _ method: String, _ path: String, _ headers: [(String, String)], _ body: [UInt8]?
  ) async throws -> Answer {
    let closing = browser.request(method, path, headers, body: body)
    let text = String(decoding: closing, as: UTF8.self)
      .replacingOccurrences(of: "\r\nConnection: close\r\n", with: "\r\n")
    return try await withCheckedThrowingContinuation { continuation in
      queue.async { [self] in continuation.resume(with: Result { try exchange(Array(text.utf8)) }) }
    }
  }

  /// A connection that the server has closed meanwhile is made anew, once; a request is sent again only if nothing of an
  /// answer had come.
  private func exchange(_ bytes: [UInt8]) throws -> Answer {
    if let open = kept.withLock({ $0 }) {
      if let answer = try? ask(open, bytes) { return answer }
    }
    let open = Kept(try Wire.connect(browser.port, trusting: pinned(), timeLimit: .seconds(600)))
    kept.withLock { $0 = open }
    return try ask(open, bytes)
  }

  private func ask(_ open: Kept, _ bytes: [UInt8]) throws -> Answer {
    try open.connection.write(bytes)
    let end = Array("\r\n\r\n".utf8)
    func fill() throws {
      let piece = try open.connection.read(maximum: 64 << 10)
      guard !piece.isEmpty else { throw BrowserError(description: "closed without an answer") }
      open.buffer += piece
    }
    while open.buffer.firstRange(of: end) == nil { try fill() }
    guard let range = open.buffer.firstRange(of: end) else { throw BrowserError(description: "no head") }
    var answer = Answer(head: String(decoding: open.buffer[..<range.lowerBound], as: UTF8.self))
    open.buffer.removeSubrange(..<range.upperBound)
    guard let length = answer.header("content-length").flatMap({ Int($0) }) else {
      throw BrowserError(description: "an answer without its length")
    }
    while open.buffer.count < length { try fill() }
    answer.body = Array(open.buffer.prefix(length))
    open.buffer.removeFirst(length)
    if answer.header("connection")?.lowercased() == "close" { kept.withLock { $0 = nil } }
    return answer
  }
}
