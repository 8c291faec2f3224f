import HTTP
import PKI
import Rotation
import Store

extension ConsoleRouter {
  /// The users: list, add, change, remove, a link to choose a new password. And that link, which is open.
  mutating func addUserRoutes() {
    on(.get, "/users", for: .administrator(to: "see the users")) { _, _, visit in
      return try UserPages.list(try await UserDesk.all(visit.services.store), visit)
    }
    on(.get, "/users/new", for: .administrator(to: "add a user")) { _, _, visit in
      try UserPages.add(visit, UserForm())
    }
    on(.post, "/users/new", for: .administrator(to: "add a user")) { request, _, visit in
      try await UserRoutes.add(UserForm(request.form), request, visit)
    }
    on(.get, "/users/:id", for: .administrator(to: "change a user")) { _, path, visit in
      let user = try await UserRoutes.user(path, visit)
      return try UserPages.edit(user, UserForm(name: user.name, role: user.role.rawValue), [], visit)
    }
    on(.post, "/users/:id", for: .administrator(to: "change a user")) { request, path, visit in
      let user = try await UserRoutes.user(path, visit)
      return try await UserRoutes.change(user, UserForm(request.form, former: user.name), visit)
    }
    on(.get, "/users/:id/remove", for: .administrator(to: "remove a user")) { _, path, visit in
      try UserPages.remove(try await UserRoutes.user(path, visit), ReasonField(), visit)
    }
    on(.post, "/users/:id/remove", for: .administrator(to: "remove a user")) { request, path, visit in
      try await UserRoutes.remove(try await UserRoutes.user(path, visit), ReasonField(request.form), visit)
    }
    on(.get, "/users/:id/link", for: .administrator(to: "make a password link")) { _, path, visit in
      try UserPages.askForLink(try await UserRoutes.user(path, visit), visit)
    }
    on(.post, "/users/:id/link", for: .administrator(to: "make a password link")) { request, path, visit in
      try await UserRoutes.makeLink(try await UserRoutes.user(path, visit), request, visit)
    }
    addSecondFactorRemovalRoutes()
    addPasswordLinkRoutes()
  }
}

enum UserRoutes {
  static func user(_ path: PathParameters, _ visit: Visit) async throws -> UserRecord {
    try await visit.services.store.user(try UserRecord.ID(path, "user"))
  }

  static func add(_ form: UserForm, _ request: Request, _ visit: Visit) async throws -> Response {
    do {
      let own = try await OwnAddress.of(request, visit.services)
      let (user, link) = try await UserDesk.add(form, visit)
      return try UserPages.link(of: user, link, address: link.address(at: own), isNew: true, visit)
    } catch let refusal as InputRefusal {
      return try UserPages.add(visit, form, refusal.fields)
    } catch let error as StoreError where error.code == "NAME_TAKEN" {
      return try UserPages.add(visit, form, [("name", error.sentence)])
    }
  }

  static func change(_ user: UserRecord, _ form: UserForm, _ visit: Visit) async throws -> Response {
    let role: Role
    do {
      role = try await UserDesk.change(user, form, visit)
    } catch let refusal as InputRefusal {
      return try UserPages.edit(user, form, refusal.fields, visit)
    } catch let error as StoreError where ProblemDetails.status(error) == 409 {
      let field = error.code == "NAME_TAKEN" ? "name" : "role"
      return try UserPages.edit(user, form, [(field, error.sentence)], visit)
    }
    // Whoever has given up the role may not see the list any more.
    let isOwn = try user.id == visit.signedIn().user
    let next = isOwn && role != .administrator ? "/" : "/users"
    return visit.redirect(to: next, notice: "“\(Credentials.name(form.name) ?? user.name)” was saved.")
  }

  static func remove(_ user: UserRecord, _ reason: ReasonField, _ visit: Visit) async throws -> Response {
    if reason.problem != nil { return try UserPages.remove(user, reason, visit) }
    do {
      try await UserDesk.remove(user, reason: reason.value, visit)
    } catch let error as StoreError where ProblemDetails.status(error) == 409 {
      return try UserPages.kept(user, error.sentence, visit)
    }
    return visit.redirect(to: "/users", notice: "“\(user.name)” was removed.")
  }

  static func makeLink(_ user: UserRecord, _ request: Request, _ visit: Visit) async throws -> Response {
    guard user.id != (try visit.signedIn().user) else { return try UserPages.askForLink(user, visit) }
    do {
      let own = try await OwnAddress.of(request, visit.services)
      let link = try await UserDesk.makeLink(user, visit)
      return try UserPages.link(of: user, link, address: link.address(at: own), isNew: false, visit)
    } catch let error as StoreError where ProblemDetails.status(error) == 409 {
      return try UserPages.kept(user, error.sentence, visit)
    }
  }
}

/// The form of a user as it was filled in.
struct UserForm {
  var name = ""
  var role = Role.viewer.rawValue
  /// The name that the user has already; nil for a new user.
  var former: String?

  init(name: String = "", role: String = Role.viewer.rawValue) {
    self.name = name
    self.role = role
  }

  init(_ form: Form, former: String? = nil) {
    self.former = former
    name = form["name"] ?? ""
    role = form["role"] ?? ""
  }

  /// The values, or what is wrong with each field.
  var checked: (values: (name: String, role: Role)?, problems: [SessionPages.Problem]) {
    var problems: [SessionPages.Problem] = []
    let name = Credentials.name(name)
    let role = Role(rawValue: role)
    // A user of an earlier version may keep a name that no new one may have.
    let problem = name != nil && name == former ? nil : Credentials.problem(ofNewUser: self.name)
    if let problem { problems.append(("name", problem)) }
    if role == nil { problems.append(("role", "Choose what the user may do.")) }
    guard let name, let role, problem == nil else { return (nil, problems) }
    return ((name, role), [])
  }
}
