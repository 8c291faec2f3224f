/// The target of a request line (RFC 9112, section 3.2), taken as it was sent, before libmicrohttpd decodes it.
struct RequestTarget {
  let path: String
  let query: Form

  /// Longer ones are refused with 414; the application's own are shorter than 200 bytes.
  static let maximumBytes = 4096

  init(_ raw: [UInt8], limits: FormLimits) throws(RequestProblem) {
    guard raw.count <= RequestTarget.maximumBytes else {
      throw RequestProblem(status: 414, sentence: "The address is longer than \(RequestTarget.maximumBytes) bytes.")
    }
    guard raw.first == UInt8(ascii: "/") else {
      throw .badRequest("The address does not begin with a slash; this server is not a proxy.")
    }
    guard raw.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
      throw .badRequest("The address has a character in it that must be percent-encoded.")
    }
    let mark = raw.firstIndex(of: UInt8(ascii: "?")) ?? raw.endIndex
    path = try RequestTarget.path(raw[..<mark])
    query = try URLEncodedForm.parse(raw[mark...].dropFirst(), limits: limits, place: "query")
  }

  /// Segments are checked after decoding, each by itself, so that no encoding can smuggle a separator past a check:
  /// what a handler sees as one segment is one segment.
  private static func path(_ raw: ArraySlice<UInt8>) throws(RequestProblem) -> String {
    var path = ""
    let segments = raw.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    for (index, segment) in segments.enumerated() {
      guard let decoded = PercentEncoding.decode(segment, plusIsSpace: false) else {
        throw .badRequest("The address has a percent sign that is not followed by two hexadecimal digits.")
      }
      guard !decoded.contains(UInt8(ascii: "/")), !decoded.contains(UInt8(ascii: "\\")) else {
        throw .badRequest("The address has a backslash or an encoded slash in it.")
      }
      guard decoded.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
        throw .badRequest("The address has a NUL or another control character in it.")
      }
      guard let text = String(validating: decoded, as: UTF8.self) else {
        throw .badRequest("The address is not valid UTF-8.")
      }
      guard text != ".", text != ".." else { throw .badRequest("The address has a “.” or “..” segment in it.") }
      guard !text.isEmpty || index == segments.count - 1 else {
        throw .badRequest("The address has two slashes in a row.")
      }
      path += "/" + text
    }
    return path
  }
}
