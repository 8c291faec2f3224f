/// How the body of a request is delimited (RFC 9112, section 6.3).
enum BodyFraming: Equatable {
  case none
  case length(Int)

  var mayHaveBytes: Bool { self != .none && self != .length(0) }
}

/// What is wrong with a request can be said before its body is read. Wherever two readers might disagree about where
/// a request ends, it is refused: that is how one request is smuggled inside another.
struct RequestCheck {
  let method: String
  let version: String
  let targetBytes: Int
  let headers: Headers
  /// The bytes of names and values as libmicrohttpd gave them, and their number.
  let fieldBytes: Int
  /// The bytes of the request's head on the wire.
  let headBytes: Int
  /// Whether the lines of the head were found where plain ones are; see ``HeaderReader``.
  let hasPlainLines: Bool

  static let maximumHeaders = 100

  /// The method, if the request may go on.
  /// - Parameter memory: what libmicrohttpd has for the heads of the request and of its answer.
  func method(memory: Int) throws(RequestProblem) -> Method {
    guard HeaderGrammar.isToken(method.utf8) else {
      throw .badRequest("The request does not begin with a method.")
    }
    guard version == "HTTP/1.1" else {
      throw RequestProblem(
        status: 426, sentence: "This server speaks HTTP/1.1 only. Behind nginx set “proxy_http_version 1.1”.")
    }
    let known = Method(method)
    guard Method.recognised.contains(known) else {
      throw RequestProblem(status: 501, sentence: "This server does not know the request's method.")
    }
    guard headers.count <= RequestCheck.maximumHeaders, neededMemory <= memory else { throw .tooManyHeaders }
    try checkFields()
    try checkHost()
    if let expectation = headers.first("expect"), expectation.lowercased() != "100-continue" {
      throw RequestProblem(status: 417, sentence: "The request expects something that this server does not do.")
    }
    return known
  }

  /// libmicrohttpd keeps the head as it came, a record for each field, and the cookies a second time with a record for
  /// each. What is left must hold the head of the answer, or the connection would end without one.
  private var neededMemory: Int {
    let cookies = headers.first("cookie")?.utf8 ?? "".utf8
    let pairs = cookies.isEmpty ? 0 : 1 + cookies.count { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: ",") }
    return headBytes + cookies.count + RequestCheck.recordBytes * (headers.count + pairs) + RequestCheck.answerBytes
  }

  private static let recordBytes = 64
  private static let answerBytes = 3072

  private func checkFields() throws(RequestProblem) {
    for (name, value) in headers {
      guard HeaderGrammar.isToken(name.utf8) else {
        throw .badRequest("The request has a header whose name is not a token.")
      }
      guard HeaderGrammar.isValue(value.utf8) else {
        throw .badRequest("The request has a control character in the header \(RequestProblem.quoted(name)).")
      }
    }
    // Needless spaces leave the head on the wire longer than its parts: "method target version", and "name: value" for
    // each field, every line with its line break.
    let plain = method.utf8.count + targetBytes + version.utf8.count + 4 + fieldBytes + 4 * headers.count + 2
    guard hasPlainLines, headBytes <= plain else {
      throw .badRequest(
        "The request has folded header lines, lines that end with a line feed alone, NUL characters or needless spaces in "
          + "its head.")
    }
  }

  private func checkHost() throws(RequestProblem) {
    let hosts = headers.all("host")
    guard hosts.count <= 1 else { throw .badRequest("The request has more than one Host header.") }
    guard let host = hosts.first, !host.isEmpty else { throw .badRequest("The request has no Host header.") }
    let others = Array("-._~:[]%".utf8)
    let isHost = host.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || others.contains($0)
    }
    guard isHost, host.utf8.count <= 255 else { throw .badRequest("The request's Host header is not a host.") }
  }

  /// The framing, if the body may be read.
  func framing(of method: Method, limit: Int) throws(RequestProblem) -> BodyFraming {
    let encodings = headers.all("transfer-encoding")
    let lengths = headers.all("content-length")
    guard encodings.isEmpty || lengths.isEmpty else {
      throw .badRequest("The request has both a Content-Length and a Transfer-Encoding header.")
    }
    guard lengths.count <= 1 else { throw .badRequest("The request has more than one Content-Length header.") }
    guard encodings.isEmpty else { throw unreadable(encodings) }
    let framing: BodyFraming
    if let text = lengths.first {
      guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
        throw .badRequest("The request's Content-Length header is not a number.")
      }
      guard let length = Int(text), length <= limit else {
        throw .tooLarge("The request's body is larger than \(RequestProblem.size(limit)). Choose a smaller file.")
      }
      framing = .length(length)
    } else {
      framing = .none
    }
    guard !method.forbidsBody || !framing.mayHaveBytes else {
      throw .badRequest("A \(method) request must not have a body.")
    }
    return framing
  }

  /// A body without a length may be refused with 411 (RFC 9112, section 6.3). libmicrohttpd takes line feeds alone for the
  /// ends of chunks, where another server in front may see the chunk go on; and no browser sends chunks.
  private func unreadable(_ encodings: [String]) -> RequestProblem {
    let codings = encodings.flatMap { $0.split(separator: ",") }.map { Headers.trimmed(String($0)).lowercased() }
    // Nobody knows where a body ends whose last coding is another (section 6.3 asks for 400), and it is applied once at
    // most (section 6.1).
    guard codings.last == "chunked", codings.count(where: { $0 == "chunked" }) == 1 else {
      return .badRequest("The request's transfer encoding does not end with chunked, once.")
    }
    // What comes before it is not understood here (section 6.1 asks for 501).
    guard codings.count == 1 else {
      return RequestProblem(status: 501, sentence: "This server does not know the request's transfer encoding.")
    }
    return RequestProblem(
      status: 411, sentence: "This server reads no body in chunks. Send it with a Content-Length header.")
  }
}
