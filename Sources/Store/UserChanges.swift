import Foundation
import GRDB
import PKI
import Rotation

extension Store {
  /// One user.
  public func user(_ id: UserRecord.ID) async throws -> UserRecord {
    try await read { try Self.user(id, $0) }
  }

  /// Adds a user with a link to choose a password, which is good for ``passwordLinkLifetime``.
  ///
  /// - Parameter hash: of a password that nobody knows, until the user has chosen one.
  /// - Returns: the user, and the link's token, of which only the hash is kept.
  /// - Throws: `NAME_TAKEN`.
  public func addUser(name: String, role: Role, hash: PasswordHash) async throws -> (user: UserRecord, token: String) {
    let now = clock()
    return try await write { database in
      try Self.checkFree(name, except: nil, database)
      let user = try Self.insertUser(name, hash, role, hasPassword: false, now, database)
      return (user, try Self.putPasswordLink(user.id, now, database))
    }
  }

  /// Adds a user who has a password already. The link by which the first administrator would be made is over with it.
  ///
  /// - Throws: `NAME_TAKEN`, `FIRST_IS_ADMINISTRATOR`.
  public func addUser(name: String, role: Role, passwordHash: PasswordHash) async throws -> UserRecord {
    let now = clock()
    return try await write { database in
      try Self.checkNew(name, role, database)
      try database.execute(sql: "DELETE FROM settings WHERE key = 'setup_token'")
      return try Self.insertUser(name, passwordHash, role, now, database)
    }
  }

  /// Throws what ``addUser(name:role:passwordHash:)`` would, before anybody types a password.
  public func checkUser(name: String, role: Role) async throws {
    try await read { try Self.checkNew(name, role, $0) }
  }

  private static func checkNew(_ name: String, _ role: Role, _ database: GRDB.Database) throws {
    try checkFree(name, except: nil, database)
    guard try role == .administrator || hasUsers(database) else {
      throw StoreError(
        code: "FIRST_IS_ADMINISTRATOR",
        sentence: "The first user looks after all others and must be an administrator. Add one first.")
    }
  }

  /// Gives a user another name, another role, or both. What the user may do changes with the next request.
  ///
  /// - Parameter expected: as whom the user must still be known, with which role; nil changes whatever is.
  /// - Throws: `NAME_TAKEN`, `LAST_ADMINISTRATOR`, `TOO_FEW_USERS`, `CHANGED_MEANWHILE`.
  public func changeUser(
    _ id: UserRecord.ID, name: String, role: Role, expecting expected: UserRecord? = nil
  ) async throws {
    let now = clock()
    try await write { database in
      try Self.check(id, isStill: expected, database)
      let former = try Self.user(id, database).name
      // Who shares a name with another user, by an earlier version, may keep it as it is.
      if !former.unicodeScalars.elementsEqual(name.unicodeScalars) {
        try Self.checkFree(name, except: id, database)
        try database.execute(
          sql: "UPDATE users SET folded_name = ? WHERE id = ?", arguments: [SignInName.folded(name), id.rawValue])
      }
      try database.execute(
        sql: "UPDATE users SET name = ?, role = ? WHERE id = ?", arguments: [name, role.rawValue, id.rawValue])
      try Self.voidAgreements(of: id, left: role, now, database)
      try Self.checkStillGoverned(database)
    }
  }

  /// Removes a user with the user's sessions.
  ///
  /// - Parameter expected: as whom the user must still be known, with which role; nil removes whatever is.
  /// - Throws: `LAST_ADMINISTRATOR`, `TOO_FEW_USERS`, `CHANGED_MEANWHILE`.
  public func removeUser(_ id: UserRecord.ID, expecting expected: UserRecord? = nil) async throws {
    let now = clock()
    try await write { database in
      try Self.check(id, isStill: expected, database)
      try database.execute(sql: "DELETE FROM users WHERE id = ?", arguments: [id.rawValue])
      guard database.changesCount == 1 else { throw StoreError.notFound("user") }
      try Self.voidAgreements(of: id, left: nil, now, database)
      try Self.checkStillGoverned(database)
    }
  }

  /// Signing in changes a user's record, too, and is nothing that an administrator would have to know first.
  private static func check(_ id: UserRecord.ID, isStill expected: UserRecord?, _ database: GRDB.Database) throws {
    guard let expected else { return }
    let user = try user(id, database)
    guard user.name == expected.name, user.role == expected.role, user.hasPassword == expected.hasPassword else {
      throw StoreError.changedMeanwhile
    }
  }

  private static func checkFree(_ name: String, except id: UserRecord.ID?, _ database: GRDB.Database) throws {
    let isTaken = try Bool.fetchOne(
      database, sql: "SELECT EXISTS (SELECT 1 FROM users WHERE folded_name = ? AND id IS NOT ?)",
      arguments: [SignInName.folded(name), id?.rawValue])
    guard isTaken != true else {
      throw StoreError(
        code: "NAME_TAKEN",
        sentence:
          "There is a user of the name “\(name)” already. Choose another name, which does not look the same either.")
    }
  }

  /// Undoes, by throwing, what would leave nobody to look after the console. Two administrators who remove each other at
  /// once come here one after the other.
  static func checkStillGoverned(_ database: GRDB.Database) throws {
    let isGoverned = try Bool.fetchOne(
      database, sql: "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'administrator' AND has_password)")
    guard isGoverned == true else {
      throw StoreError(
        code: "LAST_ADMINISTRATOR",
        sentence: "This is the last administrator who has a password, and somebody must look after the users. Make "
          + "another user an administrator first, who has signed in.")
    }
    try checkEnoughPeople(database)
  }
}
