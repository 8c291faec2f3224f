import Foundation
import HTTP
import PKI

/// Decides, before any route is asked, who is there and whether the request may go on. Nothing else does.
///
/// Everything is behind the session but the files of the public folder and the routes that are added as open; also an
/// address that does not exist, so that nobody learns from outside which ones do.
struct AccessGuard: Sendable {
  let services: Services

  /// Finds out who asks. Whether the route is theirs is still for ``admit(_:_:to:)`` to say, and a form must be checked
  /// with ``checkForm(_:_:)``.
  ///
  /// - Returns: the visit, and the cookies that an answer of a route sets.
  func identify(_ request: Request) async throws -> (visit: Visit, cookies: [String]) {
    // A browser sends its cookies whoever made it ask, a token it never sends by itself; so the API takes tokens alone.
    if APIPath.isOne(request.path) { return (try await program(request), []) }
    let notice = Notice.text(request.cookies)
    if let token = SessionCookie.token(request.cookies, SessionCookie.name),
      let visitor = try await services.visitor(token: token)
    {
      var visit = Visit(
        services: services, visitor: visitor, csrfToken: FormToken.derived(from: token), notice: notice,
        path: request.path, address: request.remoteAddress)
      // Read for every page: whoever is asked should not have to look for it.
      if visit.may(.operator), !visitor.needsSecondFactor {
        visit.waiting = try await services.store.openAgreements().filter {
          $0.standing == .waiting && $0.asker != visitor.user && visit.may($0.subject.role)
        }
      }
      return (visit, [])
    }
    let token: String
    var cookies: [String] = []
    if let known = SessionCookie.token(request.cookies, SessionCookie.visitName) {
      token = known
    } else {
      token = SecureRandom.token()
      cookies.append(SessionCookie.settingVisit(token))
    }
    let visit = Visit(
      services: services, visitor: nil, csrfToken: FormToken.derived(from: token), notice: notice, path: request.path,
      address: request.remoteAddress)
    return (visit, cookies)
  }

  /// The program that asks, by its bearer token (RFC 6750, section 2.1).
  private func program(_ request: Request) async throws -> Visit {
    let fields = request.headers.all("authorization")
    guard fields.count <= 1 else {
      // Which one counts is nobody's to guess, and another program on the way may guess otherwise.
      throw PageError(
        400, "The request has more than one Authorization header. Send one token.", code: "REPEATED_HEADER")
    }
    let parts = (fields.first ?? "").split(separator: " ", maxSplits: 1)
    var (visitor, ended): (Visitor?, Date?)
    if parts.count == 2, parts[0].lowercased() == "bearer" {
      let token = String(parts[1])
      visitor = try await services.store.token(token, from: request.remoteAddress).map { Visitor($0) }
      if visitor == nil { ended = try await services.store.tokenEnd(token) }
    }
    var visit = Visit(
      services: services, visitor: visitor, csrfToken: "", notice: nil, path: request.path,
      address: request.remoteAddress)
    visit.tokenEnded = ended
    if visitor == nil { visit.needsNoToken = try await MonitoringPath.isOpen(request, services.store) }
    return visit
  }

  /// Lets a visitor through to a route, or not.
  ///
  /// - Parameter access: who may use the route; nil where there is none, which a stranger is not told.
  /// - Returns: the way to the sign-in, for a stranger, or to what must be set up first; nil when the request may go on.
  /// - Throws: ``PageError`` 403 when the visitor's role does not do.
  func admit(_ request: Request, _ visit: Visit, to access: RouteAccess?) throws -> Response? {
    guard let visitor = visit.visitor else {
      return access?.permits(nil) == true || visit.needsNoToken ? nil : try Self.toSignIn(request, visit)
    }
    if visitor.needsSecondFactor, !Self.settingUp.contains(request.path) {
      return try Self.toSecondFactor(request, visit)
    }
    guard let access, !access.permits(visitor.role) else { return nil }
    throw access.refusal(to: visitor.role)
  }

  /// Refuses every request that may change something unless it carries the visit's token.
  func checkForm(_ request: Request, _ visit: Visit) throws {
    guard !APIPath.isOne(request.path) else { return }
    switch request.method {
    case .get, .head, .other("OPTIONS"): return
    default: break
    }
    guard FormToken.matches(request.form[FormToken.field], visit.csrfToken) else {
      throw PageError(
        403,
        "This form does not belong to your session, so nothing was changed. Open the page again and send it once more; "
          + "cookies must be allowed.",
        title: "The form has expired")
    }
  }

  /// All that somebody sees who must set a second factor up.
  private static let settingUp: Set<String> = [SecondFactorPages.path, SecondFactorPages.path + "/secret", "/sign-out"]

  private static func toSecondFactor(_ request: Request, _ visit: Visit) throws -> Response {
    if APIPath.isOne(request.path) {
      throw PageError(
        403,
        "Everybody needs a second factor here, and the user whose token this is has none. Set one up on the page "
          + "“Account”; the token opens everything again then.", code: "SECOND_FACTOR_NEEDED")
    }
    if isByScript(request) { return Response.text("Set up a second factor first.\n", status: 403) }
    return visit.redirect(to: SecondFactorPages.path)
  }

  /// Whether a stream or a script asks, which could do nothing with a page.
  private static func isByScript(_ request: Request) -> Bool {
    let accept = request.headers.first("accept") ?? ""
    return request.path.hasSuffix("/events") || accept.contains("text/event-stream") || accept == "application/json"
  }

  /// A page sends the browser to the sign-in form; a stream or a script gets 401, which it can tell apart.
  static func toSignIn(_ request: Request, _ visit: Visit) throws -> Response {
    if APIPath.isOne(request.path) {
      let way = "One is made on the page “Tokens”, or by `reroot tokens make`."
      // RFC 6750, section 3.
      guard let ended = visit.tokenEnded else {
        return try ProblemDetails(
          status: 401, code: "TOKEN_NEEDED", sentence: "Send a valid token: `Authorization: Bearer reroot_…`. \(way)"
        ).response().withHeader("WWW-Authenticate", "Bearer realm=\"reroot\"")
      }
      return try ProblemDetails(
        status: 401, code: "TOKEN_EXPIRED",
        sentence: "The time of this token was over on \(Display.moment(ended)). Send another one. \(way)"
      ).response().withHeader("WWW-Authenticate", "Bearer realm=\"reroot\", error=\"invalid_token\"")
    }
    if isByScript(request) {
      return Response.text("Sign in first.\n", status: 401).withHeader("WWW-Authenticate", "Session")
    }
    guard request.method == .get || request.method == .head, request.path != "/" else {
      return .redirect(to: "/sign-in")
    }
    return .redirect(to: "/sign-in?return=" + ReturnPath.encoded(request.path))
  }
}

/// The page to go on with after signing in. Only paths of this server: anything else would let a link lead elsewhere.
enum ReturnPath {
  /// The path where it is one of this server; nil otherwise.
  ///
  /// A second slash or a backslash after the first would begin another host's address (URL Standard, section 4.4).
  static func checked(_ text: String?) -> String? {
    guard let text, text.utf8.count <= 2000, text.hasPrefix("/"), !text.hasPrefix("//"),
      text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }),
      !text.hasPrefix("/sign-")
    else { return nil }
    return text
  }

  /// Percent-encoded for the value of a query.
  static func encoded(_ path: String) -> String {
    var text = ""
    for byte in path.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x2F, 0x5F, 0x7E:
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default: text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return text
  }
}
