import Foundation
import HTTP
import PKI
import Store

/// What is done to users, by whichever way it was asked for: a form, the API.
enum UserDesk {
  /// A user and what belongs to it.
  struct Standing: Sendable {
    let user: UserRecord
    /// Until when the user's link to choose a password is good; nil without one.
    let link: Date?
    let hasSecondFactor: Bool
  }

  /// A link to choose a password, which is shown once.
  struct Link: Sendable {
    /// The path of the page that it opens.
    let path: String
    /// Until when it is good.
    let expiresAt: Date

    fileprivate init(_ token: String, _ visit: Visit) {
      path = PasswordLink.path(token)
      expiresAt = visit.services.clock().addingTimeInterval(Store.passwordLinkLifetime)
    }

    /// The whole address, at one of the console's own. That is found before the link is made: whatever fails after it
    /// would take away a link that exists.
    func address(at own: String) -> String { own + path }
  }

  static func all(_ store: Store) async throws -> [Standing] {
    let (users, links) = (try await store.users(), try await store.passwordLinks())
    let factors = try await store.usersWithSecondFactor()
    return users.map { Standing(user: $0, link: links[$0.id], hasSecondFactor: factors.contains($0.id)) }
  }

  static func standing(_ id: UserRecord.ID, _ store: Store) async throws -> Standing {
    let user = try await store.user(id)
    return Standing(
      user: user, link: try await store.passwordLinks()[id],
      hasSecondFactor: try await store.usersWithSecondFactor().contains(id))
  }

  /// Adds a user, who chooses a password by the link.
  ///
  /// - Throws: ``InputRefusal`` by the fields of the form; `NAME_TAKEN`.
  static func add(_ form: UserForm, _ visit: Visit) async throws -> (user: UserRecord, link: Link) {
    let values = try checked(form)
    let hash = try await nobodysPassword(visit)
    let (user, token) = try await visit.audit(.userAdded, on: values.name, ["role": values.role.rawValue]) {
      try await visit.services.store.addUser(name: values.name, role: values.role, hash: hash)
    }
    return (user, Link(token, visit))
  }

  /// Gives a user another name, another role, or both; it holds from the user's next request on.
  ///
  /// - Parameter isStill: whether the user must not have been changed since it was read.
  /// - Throws: ``InputRefusal`` by the fields of the form; `NAME_TAKEN`, `LAST_ADMINISTRATOR`, `TOO_FEW_USERS`,
  ///   `CHANGED_MEANWHILE`.
  /// - Returns: the role that holds now.
  @discardableResult
  static func change(
    _ user: UserRecord, _ form: UserForm, isStill: Bool = false, _ visit: Visit
  ) async throws -> Role {
    let values = try checked(form)
    let (event, details) = AuditEvent.change(of: user, to: values)
    try await visit.audit(event, on: user.name, details) {
      try await visit.services.store.changeUser(
        user.id, name: values.name, role: values.role, expecting: isStill ? user : nil)
    }
    // Open pages connect again, and are sent what the new role may see.
    if values.role != user.role { visit.services.sessionStreams.end(of: user.id) }
    return values.role
  }

  /// Removes a user, who is signed out everywhere at once.
  ///
  /// - Parameter reason: why, checked already.
  /// - Throws: `LAST_ADMINISTRATOR`, `TOO_FEW_USERS`, `CHANGED_MEANWHILE`.
  static func remove(_ user: UserRecord, reason: String, isStill: Bool = false, _ visit: Visit) async throws {
    try await visit.audit(.userRemoved, on: user.name, ["role": user.role.rawValue], reason: reason) {
      try await visit.services.store.removeUser(user.id, expecting: isStill ? user : nil)
    }
    visit.services.sessionStreams.end(of: user.id)
  }

  /// Makes a link to choose another password; the present one is good no more.
  ///
  /// - Throws: ``PageError`` for one's own, `LAST_ADMINISTRATOR`, `TOO_FEW_USERS`.
  static func makeLink(_ user: UserRecord, _ visit: Visit) async throws -> Link {
    guard user.id != (try visit.signedIn().user) else {
      throw PageError.ownPassword
    }
    let hash = try await nobodysPassword(visit)
    let token = try await visit.audit(.userLinkMade, on: user.name) {
      try await visit.services.store.makePasswordLink(user.id, hash: hash)
    }
    visit.services.sessionStreams.end(of: user.id)
    return Link(token, visit)
  }

  /// Takes another user's second factor away. One's own takes a code: a session that was left open, or a token, must not
  /// be enough to get rid of it.
  ///
  /// - Throws: ``PageError`` where there is none, and for one's own.
  static func removeSecondFactor(_ user: UserRecord, _ visit: Visit) async throws {
    let store = visit.services.store
    guard try await store.secondFactor(user.id) != nil else { throw PageError.notFound("second factor") }
    guard user.id != (try visit.signedIn().user) else {
      throw PageError.ownSecondFactor
    }
    try await visit.audit(.secondFactorRemoved, on: user.name) { _ = try await store.removeSecondFactor(user.id) }
    try await store.endSessions(of: user.id, except: nil)
    visit.services.sessionStreams.end(of: user.id)
  }

  private static func checked(_ form: UserForm) throws -> (name: String, role: Role) {
    let (values, problems) = form.checked
    guard let values else {
      throw InputRefusal(problems.map { InputProblem(field: $0.field, sentence: $0.sentence) })
    }
    return values
  }

  /// The hash of a password that nobody knows: whoever tries one is told what everybody is told, in the same time.
  private static func nobodysPassword(_ visit: Visit) async throws -> PasswordHash {
    try await visit.services.workThreads.run { try PasswordHash.unknown() }
  }
}

extension PageError {
  /// A token must not be enough for either of these: whoever has found one would take the account over.
  static let ownPassword = PageError(
    409, cause: "This is you.",
    Advice(
      page: "Change your own password on the page Account.",
      api: "Your own password is changed in a browser, with the present one."), code: "OWN_ACCOUNT")
  static let ownSecondFactor = PageError(
    409, cause: "This is you.",
    Advice(
      page: "Switch your own second factor off on the page Account, with a code.",
      api: "Your own second factor is switched off in a browser, with a code."), code: "OWN_ACCOUNT")
}

extension AuditEvent {
  /// What is recorded of another name, another role, or both: a role stands out in the log only where it is another one.
  fileprivate static func change(
    of user: UserRecord, to values: (name: String, role: Role)
  ) -> (AuditEvent, [String: String]) {
    guard values.role != user.role else { return (.userChanged, ["name": values.name]) }
    let details = ["name": values.name, "was": user.role.rawValue, "role": values.role.rawValue]
    return (.userRoleChanged, details)
  }
}
