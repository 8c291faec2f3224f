/// An answer: status, header fields and body. `Content-Length`, `Date` and `Connection` are the server's business.
public struct Response: Sendable {
  /// What follows the header.
  public enum Body: Sendable {
    case none
    case bytes([UInt8])
    /// Server-Sent Events; one stream belongs to one response.
    case events(EventStream)
    /// A long body that is made while it is sent; one stream belongs to one response.
    case stream(BodyStream)
  }

  /// The status code, 200 to 599.
  public var status: Int
  /// The header fields. A name or value that could break out of its line makes the answer a 500.
  public var headers: [(String, String)]
  /// The body.
  public var body: Body

  /// Makes a response.
  public init(status: Int, headers: [(String, String)] = [], body: Body = .none) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// A page.
  public static func html(_ text: String, status: Int = 200) -> Response {
    Response(status: status, headers: [("Content-Type", "text/html; charset=utf-8")], body: .bytes(Array(text.utf8)))
  }

  /// Plain text.
  public static func text(_ text: String, status: Int = 200) -> Response {
    Response(status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: .bytes(Array(text.utf8)))
  }

  /// JSON that is encoded already.
  public static func json(_ bytes: [UInt8], status: Int = 200) -> Response {
    Response(status: status, headers: [("Content-Type", "application/json")], body: .bytes(bytes))
  }

  /// An event stream. The server adds the headers that a stream needs.
  public static func events(_ stream: EventStream) -> Response {
    Response(status: 200, body: .events(stream))
  }

  /// 303: the browser goes on with GET, so that a reload does not repeat the form (RFC 9110, section 15.4.4).
  /// Characters that cannot stand in a header are percent-encoded.
  public static func redirect(to location: String) -> Response {
    var safe = ""
    for byte in location.utf8 {
      if byte > 0x20 && byte < 0x7F {
        safe.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        safe += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return Response(status: 303, headers: [("Location", safe)])
  }

  /// The same response with one more header field.
  public func withHeader(_ name: String, _ value: String) -> Response {
    var copy = self
    copy.headers.append((name, value))
    return copy
  }

  /// The value of the first field of this name.
  public func header(_ name: String) -> String? {
    let wanted = name.lowercased()
    return headers.first { $0.0.lowercased() == wanted }?.1
  }

  /// Every field can be sent: a line break in a value would let its author write headers of the answer.
  var hasSendableHeaders: Bool {
    headers.allSatisfy { name, value in
      HeaderGrammar.isToken(name.utf8) && HeaderGrammar.isValue(value.utf8) && !value.utf8.contains(0x09)
    }
  }

  /// Adds what keeps browsers from storing a stream, and nginx from collecting its events before it passes them on.
  mutating func addEventHeaders() {
    for (name, value) in [
      ("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"),
    ] where header(name) == nil {
      headers.append((name, value))
    }
  }

  /// The body that is sent bit by bit, if it is one.
  var stream: (any SentStream)? {
    switch body {
    case .events(let stream): stream
    case .stream(let stream): stream
    case .none, .bytes: nil
    }
  }

  /// The response will never be sent.
  func discard() { stream?.discard() }
}
