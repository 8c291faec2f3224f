import HTTP
import PKI
import Store

/// Signing in: the password first, then, where the user has a second factor, its code.
enum SignInRoutes {
  static func signIn(_ request: Request, _ visit: Visit) async throws -> Response {
    let services = visit.services
    let target = ReturnPath.checked(request.form["return"])
    let given = request.form["name"] ?? ""
    func again(_ banner: PageModel, _ status: Int) throws -> Response {
      try SessionPages.signIn(
        visit, name: Credentials.name(given) ?? "", returnTo: target, banner: banner, status: status)
    }
    guard let name = Credentials.name(given), let password = request.form["password"], !password.isEmpty else {
      return try again(Part.banner("error", "Give your name and your password", role: "alert"), 422)
    }
    let answer = try await services.signInDesk.check(
      name: name, password: Credentials.password(password), from: SignInCaller(request))
    if let refusal = try await refusal(answer, visit, again) { return refusal }
    guard case .right(let user) = answer else {
      try await recordFailure(at: name, request, visit)
      return try again(
        Part.banner(
          "error", "The name or the password is wrong",
          text: "After \(SignInCount.freeFailures) failed attempts one must wait before the next.", role: "alert"), 422)
    }
    guard try await services.store.secondFactor(user.id) == nil else {
      return try await askForCode(user, target, visit)
    }
    return try await begin(user, at: target ?? "/", request, visit)
  }

  /// The page for the code, to whoever has given the password.
  static func codePage(_ request: Request, _ visit: Visit) async throws -> Response {
    let target = ReturnPath.checked(request.query["return"])
    if visit.visitor != nil { return visit.redirect(to: target ?? "/") }
    guard try await step(request, visit) != nil else { return startAgain(visit, target) }
    return try SessionPages.code(visit, returnTo: target, banner: nil, status: 200)
  }

  static func giveCode(_ request: Request, _ visit: Visit) async throws -> Response {
    let services = visit.services
    let target = ReturnPath.checked(request.form["return"])
    guard let (token, user) = try await step(request, visit) else { return startAgain(visit, target) }
    func again(_ banner: PageModel, _ status: Int) throws -> Response {
      try SessionPages.code(visit, returnTo: target, banner: banner, status: status)
    }
    let code = request.form["code"] ?? ""
    guard !code.isEmpty else { return try again(Part.banner("error", "Give the code", role: "alert"), 422) }
    let answer = try await services.signInDesk.check(code: code, of: user, from: SignInCaller(request))
    if let refusal = try await refusal(answer, visit, again) { return refusal }
    guard case .right(let kind) = answer else {
      try await visit.audit(
        .signInFailed, ["form": "code after the password"], by: .stranger(claiming: user, from: visit.address))
      try await services.store.failSignInStep(token)
      guard try await services.store.signInStep(token) != nil else { return startAgain(visit, target) }
      return try again(
        Part.banner(
          "error", "This code is not right",
          text: "Each code is good once. Wait for the next one, and see whether the phone's clock is right.",
          role: "alert"), 422)
    }
    // Whoever changed the password or took the factor away meanwhile has ended the step.
    guard try await services.store.endSignInStep(token) else { return startAgain(visit, target) }
    let left = try await services.store.secondFactor(user.id)?.recoveryCodesLeft
    return try await begin(
      user, at: target ?? "/", request, visit, details: ["second factor": words(kind)], notice: notice(kind, left: left)
    )
  }

  /// A new session with a token of its own, whatever cookies the browser came with.
  static func begin(
    _ user: UserRecord, at path: String, _ request: Request, _ visit: Visit, details: [String: String] = [:],
    notice: String? = nil
  ) async throws -> Response {
    let services = visit.services
    try await services.signInDesk.completed(name: user.name, SignInCaller(request))
    if let former = visit.visitor {
      try await services.store.endSession(former.session().id)
      try services.sessionStreams.end(session: former.session().id)
    }
    let author = AuditAuthor.user(user.name, id: user.id, from: visit.address)
    let token = try await visit.audit(.signedIn, details, by: author) {
      try await services.store.createSession(
        user, from: visit.address, browser: BrowserName.words(request.headers.first("user-agent")))
    }
    let mark = try await services.store.markBrowser(of: user.name)
    return visit.redirect(to: path, notice: notice)
      .withHeader("Set-Cookie", SessionCookie.setting(token))
      .withHeader("Set-Cookie", SessionCookie.settingBrowser(mark))
      .withHeader("Set-Cookie", SessionCookie.stepRemoval)
  }

  /// A wrong name or password. Names that nobody has are endless, so those from one place are counted, and recorded
  /// together.
  private static func recordFailure(at name: String, _ request: Request, _ visit: Visit) async throws {
    let services = visit.services
    if let user = try await services.store.user(name: name) {
      return try await visit.audit(.signInFailed, by: .stranger(claiming: user, from: visit.address))
    }
    let place = SignInCaller(request).place
    guard let number = services.unknownNames.count(from: place, at: services.clock()) else { return }
    let details = number > 1 ? ["attempts": String(number)] : [:]
    try await visit.audit(.signInFailed, details, by: .stranger(from: visit.address))
  }

  /// Attempts that were not looked at.
  static func recordRefusal(_ visit: Visit) async throws {
    let services = visit.services
    guard let number = services.refusals.count(from: visit.address, at: services.clock()) else { return }
    try await visit.audit(.signInRefused, ["attempts": String(number)])
  }

  private static func askForCode(_ user: UserRecord, _ target: String?, _ visit: Visit) async throws -> Response {
    let token = try await visit.services.store.createSignInStep(user)
    let path = "/sign-in/code" + (target.map { "?return=" + ReturnPath.encoded($0) } ?? "")
    return visit.redirect(to: path).withHeader("Set-Cookie", SessionCookie.settingStep(token))
  }

  private static func step(_ request: Request, _ visit: Visit) async throws -> (token: String, user: UserRecord)? {
    guard let token = SessionCookie.token(request.cookies, SessionCookie.stepName),
      let user = try await visit.services.store.signInStep(token)
    else { return nil }
    return (token, user)
  }

  private static func startAgain(_ visit: Visit, _ target: String?) -> Response {
    let path = "/sign-in" + (target.map { "?return=" + ReturnPath.encoded($0) } ?? "")
    return visit.redirect(to: path, notice: "Begin with your name and your password.")
      .withHeader("Set-Cookie", SessionCookie.stepRemoval)
  }

  private static func words(_ kind: SecondFactorCode) -> String {
    switch kind {
    case .oneTimePassword: "one-time password"
    case .recoveryCode(let left): "recovery code, \(left) left"
    }
  }

  private static func notice(_ kind: SecondFactorCode, left: Int?) -> String? {
    guard case .recoveryCode(let left) = kind else {
      // So it is after a restore.
      return left == 0
        ? "You have no recovery codes. Make new ones on the page Account: without them a lost phone locks you out."
        : nil
    }
    return left == 0
      ? "That was your last recovery code. Make new ones on the page Account."
      : "That recovery code is used up; \(left == 1 ? "1 is" : "\(left) are") left."
  }

  /// The form again, after an attempt that was not looked at, which is recorded; nil for one that was.
  private static func refusal<Right>(
    _ answer: SignInDesk.Answer<Right>, _ visit: Visit, _ form: (PageModel, Int) throws -> Response
  ) async throws -> Response? {
    let (status, seconds, title, text): (Int, Int, String, String)
    switch answer {
    case .right, .wrong: return nil
    case .later(let wait):
      (status, seconds, title) = (429, wait, "Too many failed attempts")
      text = "Try again in \(Display.count(wait, "second")). Nothing of this attempt was looked at."
    case .busy:
      (status, seconds, title) = (503, 5, "Too many people are signing in at this moment")
      text = "Try again in a few seconds."
    }
    try await recordRefusal(visit)
    return try form(Part.banner("error", title, text: text, role: "alert"), status)
      .withHeader("Retry-After", String(seconds))
  }
}
