import Foundation
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
  public private(set) var csrfToken: String
  /// What the form before this page had to say; shown once.
  public let notice: String?
  /// The path that was asked for.
  public let path: String
  /// The address that the request came from, for the audit log.
  public let address: String
  /// What waits for the visitor's agreement.
  var waiting: [Agreement] = []
  /// Who may use the route that answers; set once the guard has let the visitor through.
  public internal(set) var access = RouteAccess.open

  /// How many components are not as they were deployed, which every page says.
  var differing = 0

  /// Whether a program asks for something that a setting opens to everybody on this machine.
  var needsNoToken = false

  /// When the time of the token was over that a program has sent; nil for any other, and where none was sent.
  var tokenEnded: Date?

  /// What every page says while this machine's clock disagrees with the certificates.
  var clockBanner: PageModel?

  /// Whether somebody is signed in who may do what a role may.
  public func may(_ role: Role) -> Bool { visitor.map { $0.role >= role } ?? false }

  /// What pages show only to whoever may do what a role may, such as links; nothing for everybody else.
  public func only<Value>(_ role: Role, _ values: [Value]) -> [Value] { may(role) ? values : [] }

  /// One thing that pages show only to whoever may do what a role may; nil for everybody else.
  public func only<Value>(_ role: Role, _ value: Value) -> Value? { may(role) ? value : nil }

  /// Who is signed in. Throws 401 outside of the session, which the guard has ruled out for all but a few pages.
  public func signedIn() throws -> Visitor {
    guard let visitor else { throw PageError(401, "Sign in first.") }
    return visitor
  }

  /// Draws a page; short for ``Services/page(_:_:_:status:)``.
  public func page(_ name: String, _ model: PageModel, status: Int = 200) throws -> Response {
    try services.page(name, model, self, status: status)
  }

  /// Who does something in this visit.
  public var author: AuditAuthor {
    guard let visitor else { return .stranger(from: address) }
    return .user(visitor.name, id: visitor.user, from: address)
  }

  /// Records what the visitor is about to do, where the store is not changed by it. Nothing may hold a secret.
  ///
  /// - Parameters:
  ///   - subject: what it is done to, as people call it.
  ///   - author: who does it, unless it is the visitor.
  public func audit(
    _ event: AuditEvent, on subject: String? = nil, _ details: [String: String] = [:], by author: AuditAuthor? = nil
  ) async throws {
    let act = AuditAct(event, by: author ?? self.author, on: subject, naming(details))
    try await services.store.record(act)
    log(act)
  }

  /// Does something that changes the store, and records it in the same transaction: neither is there without the other.
  /// What throws leaves no entry.
  ///
  /// - Parameters:
  ///   - subject: what it is done to, as people call it.
  ///   - reason: why, where that was asked for.
  ///   - author: who does it, unless it is the visitor.
  public func audit<Value>(
    _ event: AuditEvent, on subject: String? = nil, _ details: [String: String] = [:], reason: String? = nil,
    by author: AuditAuthor? = nil, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
  ) async throws -> Value {
    let act = AuditAct(event, by: author ?? self.author, on: subject, naming(details), reason: reason)
    let value = try await services.store.recording(act, isolation: isolation, body)
    log(act)
    return value
  }

  /// What the visitor does, for a transaction that records several acts. Each is to be logged with ``log(_:)`` after it.
  func act(_ event: AuditEvent, on subject: String?, _ details: [String: String]) -> AuditAct {
    AuditAct(event, by: author, on: subject, naming(details))
  }

  /// The details with the token that the user's program has shown.
  private func naming(_ details: [String: String]) -> [String: String] {
    guard case .token(let token)? = visitor?.credential else { return details }
    return details.merging(["with token": "\(token.name) (\(token.id))"]) { own, _ in own }
  }

  /// One line, for whoever reads the log of the server.
  func log(_ act: AuditAct) {
    var metadata: Logger.Metadata = act.details.mapValues { .string($0) }
    metadata["by"] = .string(act.author.name)
    metadata["from"] = .string(act.author.address ?? "-")
    if let subject = act.subject { metadata["on"] = .string(subject) }
    metadata.merge(LogSubject.of(act)) { own, _ in own }
    services.logger.notice("\(act.event.rawValue)", metadata: metadata)
  }

  /// The same visit once its session has another token, on which the tokens of forms depend.
  func renewed(_ sessionToken: String) -> Visit {
    var copy = self
    copy.csrfToken = FormToken.derived(from: sessionToken)
    return copy
  }

  /// Goes on at a path of the console, where a notice is shown once.
  public func redirect(to path: String, notice: String? = nil) -> Response {
    let response = Response.redirect(to: path)
    return notice.map { response.withHeader("Set-Cookie", Notice.cookie($0)) } ?? response
  }
}

/// Somebody who has shown who they are: a user with a session, or a program with a user's token.
public struct Visitor: Sendable {
  /// What was shown.
  public enum Credential: Sendable {
    case session(SessionRecord)
    case token(TokenRecord)

    /// Which, without what is known of it.
    enum Key: Hashable, Sendable {
      case session(SessionRecord.ID)
      case token(TokenRecord.ID)
    }

    /// Which it is.
    var key: Key {
      switch self {
      case .session(let session): .session(session.id)
      case .token(let token): .token(token.id)
      }
    }
  }

  /// What was shown.
  public let credential: Credential
  /// The user's name.
  public let name: String
  /// The user's number.
  public let user: UserRecord.ID
  /// What the visitor may do.
  public let role: Role

  /// The user of a session.
  public init(_ session: SessionRecord) {
    credential = .session(session)
    (name, user, role) = (session.userName, session.user, session.role)
  }

  /// The program that has a token.
  public init(_ token: TokenRecord) {
    credential = .token(token)
    (name, user, role) = (token.userName, token.user, token.role)
  }

  /// Whether a second factor has to be set up before anything else is shown, or done by a program.
  var needsSecondFactor: Bool {
    switch credential {
    case .session(let session): session.needsSecondFactor
    case .token(let token): token.needsSecondFactor
    }
  }

  /// The session. Throws 403 for a program, which has none.
  public func session() throws -> SessionRecord {
    guard case .session(let session) = credential else {
      throw PageError(403, "A token cannot do this. Sign in with a browser.", code: "SESSION_NEEDED")
    }
    return session
  }
}
