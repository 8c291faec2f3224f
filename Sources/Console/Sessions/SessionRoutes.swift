import HTTP
import PKI
import Store

extension Router where Context == Visit {
  /// Setting up, signing in and out, and the password.
  mutating func addSessionRoutes() {
    on(.get, "/setup/:token") { _, path, visit in
      let token = path["token"] ?? ""
      guard try await visit.services.store.isSetupToken(token) else { throw SessionRoutes.setupOver }
      return try SessionPages.setup(visit, token: token, name: "", problems: [])
    }
    on(.post, "/setup/:token") { request, path, visit in
      try await SessionRoutes.setUp(request, token: path["token"] ?? "", visit)
    }
    on(.get, "/sign-in") { request, _, visit in
      let target = ReturnPath.checked(request.query["return"])
      if visit.visitor != nil { return visit.redirect(to: target ?? "/") }
      return try SessionPages.signIn(visit, name: "", returnTo: target, banner: nil, status: 200)
    }
    on(.post, "/sign-in") { request, _, visit in try await SessionRoutes.signIn(request, visit) }
    on(.post, "/sign-out") { _, _, visit in try await SessionRoutes.signOut(visit) }
    on(.get, "/account") { _, _, visit in try SessionPages.account(visit, problems: []) }
    on(.post, "/account") { request, _, visit in try await SessionRoutes.changePassword(request, visit) }
  }
}

enum SessionRoutes {
  static let setupOver = PageError(
    404,
    "This link is not valid any more: the first administrator has been made, or the server has printed a new link at its "
      + "last start.", title: "The link is used up")

  static func setUp(_ request: Request, token: String, _ visit: Visit) async throws -> Response {
    let services = visit.services
    guard try await services.store.isSetupToken(token) else { throw setupOver }
    let name = Credentials.name(request.form["name"])
    let password = request.form["password"] ?? ""
    var problems = Credentials.problems(
      password, again: request.form["password_again"] ?? "", name: name ?? "", field: "password",
      againField: "password_again")
    if name == nil { problems.insert(("name", "Choose a name of 1 to 64 characters on one line."), at: 0) }
    guard let name, problems.isEmpty else {
      return try SessionPages.setup(visit, token: token, name: request.form["name"] ?? "", problems: problems)
    }
    let secret = Credentials.password(password)
    let hash = try await services.workThreads.run { try PasswordHash.make(secret) }
    let user = try await services.store.addFirstAdministrator(token: token, name: name, hash: hash)
    visit.log("first administrator made", ["name": name])
    return try await begin(user, at: "/", visit)
  }

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
    switch try await services.signInDesk.check(
      name: name, password: Credentials.password(password), from: request.remoteAddress)
    {
    case .right(let user):
      visit.log("signed in", ["name": user.name, "from": request.remoteAddress])
      return try await begin(user, at: target ?? "/", visit)
    case .wrong:
      visit.log("sign-in failed", ["from": request.remoteAddress])
      return try again(
        Part.banner(
          "error", "The name or the password is wrong",
          text: "After \(Store.freeSignInFailures) failed attempts one must wait before the next.", role: "alert"), 422)
    case .later(let seconds):
      let banner = Part.banner(
        "error", "Too many failed attempts",
        text: "Try again in \(Display.count(seconds, "second")). The password was not looked at.", role: "alert")
      return try again(banner, 429).withHeader("Retry-After", String(seconds))
    case .busy:
      let banner = Part.banner(
        "error", "Too many people are signing in at this moment", text: "Try again in a few seconds.", role: "alert")
      return try again(banner, 503).withHeader("Retry-After", "5")
    }
  }

  static func signOut(_ visit: Visit) async throws -> Response {
    let visitor = try visit.signedIn()
    try await visit.services.store.endSession(visitor.session.id)
    visit.services.sessionStreams.end(session: visitor.session.id)
    visit.log("signed out")
    return visit.redirect(to: "/sign-in", notice: "You are signed out.")
      .withHeader("Set-Cookie", SessionCookie.removal)
  }

  static func changePassword(_ request: Request, _ visit: Visit) async throws -> Response {
    let services = visit.services
    let visitor = try visit.signedIn()
    let password = request.form["password"] ?? ""
    let problems = Credentials.problems(
      password, again: request.form["password_again"] ?? "", name: visitor.name, field: "password",
      againField: "password_again")
    guard problems.isEmpty else { return try SessionPages.account(visit, problems: problems) }
    let current = Credentials.password(request.form["current"])
    switch try await services.signInDesk.check(name: visitor.name, password: current, from: request.remoteAddress) {
    case .right(let user):
      let secret = Credentials.password(password)
      let hash = try await services.workThreads.run { try PasswordHash.make(secret) }
      try await services.store.changePassword(user.id, hash: hash, keeping: visitor.session.id)
      services.sessionStreams.end(of: user.id, except: visitor.session.id)
      visit.log("password changed")
      return visit.redirect(to: "/account", notice: "The password was changed. Every other browser is signed out.")
    case .wrong:
      return try SessionPages.account(visit, problems: [("current", "This is not your present password.")])
    case .later(let seconds):
      let sentence = "Too many failed attempts. Try again in \(Display.count(seconds, "second"))."
      return try SessionPages.account(visit, problems: [("current", sentence)], status: 429)
        .withHeader("Retry-After", String(seconds))
    case .busy:
      throw PageError(503, "Too many people are signing in at this moment. Try again in a few seconds.")
    }
  }

  /// A new session with a token of its own, whatever cookie the browser came with.
  private static func begin(_ user: UserRecord, at path: String, _ visit: Visit) async throws -> Response {
    let token = try await visit.services.store.createSession(user.id)
    return visit.redirect(to: path).withHeader("Set-Cookie", SessionCookie.setting(token))
  }
}
