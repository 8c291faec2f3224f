import PKI
import Store

/// Adds users to a data folder on which no server runs, by the rules of the pages: so the first administrator can be made
/// without a browser.
public enum OfflineUser {
  /// Adds a user who has a password at once, and writes that into the audit log.
  ///
  /// - Parameter password: asks for it, once everything else is known to be good.
  /// - Throws: ``ConsoleError`` `USER_REFUSED` with what is wrong with the name, the role or the password; ``StoreError``
  ///   `NAME_TAKEN`, `FIRST_IS_ADMINISTRATOR`.
  public static func add(
    name given: String, role: String, to store: Store, by author: AuditAuthor, password: () throws -> SecretBytes
  ) async throws -> UserRecord {
    if let problem = Credentials.problem(ofNewUser: given) { throw refusal(problem) }
    guard let name = Credentials.name(given), let role = Role(rawValue: role) else {
      throw refusal("There is no role “\(role)”. Give viewer, operator or administrator.")
    }
    let isFirst = try await store.users().isEmpty
    try await store.checkUser(name: name, role: role)
    let typed = try password().withBytes { String(validating: $0, as: UTF8.self) }
    guard let typed else { throw refusal("A password is a text in UTF-8.") }
    let problems = Credentials.problems(typed, again: typed, name: name, field: "", againField: "")
    if let problem = problems.first { throw refusal(problem.sentence) }
    let hash = try PasswordHash.make(Credentials.password(typed))
    let act = AuditAct(
      isFirst ? .firstAdministratorMade : .userAdded, by: author, on: name, isFirst ? [:] : ["role": role.rawValue])
    return try await store.recording(act) { try await store.addUser(name: name, role: role, passwordHash: hash) }
  }

  private static func refusal(_ sentence: String) -> ConsoleError {
    ConsoleError(code: "USER_REFUSED", sentence: sentence)
  }
}
