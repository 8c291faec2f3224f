import HTTP
import PKI
import Store

extension ConsoleRouter {
  /// Setting up, signing in and out, and the password.
  mutating func addSessionRoutes() {
    on(.get, "/setup/:token", for: .open) { _, path, visit in
      let token = path["token"] ?? ""
      guard try await visit.services.store.isSetupToken(token) else { throw SessionRoutes.setupOver }
      return try SessionPages.setup(visit, token: token, name: "", problems: [])
    }
    on(.post, "/setup/:token", for: .open) { request, path, visit in
      try await SessionRoutes.setUp(request, token: path["token"] ?? "", visit)
    }
    on(.get, "/sign-in", for: .open) { request, _, visit in
      let target = ReturnPath.checked(request.query["return"])
      if visit.visitor != nil { return visit.redirect(to: target ?? "/") }
      return try SessionPages.signIn(visit, name: "", returnTo: target, banner: nil, status: 200)
    }
    on(.post, "/sign-in", for: .open) { request, _, visit in try await SignInRoutes.signIn(request, visit) }
    on(.get, "/sign-in/code", for: .open) { request, _, visit in try await SignInRoutes.codePage(request, visit) }
    on(.post, "/sign-in/code", for: .open) { request, _, visit in try await SignInRoutes.giveCode(request, visit) }
    on(.post, "/sign-out", for: .signedIn) { _, _, visit in try await SessionRoutes.signOut(visit) }
    addSecondFactorRoutes()
    on(.get, "/account", for: .signedIn) { _, _, visit in try await AccountPage.of(visit).response(visit) }
    addSessionEndingRoutes()
    on(.post, "/account", for: .signedIn) { request, _, visit in try await SessionRoutes.changePassword(request, visit)
    }
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
    if let problem = Credentials.problem(ofNewUser: request.form["name"]) { problems.insert(("name", problem), at: 0) }
    guard let name, problems.isEmpty else {
      return try SessionPages.setup(visit, token: token, name: request.form["name"] ?? "", problems: problems)
    }
    let secret = Credentials.password(password)
    let hash = try await services.workThreads.run { try PasswordHash.make(secret) }
    let user = try await visit.audit(.firstAdministratorMade, on: name) {
      try await services.store.addFirstAdministrator(token: token, name: name, hash: hash)
    }
    return try await SignInRoutes.begin(user, at: "/", request, visit)
  }

  static func signOut(_ visit: Visit) async throws -> Response {
    let visitor = try visit.signedIn()
    try await visit.audit(.signedOut) { try await visit.services.store.endSession(visitor.session().id) }
    try visit.services.sessionStreams.end(session: visitor.session().id)
    return visit.redirect(to: "/sign-in", notice: "You are signed out.")
      .withHeader("Set-Cookie", SessionCookie.removal)
  }

  /// Ends the visitor's sessions but this one, and their streams.
  static func endOtherSessions(_ visit: Visit) async throws {
    let visitor = try visit.signedIn()
    try await visit.services.store.endSessions(of: visitor.user, except: visitor.session().id)
    try visit.services.sessionStreams.end(of: visitor.user, except: visitor.session().id)
  }

  /// Ends the visitor's other sessions and gives this one another token, after its protection has changed.
  static func renew(_ visit: Visit) async throws -> (cookie: String, visit: Visit) {
    try await endOtherSessions(visit)
    let token = try await visit.services.store.renewSession(try visit.signedIn().session().id)
    return (SessionCookie.setting(token), visit.renewed(token))
  }

  static func changePassword(_ request: Request, _ visit: Visit) async throws -> Response {
    let services = visit.services
    let visitor = try visit.signedIn()
    let password = request.form["password"] ?? ""
    let page = try await AccountPage.of(visit)
    let problems = Credentials.problems(
      password, again: request.form["password_again"] ?? "", name: visitor.name, field: "password",
      againField: "password_again")
    guard problems.isEmpty else { return try page.response(visit, problems: problems) }
    if let refusal = try await PresentPassword.refusal(request, visit) {
      return refusal.response(
        try page.response(visit, problems: [(PresentPassword.field, refusal.sentence)], status: refusal.status))
    }
    let secret = Credentials.password(password)
    let hash = try await services.workThreads.run { try PasswordHash.make(secret) }
    try await visit.audit(.passwordChanged, on: visitor.name) {
      try await services.store.changePassword(visitor.user, hash: hash, keeping: visitor.session().id)
    }
    let (cookie, _) = try await renew(visit)
    return visit.redirect(to: "/account", notice: "The password was changed. Every other browser is signed out.")
      .withHeader("Set-Cookie", cookie)
  }
}
