/// What is known of a request before its body is read.
public struct RequestHead: Sendable {
  /// The method; `.other("")` where the request line could not be read.
  public let method: Method
  /// The path, percent-decoded and checked: it begins with `/` and has no empty, `.` or `..` segment, no NUL and no
  /// encoded slash. It is `/` where a request was refused because of its path.
  public let path: String
  /// The path as it was sent, not decoded and not checked, at most 200 bytes of it: to tell for whom a refusal is, never to
  /// find a route.
  public let sentPath: String
  /// The fields of the query.
  public let query: Form
  /// The header fields.
  public let headers: Headers
  /// The cookies by name; of two with the same name the first one counts, as browsers send the closer one first.
  public let cookies: [String: String]
  /// The numeric address of the client, without a port: the connection's, or, where that is a trusted proxy's, the one
  /// that the proxy names; see ``ProxyTrust``. Nothing else says where a request comes from.
  public let remoteAddress: String
  /// True when the request came over TLS.
  public let isSecure: Bool

  /// The path as it may be logged: a segment that is long enough to be a token of a one-time link is left out.
  public var loggedPath: String {
    path.split(separator: "/", omittingEmptySubsequences: false)
      .map { $0.utf8.count < 40 ? $0 : "…" }.joined(separator: "/")
  }
}

/// A whole request that passed every check of the server. Malformed ones never reach the handler.
public struct Request: Sendable {
  /// Everything that came before the body.
  public let head: RequestHead
  /// The bytes of the body; empty when it was a form, which stands in ``form``.
  public let body: [UInt8]
  /// The fields and files of a form (`application/x-www-form-urlencoded` or `multipart/form-data`); otherwise empty.
  public let form: Form

  /// The method.
  public var method: Method { head.method }
  /// The percent-decoded path; see ``RequestHead/path``.
  public var path: String { head.path }
  /// The fields of the query.
  public var query: Form { head.query }
  /// The header fields.
  public var headers: Headers { head.headers }
  /// The cookies by name.
  public var cookies: [String: String] { head.cookies }
  /// The numeric address of the client, without a port.
  public var remoteAddress: String { head.remoteAddress }
  /// True when the request came over TLS.
  public var isSecure: Bool { head.isSecure }

  /// Makes a request by hand, for tests of handlers.
  public init(
    method: Method = .get, path: String = "/", query: Form = Form(), headers: Headers = Headers(),
    remoteAddress: String = "127.0.0.1", isSecure: Bool = true, body: [UInt8] = [], form: Form = Form()
  ) {
    self.init(
      head: RequestHead(
        method: method, path: path, sentPath: path, query: query, headers: headers,
        cookies: Cookies.parse(headers.all("cookie")),
        remoteAddress: remoteAddress, isSecure: isSecure),
      body: body, form: form)
  }

  init(head: RequestHead, body: [UInt8], form: Form) {
    self.head = head
    self.body = body
    self.form = form
  }
}
