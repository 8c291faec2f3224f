import HTTP
import Logging
import Store

/// One request's surroundings: what the console offers, and who asks.
public struct Visit: Sendable {
  /// What the console offers to its routes.
  public let services: Services
  /// Who is signed in; nil on the pages that are outside of the session.
  public let visitor: Visitor?
  /// What the hidden field `csrf` of every form on the page must hold.
  public let csrfToken: String
  /// What the form before this page had to say; shown once.
  public let notice: String?
  /// The path that was asked for.
  public let path: String

  /// Who is signed in. Throws 401 outside of the session, which the guard has ruled out for all but a few pages.
  public func signedIn() throws -> Visitor {
    guard let visitor else { throw PageError(401, "Sign in first.") }
    return visitor
  }

  /// Draws a page; short for ``Services/page(_:_:_:status:)``.
  public func page(_ name: String, _ model: PageModel, status: Int = 200) throws -> Response {
    try services.page(name, model, self, status: status)
  }

  /// Logs something that the visitor did: one line, without secrets.
  public func log(_ event: String, _ details: [String: String] = [:]) {
    var metadata: Logger.Metadata = details.mapValues { .string($0) }
    if let visitor { metadata["by"] = .string(visitor.name) }
    services.logger.notice("\(event)", metadata: metadata)
  }

  /// Goes on at a path of the console, where a notice is shown once.
  public func redirect(to path: String, notice: String? = nil) -> Response {
    let response = Response.redirect(to: path)
    return notice.map { response.withHeader("Set-Cookie", Notice.cookie($0)) } ?? response
  }
}

/// An administrator with a session.
public struct Visitor: Sendable {
  /// The name that was signed in with.
  public let name: String
  /// The session.
  public let session: SessionRecord

  /// Describes an administrator with a session.
  public init(name: String, session: SessionRecord) {
    self.name = name
    self.session = session
  }
}
