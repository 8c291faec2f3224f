import Foundation

@testable import Console
@testable import HTTP
@testable import PKI

/// Reads the head of a request as libmicrohttpd hands it over: the method, the target, then a field to a line.
enum RequestFuzz {
  private static let limits = ServerConfiguration().formLimits

  static func read(_ bytes: [UInt8]) {
    var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)[...]
    let first = lines.popFirst() ?? []
    let words = first.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
    let raw = words.count > 1 ? Array(words[1]) : []
    if let target = try? RequestTarget(raw, limits: limits) { check(target) }

    var fields: [(String, String)] = []
    for line in lines {
      let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? parts[1] : []
      fields.append((String(decoding: parts[0], as: UTF8.self), String(decoding: value, as: UTF8.self)))
    }
    let headers = Headers(fields)
    let request = RequestCheck(
      method: String(decoding: words.first ?? [], as: UTF8.self),
      version: words.count > 2 ? String(decoding: words[2], as: UTF8.self) : "HTTP/1.1", targetBytes: raw.count,
      headers: headers, fieldBytes: fields.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count }, headBytes: 0,
      hasPlainLines: true)
    check(request, headers)
    let cookies = Cookies.parse(headers.all("cookie"))
    if let notice = Notice.text(cookies) { check(EventMessage(id: notice, event: notice, data: notice), notice) }
    for (_, value) in headers {
      _ = HeaderParameters(value)
      if let path = ReturnPath.checked(value) { require(!path.hasPrefix("//"), "a return path stays on this server") }
      check(EventMessage(id: value, event: value, data: value), value)
    }
  }

  private static func check(_ target: RequestTarget) {
    require(target.path.hasPrefix("/"), "a path begins with a slash")
    let segments = target.path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    for (index, segment) in segments.enumerated() {
      require(segment != "." && segment != "..", "no segment leads elsewhere")
      require(!segment.isEmpty || index == segments.count - 1, "no segment is empty")
    }
    require(!target.path.utf8.contains { $0 < 0x20 || $0 == 0x7F || $0 == 0x5C }, "a path is one line")
    require(target.query.fields.count <= limits.parts, "a query is within its limit")
  }

  private static func check(_ request: RequestCheck, _ headers: Headers) {
    guard let method = try? request.method(memory: 16 << 10) else { return }
    require(Method.recognised.contains(method), "only known methods go on")
    require(headers.all("host").count == 1, "there is exactly one host")
    for (name, value) in headers {
      require(HeaderGrammar.isToken(name.utf8), "a field's name is a token")
      require(!value.utf8.contains { $0 < 0x20 && $0 != 0x09 }, "a field's value is one line")
    }
    guard let framing = try? request.framing(of: method, limit: 1 << 20) else { return }
    require(headers.all("content-length").count + headers.all("transfer-encoding").count <= 1, "one way to the end")
    if case .length(let length) = framing { require((0...1 << 20).contains(length), "a length is within its limit") }
    require(!method.forbidsBody || !framing.mayHaveBytes, "GET has no body")
  }

  /// The message as a browser reads it (HTML Standard, section 9.2.6) is one message with these lines and nothing else.
  private static func check(_ message: EventMessage, _ data: String) {
    let lines = message.bytes.split(omittingEmptySubsequences: false) { $0 == 0x0A || $0 == 0x0D }
    require(lines.suffix(2).allSatisfy(\.isEmpty), "a message ends with an empty line")
    for (index, line) in lines.dropLast(2).enumerated() {
      let start = index == 0 ? "id: " : index == 1 ? "event: " : "data: "
      require(line.starts(with: start.utf8), "every line is the message's own")
    }
    require(!message.bytes.contains(0) || data.utf8.contains(0), "no NUL is added")
  }
}
