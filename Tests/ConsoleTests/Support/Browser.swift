import Foundation
import Synchronization

@testable import PKI

/// What went wrong at the browser's end of a test.
struct BrowserError: Error, CustomStringConvertible {
  let description: String
}

/// A small browser: one console, cookies, forms. It trusts exactly the certificate that the console says it serves.
final class Browser: Sendable {
  let port: UInt16
  private let pinned: @Sendable () -> Certificate?
  private let jar = Mutex<[String: String]>([:])

  init(port: UInt16, trusting pinned: @escaping @Sendable () -> Certificate?, cookies: [String: String] = [:]) {
    self.port = port
    self.pinned = pinned
    jar.withLock { $0 = cookies }
  }

  var cookies: [String: String] { jar.withLock { $0 } }

  func set(_ name: String, cookie value: String?) { jar.withLock { $0[name] = value } }

  /// Asks for a page; a redirect is not followed.
  func get(_ path: String, _ headers: [(String, String)] = [], method: String = "GET") async throws -> Answer {
    try await send(method, path, headers, body: nil)
  }

  /// Asks for a page and goes on where it leads, at most five times.
  func open(_ path: String) async throws -> Answer { try await follow(get(path)) }

  func follow(_ answer: Answer) async throws -> Answer {
    var answer = answer
    for _ in 0..<5 {
      guard answer.status == 303, let next = answer.header("location") else { return answer }
      answer = try await get(next)
    }
    throw BrowserError(description: "redirected in a circle")
  }

  /// Posts fields as they are, without adding a token.
  func post(_ path: String, _ fields: [(String, String)], _ headers: [(String, String)] = []) async throws -> Answer {
    let body = fields.map { Self.encoded($0) + "=" + Self.encoded($1) }.joined(separator: "&")
    return try await send(
      "POST", path, [("Content-Type", "application/x-www-form-urlencoded")] + headers, body: Array(body.utf8))
  }

  /// Posts fields and files as a browser does for a form with a file.
  func upload(_ path: String, _ fields: [(String, String)], _ files: [(String, FilePart)]) async throws -> Answer {
    let (type, body) = Self.multipart(fields, files)
    return try await send("POST", path, [("Content-Type", type)], body: body)
  }

  /// Fills the form of a page and posts it; fields that are not named stay as the page shows them.
  func submit(
    _ page: Answer, _ action: String? = nil, _ changes: [String: String] = [:], files: [(String, FilePart)] = []
  ) async throws -> Answer {
    let form = try page.form(action)
    var fields = form.fields.filter { field in changes[field.name] == nil }.map { ($0.name, $0.value) }
    fields += changes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    return form.isMultipart ? try await upload(form.action, fields, files) : try await post(form.action, fields)
  }

  /// The token that this session's forms carry.
  func token(from path: String = "/roots") async throws -> String {
    let page = try await get(path)
    guard let token = page.csrfToken else { throw BrowserError(description: "no token on \(path): \(page.status)") }
    return token
  }

  /// Opens an event stream; it ends with the server, or when it is closed.
  func events(_ path: String, _ headers: [(String, String)] = []) async throws -> EventReader {
    let bytes = request("GET", path, [("Accept", "text/event-stream")] + headers, body: nil)
    return try await EventReader.open(port: port, request: bytes, trusting: pinned())
  }

  /// Sends exactly these bytes and reads one answer.
  func raw(_ bytes: [UInt8], isHead: Bool = false) async throws -> Answer {
    let (port, pinned) = (port, pinned())
    let answer = try await Wire.exchange(port: port, bytes, trusting: pinned, isHead: isHead)
    jar.withLock { jar in
      for (name, value) in answer.setCookies { jar[name] = value.isEmpty ? nil : value }
    }
    return answer
  }

  /// The head of a request with the cookies, and the body.
  func request(_ method: String, _ path: String, _ headers: [(String, String)], body: [UInt8]?) -> [UInt8] {
    var lines = ["\(method) \(path) HTTP/1.1", "Host: localhost:\(port)", "Connection: close"]
    let cookies = cookies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    if !cookies.isEmpty { lines.append("Cookie: " + cookies.joined(separator: "; ")) }
    lines += headers.map { "\($0.0): \($0.1)" }
    if let body { lines.append("Content-Length: \(body.count)") }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (body ?? [])
  }

  private func send(
    _ method: String, _ path: String, _ headers: [(String, String)], body: [UInt8]?
  ) async throws -> Answer {
    try await raw(request(method, path, headers, body: body), isHead: method == "HEAD")
  }

  static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: String(UnicodeScalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }

  static let boundary = "----rerootTestBoundary"

  static func multipart(_ fields: [(String, String)], _ files: [(String, FilePart)]) -> (type: String, body: [UInt8]) {
    var body: [UInt8] = []
    for (name, value) in fields {
      body += Array("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8)
    }
    for (name, file) in files {
      let head = "Content-Disposition: form-data; name=\"\(name)\"; filename=\"\(file.name)\""
      body += Array("--\(boundary)\r\n\(head)\r\nContent-Type: application/octet-stream\r\n\r\n".utf8)
      body += file.bytes + Array("\r\n".utf8)
    }
    return ("multipart/form-data; boundary=\(boundary)", body + Array("--\(boundary)--\r\n".utf8))
  }
}

/// A file that is chosen in a form.
struct FilePart: Sendable {
  let name: String
  let bytes: [UInt8]

  init(_ name: String, _ bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }

  init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }
}
