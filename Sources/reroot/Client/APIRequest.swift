import Console
import Foundation
import PKI

/// A request to the API.
struct APIRequest: Sendable {
  var method = "GET"
  /// Below `/api/v1`, with its parts written as RFC 3986 wants them: `/roots/7`.
  var path: String
  var query: [(String, String)] = []
  var body = Body.none
  /// Whether it may be sent again where nobody knows whether it has arrived; then it carries a key of its own.
  var isRepeatable = false
  /// After which event a stream goes on.
  var lastEvent: String?
  /// Of which state, by its `ETag`, a change is one; nil changes whatever is there.
  var ifMatch: String?

  enum Body: Sendable {
    case none
    case json(JSONValue)
    /// A JSON object with one member, a text that is secret: no value that stays in memory is made of it.
    case secret(String, SecretBytes)
    case yaml([UInt8])
    case form([FormPart])
  }

  static func get(_ path: String, _ query: [(String, String?)] = []) -> APIRequest {
    APIRequest(path: path, query: query.compactMap { name, value in value.map { (name, $0) } })
  }

  static func post(
    _ path: String, _ query: [(String, String?)] = [], _ body: Body = .none, isRepeatable: Bool = false
  ) -> APIRequest {
    APIRequest(
      method: "POST", path: path, query: query.compactMap { name, value in value.map { (name, $0) } }, body: body,
      isRepeatable: isRepeatable)
  }

  static func delete(_ path: String, reason: String? = nil) -> APIRequest {
    APIRequest(method: "DELETE", path: path, query: reason.map { [("reason", $0)] } ?? [])
  }

  /// The bytes to send.
  ///
  /// - Parameters:
  ///   - host: what stands in the field `Host`.
  ///   - token: the bearer's token (RFC 6750, section 2.1).
  ///   - key: the `Idempotency-Key`, where the request has one.
  func bytes(host: String, token: SecretBytes, key: String?) throws -> [UInt8] {
    let (type, content) = try content()
    var target = "/api/v1" + path
    if !query.isEmpty {
      target += "?" + query.map { "\(Self.encoded($0.0))=\(Self.encoded($0.1))" }.joined(separator: "&")
    }
    var head = "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: reroot/\(ProgramVersion.text)\r\n"
    head += "Accept: */*\r\nConnection: close\r\n"
    if let type { head += "Content-Type: \(type)\r\n" }
    if type != nil || method != "GET" { head += "Content-Length: \(content.count)\r\n" }
    if let key { head += "Idempotency-Key: \(key)\r\n" }
    if let ifMatch { head += "If-Match: \(ifMatch)\r\n" }
    if let lastEvent { head += "Last-Event-ID: \(lastEvent)\r\n" }
    return Array((head + "Authorization: Bearer ").utf8) + token.withBytes { Array($0) } + Array("\r\n\r\n".utf8)
      + content
  }

  private func content() throws -> (type: String?, bytes: [UInt8]) {
    switch body {
    case .none: return (nil, [])
    case .json(let value): return ("application/json", try value.bytes())
    case .secret(let member, let text):
      return ("application/json", Array("{\"\(member)\":\"".utf8) + Self.escaped(text) + Array("\"}".utf8))
    case .yaml(let bytes): return ("application/yaml", bytes)
    case .form(let parts):
      let boundary = "reroot-\(UUID().uuidString)"
      return ("multipart/form-data; boundary=\(boundary)", FormPart.bytes(of: parts, boundary: boundary))
    }
  }

  /// UTF-8 as it stands in a text of JSON (RFC 8259, section 7).
  private static func escaped(_ text: SecretBytes) -> [UInt8] {
    text.withBytes { bytes in
      var escaped: [UInt8] = []
      // So that no shorter copy is left behind as it grows.
      escaped.reserveCapacity(bytes.count * 6)
      for byte in bytes {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): escaped += [UInt8(ascii: "\\"), byte]
        case ..<0x20: escaped += Array((byte < 16 ? "\\u000" : "\\u00").utf8) + Array(String(byte, radix: 16).utf8)
        default: escaped.append(byte)
        }
      }
      return escaped
    }
  }

  /// Everything but RFC 3986's unreserved characters as `%XX`.
  static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        String(UnicodeScalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    .joined()
  }
}

/// A part of a form (RFC 7578).
struct FormPart: Sendable {
  let name: String
  /// The name of the file, where it is one.
  var file: String?
  let bytes: [UInt8]

  init(_ name: String, _ text: String) {
    self.name = name
    bytes = Array(text.utf8)
  }

  init(_ name: String, secret: SecretBytes) {
    self.name = name
    bytes = secret.withBytes { Array($0) }
  }

  init(_ name: String, file: String, bytes: [UInt8]) {
    self.name = name
    self.file = file
    self.bytes = bytes
  }

  static func bytes(of parts: [FormPart], boundary: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in parts {
      var head = "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(part.name)\""
      if let file = part.file {
        head += "; filename=\"\(quoted(file))\"\r\nContent-Type: application/octet-stream"
      }
      bytes += Array((head + "\r\n\r\n").utf8) + part.bytes + Array("\r\n".utf8)
    }
    return bytes + Array("--\(boundary)--\r\n".utf8)
  }

  /// As the HTML Standard writes names of files (section 4.10.21.8): what would end the quotes or the line is escaped.
  private static func quoted(_ name: String) -> String {
    name.unicodeScalars.map { scalar in
      switch scalar {
      case "\"": "%22"
      case "\r": "%0D"
      case "\n": "%0A"
      default: String(scalar)
      }
    }
    .joined()
  }
}
