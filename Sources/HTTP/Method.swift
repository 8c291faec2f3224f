/// The method of a request (RFC 9110, section 9). The server refuses every method that is not listed here or in
/// ``Method/recognised`` with 501 before a handler is asked.
public enum Method: Sendable, Hashable, CustomStringConvertible {
  case get
  case head
  case post
  case put
  case delete
  /// Any other token, as it was sent: methods are case-sensitive.
  case other(String)

  /// Reads a method token as it stands in the request line.
  public init(_ token: String) {
    switch token {
    case "GET": self = .get
    case "HEAD": self = .head
    case "POST": self = .post
    case "PUT": self = .put
    case "DELETE": self = .delete
    default: self = .other(token)
    }
  }

  /// The token of the request line, for example `GET`.
  public var description: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .other(let token): token
    }
  }

  /// Methods that reach the handler, so that it can say which ones the path allows. CONNECT and TRACE are not among
  /// them: a console is neither a proxy nor an echo.
  static let recognised: Set<Method> = [.get, .head, .post, .put, .delete, .other("PATCH"), .other("OPTIONS")]

  /// A body with these has no meaning (RFC 9110, sections 9.3.1 and 9.3.2) and hides a second request from a proxy.
  var forbidsBody: Bool { self == .get || self == .head }
}
