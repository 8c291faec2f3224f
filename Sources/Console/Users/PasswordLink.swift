import HTTP
import PKI
import Store

extension ConsoleRouter {
  /// Where somebody chooses a password who was given a link to do so.
  mutating func addPasswordLinkRoutes() {
    on(.get, "/password/:token", for: .open) { _, path, visit in
      let token = path["token"] ?? ""
      return try PasswordLink.form(token, try await PasswordLink.user(token, visit), [], visit)
    }
    on(.post, "/password/:token", for: .open) { request, path, visit in
      try await PasswordLink.choose(request, token: path["token"] ?? "", visit)
    }
  }
}

/// A link, good once and for a day, with which a user chooses a password.
enum PasswordLink {
  /// The path of the page that a token opens.
  static func path(_ token: String) -> String { "/password/\(token)" }

  static func user(_ token: String, _ visit: Visit) async throws -> UserRecord {
    guard let user = try await visit.services.store.passwordLink(token) else { throw over }
    return user
  }

  private static let over = PageError(
    404,
    "This link is not valid any more: it has been used, or its time is over, or a newer one was made. Ask an "
      + "administrator for a new one.", title: "The link is used up")

  static func choose(_ request: Request, token: String, _ visit: Visit) async throws -> Response {
    let services = visit.services
    let user = try await user(token, visit)
    let password = request.form["password"] ?? ""
    let problems = Credentials.problems(
      password, again: request.form["password_again"] ?? "", name: user.name, field: "password",
      againField: "password_again")
    guard problems.isEmpty else { return try form(token, user, problems, visit) }
    let secret = Credentials.password(password)
    let hash = try await services.workThreads.run { try PasswordHash.make(secret) }
    do {
      try await visit.audit(.userLinkUsed, on: user.name, by: .user(user.name, id: user.id, from: visit.address)) {
        _ = try await services.store.usePasswordLink(token, hash: hash)
      }
    } catch let error as StoreError where error.code == "LINK_OVER" {
      throw over
    }
    services.sessionStreams.end(of: user.id)
    // Signing in is a step of its own, which may ask for more than the password.
    return visit.redirect(to: "/sign-in", notice: "Your password was set. Sign in with it as “\(user.name)”.")
  }

  static func form(
    _ token: String, _ user: UserRecord, _ problems: [SessionPages.Problem], _ visit: Visit
  ) throws -> Response {
    func sentence(_ field: String) -> String? { problems.first { $0.field == field }?.sentence }
    let form: PageModel = [
      "path": path(token),
      "fields": [
        FieldPart.input(
          "password", "Password", type: "password",
          hint: "At least \(Credentials.shortestPassword) characters; a sentence is easy to keep in mind.",
          error: sentence("password")
        ).attributes(["autocomplete": "new-password"]).required,
        FieldPart.input(
          "password_again", "Password, once more", type: "password", error: sentence("password_again")
        ).attributes(["autocomplete": "new-password"]).required,
      ].map(\.fields),
      "buttons": Part.buttons("Set the password"),
    ]
    var model: PageModel = [
      "header": Part.header(
        "Choose a password",
        lead: "You will sign in as “\(VisibleText.of(user.name))”, \(user.role.words.article) \(user.role.rawValue). "
          + "This link works once."),
      "form": form,
    ]
    if !problems.isEmpty { model["banner"] = Part.errors(problems) }
    return try visit.page("sessions/form", model, status: problems.isEmpty ? 200 : 422)
  }
}

extension PasswordHash {
  /// The hash of a password that nobody knows. Takes as long as any; to be called on a thread that may wait.
  public static func unknown() throws -> PasswordHash { try make(SecretBytes(utf8: SecureRandom.token())) }
}
