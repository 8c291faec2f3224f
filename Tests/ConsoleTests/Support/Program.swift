import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

/// A program that uses the API with a token.
struct Program: Sendable {
  let browser: Browser
  let token: String?

  /// A program with a token of the user of a role.
  init(_ console: TestConsole, _ role: Role = .administrator, number: Int = 1, limit: Role? = nil) async throws {
    browser = console.stranger()
    token = try await console.store.makeToken(
      named: UUID().uuidString, of: console.user(role, number).id, role: limit ?? role, days: 7
    ).token
  }

  /// A program with a token of somebody's choice, or without one.
  init(_ console: TestConsole, token: String?) {
    browser = console.stranger()
    self.token = token
  }

  private var credentials: [(String, String)] { token.map { [("Authorization", "Bearer \($0)")] } ?? [] }

  func get(_ path: String, _ headers: [(String, String)] = []) async throws -> Answer {
    try await send("GET", path, nil, headers)
  }

  func send(
    _ method: String, _ path: String, _ body: JSONValue? = nil, _ headers: [(String, String)] = []
  ) async throws -> Answer {
    var headers = credentials + headers
    if body != nil { headers.append(("Content-Type", "application/json")) }
    let bytes = try body?.bytes() ?? (["POST", "PUT"].contains(method) ? [] : nil)
    return try await browser.raw(browser.request(method, "/api/v1" + path, headers, body: bytes))
  }

  func text(
    _ method: String, _ path: String, _ text: String, type: String, _ headers: [(String, String)] = []
  ) async throws -> Answer {
    try await browser.raw(
      browser.request(
        method, "/api/v1" + path, credentials + headers + [("Content-Type", type)], body: Array(text.utf8)))
  }

  func upload(
    _ path: String, _ fields: [(String, String)], _ files: [(String, FilePart)], _ headers: [(String, String)] = []
  ) async throws -> Answer {
    let (type, body) = Browser.multipart(fields, files)
    return try await browser.raw(
      browser.request("POST", "/api/v1" + path, credentials + headers + [("Content-Type", type)], body: body))
  }

  func events(_ path: String, _ headers: [(String, String)] = []) async throws -> EventReader {
    try await browser.events("/api/v1" + path, credentials + headers)
  }
}

extension Answer {
  /// The body as JSON.
  var json: JSONValue {
    get throws { try JSONValue(parsing: body) }
  }

  /// The stable word of the problem that it tells of.
  var problemCode: String? {
    guard header("content-type") == ProblemDetails.contentType else { return nil }
    return (try? json)?["code"]?.text
  }
}
