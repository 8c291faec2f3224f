import Foundation
import Logging

@testable import HTTP

/// A server on a free port of 127.0.0.1.
struct TestServer: Sendable {
  let server: HTTPServer
  let port: UInt16

  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Sends bytes over a new connection and reads one answer.
  func exchange(_ request: String, head: Bool = false) async throws -> RawResponse {
    try await exchange(Array(request.utf8), head: head)
  }

  func exchange(_ request: [UInt8], head: Bool = false) async throws -> RawResponse {
    let client = try RawClient(port: port)
    try await client.send(request)
    return try await client.response(head: head)
  }

  func get(_ path: String, _ headers: String...) async throws -> RawResponse {
    try await exchange(TestServer.request("GET", path, headers))
  }

  static func request(_ method: String, _ path: String, _ headers: [String] = [], body: String = "") -> String {
    ([method + " " + path + " HTTP/1.1", "Host: localhost"] + headers).joined(separator: "\r\n") + "\r\n\r\n" + body
  }

  static func post(_ path: String, type: String, body: [UInt8]) -> [UInt8] {
    Array(request("POST", path, ["Content-Type: \(type)", "Content-Length: \(body.count)"]).utf8) + body
  }
}

/// Runs `body` with a server, and stops the server whatever happens.
func withServer(
  _ configure: (inout ServerConfiguration) -> Void = { _ in }, handler: @escaping HTTPServer.Handler,
  _ body: (TestServer) async throws -> Void
) async throws {
  var configuration = ServerConfiguration()
  configure(&configuration)
  let server = HTTPServer(configuration: configuration, logger: TestServer.quiet, handler: handler)
  let port = try server.start()
  do {
    try await body(TestServer(server: server, port: port))
    await server.stop(within: .seconds(5))
  } catch {
    await server.stop(within: .seconds(5))
    throw error
  }
}

/// Answers with what it was asked, one fact a line.
let echo: HTTPServer.Handler = { request in
  var lines = ["\(request.method) \(request.path)"]
  lines += request.query.fields.map { "query \($0.name)=\($0.value)" }
  lines += request.form.fields.map { "field \($0.name)=\($0.value)" }
  lines += request.form.files.map { "file \($0.name) \($0.fileName) \($0.contentType) \($0.bytes.count)" }
  lines += request.cookies.sorted { $0.key < $1.key }.map { "cookie \($0.key)=\($0.value)" }
  if !request.body.isEmpty { lines.append("body \(request.body.count)") }
  return .text(lines.joined(separator: "\n"))
}

/// Asks again and again, for at most ten seconds, without sleeping for a fixed time.
func eventually(_ condition: () -> Bool) async -> Bool {
  let start = ContinuousClock.now
  while !condition() {
    guard ContinuousClock.now - start < .seconds(10) else { return false }
    await Task.yield()
    try? await Task.sleep(for: .milliseconds(2))
  }
  return true
}
