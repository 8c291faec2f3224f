import Foundation
import GRDB
import PKI
import Rotation

/// Somebody who may sign in.
public struct UserRecord: Sendable, Hashable, Identifiable {
  /// The number of a user in the store.
  public typealias ID = Identifier<UserRecord>

  /// Its number.
  public let id: ID
  /// The name that is signed in with. Upper and lower case are the same, and so are characters that are drawn alike and that
  /// Unicode holds for compatible; no two users have names that are the same in this way.
  public let name: String
  /// The hash of the password, in the text of ``PasswordHash``.
  public let passwordHash: PasswordHash
  /// What the user may do.
  public let role: Role
  /// Since when the user is there.
  public let addedAt: Date
  /// When the user last signed in; nil for never, as far as is known.
  public let signedInAt: Date?
  /// Whether the user has a password, and not only a link to choose one.
  public let hasPassword: Bool
}

extension Store {
  /// Makes the one-time token of the first administrator, in place of an earlier one.
  ///
  /// - Returns: nil once there is an administrator.
  public func makeSetupToken() async throws -> String? {
    let token = SecureRandom.token()
    return try await write { database in
      guard try !Self.hasUsers(database) else { return nil }
      try database.execute(
        sql: "INSERT OR REPLACE INTO settings (key, value) VALUES ('setup_token', ?)",
        arguments: [TokenHash.of(token)])
      return token
    }
  }

  /// Whether a token would let the first administrator be made.
  public func isSetupToken(_ token: String) async throws -> Bool {
    try await read { try Self.isSetupToken(token, $0) }
  }

  /// Makes the first administrator; the token is used up.
  ///
  /// - Throws: `SETUP_OVER` when the token is not valid, or there is an administrator already.
  public func addFirstAdministrator(token: String, name: String, hash: PasswordHash) async throws -> UserRecord {
    let now = clock()
    return try await write { database in
      guard try Self.isSetupToken(token, database) else {
        throw StoreError(
          code: "SETUP_OVER",
          sentence: "This link is not valid any more: the first administrator has been made, or the server has "
            + "printed a new link.")
      }
      try database.execute(sql: "DELETE FROM settings WHERE key = 'setup_token'")
      return try Self.insertUser(name, hash, .administrator, now, database)
    }
  }

  /// Makes the first administrator without a token, for a system that is set up by a program.
  ///
  /// - Throws: `SETUP_OVER` when there is an administrator already.
  public func addFirstAdministrator(name: String, hash: PasswordHash) async throws -> UserRecord {
    let now = clock()
    return try await write { database in
      guard try !Self.hasUsers(database) else {
        throw StoreError(code: "SETUP_OVER", sentence: "There is an administrator already.")
      }
      return try Self.insertUser(name, hash, .administrator, now, database)
    }
  }

  /// The user of a name, however it is spelt: see ``UserRecord/name``; nil when there is none.
  public func user(name: String) async throws -> UserRecord? {
    try await read { try SignInName.row(of: name, $0).map(Self.user) }
  }

  /// All users, by name.
  public func users() async throws -> [UserRecord] {
    try await read { try Row.fetchAll($0, sql: "SELECT * FROM users ORDER BY name").map(Self.user) }
  }

  /// Gives a user another password and ends the user's sessions, all but one.
  public func changePassword(_ id: UserRecord.ID, hash: PasswordHash, keeping session: SessionRecord.ID?) async throws {
    try await write { database in
      try database.execute(
        sql: "UPDATE users SET password_hash = ? WHERE id = ?", arguments: [hash.text, id.rawValue])
      guard database.changesCount == 1 else { throw StoreError.notFound("user") }
      try database.execute(
        sql: "DELETE FROM sessions WHERE user = ? AND id IS NOT ?", arguments: [id.rawValue, session?.rawValue])
      try database.execute(sql: "DELETE FROM sign_in_steps WHERE user = ?", arguments: [id.rawValue])
    }
  }

  /// Keeps a new hash of the same password, unless the password has been changed since.
  ///
  /// - Returns: the user with the new hash; as given, when that is not the user's hash any more.
  public func renewPasswordHash(of user: UserRecord, to hash: PasswordHash) async throws -> UserRecord {
    try await writeAside { database in
      try database.execute(
        sql: "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?",
        arguments: [hash.text, user.id.rawValue, user.passwordHash.text])
      return database.changesCount == 1 ? try Self.user(user.id, database) : user
    }
  }

  static func hasUsers(_ database: GRDB.Database) throws -> Bool {
    try Bool.fetchOne(database, sql: "SELECT EXISTS (SELECT 1 FROM users)") ?? false
  }

  private static func isSetupToken(_ token: String, _ database: GRDB.Database) throws -> Bool {
    let kept = try String.fetchOne(database, sql: "SELECT value FROM settings WHERE key = 'setup_token'")
    return try kept == TokenHash.of(token) && !hasUsers(database)
  }

  static func insertUser(
    _ name: String, _ hash: PasswordHash, _ role: Role, hasPassword: Bool = true, _ now: Date,
    _ database: GRDB.Database
  ) throws -> UserRecord {
    try database.execute(
      sql: """
        INSERT INTO users (name, folded_name, password_hash, role, has_password, added_at) VALUES (?, ?, ?, ?, ?, ?)
        """,
      arguments: [name, SignInName.folded(name), hash.text, role.rawValue, hasPassword, now.milliseconds])
    return try user(UserRecord.ID(rawValue: database.lastInsertedRowID), database)
  }

  static func user(_ id: UserRecord.ID, _ database: GRDB.Database) throws -> UserRecord {
    let row = try Row.fetchOne(database, sql: "SELECT * FROM users WHERE id = ?", arguments: [id.rawValue])
    guard let row else { throw StoreError.notFound("user") }
    return try user(row)
  }

  static func user(_ row: Row) throws -> UserRecord {
    let signedIn: Int64? = row["signed_in_at"]
    return UserRecord(
      id: UserRecord.ID(rawValue: row["id"]), name: row["name"],
      passwordHash: try PasswordHash(text: row["password_hash"]), role: try role(row),
      addedAt: Date(milliseconds: row["added_at"]), signedInAt: signedIn.map(Date.init(milliseconds:)),
      hasPassword: row["has_password"])
  }

  /// The role in a row of users.
  static func role(_ row: Row) throws -> Role {
    guard let role = Role(rawValue: row["role"]) else {
      // A role of a later version would otherwise be taken for one that may more or less.
      throw StoreError(
        code: "DATABASE_BROKEN",
        sentence: "A user in Reroot's database has a role that this version does not know. Start the version that "
          + "wrote it, or restore the data folder from a backup.")
    }
    return role
  }
}
