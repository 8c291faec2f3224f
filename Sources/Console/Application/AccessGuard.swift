import HTTP
import PKI

/// Decides, before any route is asked, who is there and whether the request may go on. Nothing else does.
///
/// Everything is behind the session but the files of the public folder, `/sign-in` and `/setup/:token`; also an address
/// that does not exist, so that nobody learns from outside which ones do.
struct AccessGuard: Sendable {
  let services: Services

  /// What the guard found: go on with a visit, or answer at once.
  enum Verdict {
    case goOn(Visit, cookies: [String])
    case answer(Response)
  }

  /// Finds out who asks. A form must still be checked with ``checkForm(_:_:)``.
  func identify(_ request: Request) async throws -> Verdict {
    let notice = Notice.text(request.cookies)
    if let token = SessionCookie.token(request.cookies, SessionCookie.name),
      let visitor = try await services.visitor(token: token)
    {
      let visit = Visit(
        services: services, visitor: visitor, csrfToken: FormToken.derived(from: token), notice: notice,
        path: request.path)
      return .goOn(visit, cookies: [])
    }
    guard Self.isOpen(request.path) else { return .answer(Self.toSignIn(request)) }
    let token: String
    var cookies: [String] = []
    if let known = SessionCookie.token(request.cookies, SessionCookie.visitName) {
      token = known
    } else {
      token = SecureRandom.token()
      cookies.append(SessionCookie.settingVisit(token))
    }
    let visit = Visit(
      services: services, visitor: nil, csrfToken: FormToken.derived(from: token), notice: notice, path: request.path)
    return .goOn(visit, cookies: cookies)
  }

  /// Paths that are answered without a session.
  static func isOpen(_ path: String) -> Bool {
    path == "/sign-in" || path.hasPrefix("/setup/")
  }

  /// Refuses every request that may change something unless it carries the visit's token.
  func checkForm(_ request: Request, _ visit: Visit) throws {
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

  /// A page sends the browser to the sign-in form; a stream or a script gets 401, which it can tell apart.
  private static func toSignIn(_ request: Request) -> Response {
    let accept = request.headers.first("accept") ?? ""
    if request.path.hasSuffix("/events") || accept.contains("text/event-stream") || accept == "application/json" {
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
