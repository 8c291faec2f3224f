import Foundation
import GRDB
import PKI
import Rotation

extension Store {
  /// For how long a link to choose a password is good, in seconds.
  public static let passwordLinkLifetime: TimeInterval = 24 * 3600

  /// Makes a link to choose a new password, in place of an earlier one. The former password is good no more: the user's
  /// sessions end, and so does a sign-in that only lacks its code.
  ///
  /// - Parameter hash: of a password that nobody knows, until the user has chosen one.
  /// - Returns: the link's token, of which only the hash is kept.
  /// - Throws: `LAST_ADMINISTRATOR`, `TOO_FEW_USERS`.
  public func makePasswordLink(_ id: UserRecord.ID, hash: PasswordHash) async throws -> String {
    let now = clock()
    return try await write { database in
      let token = try Self.dropPassword(id, hash, now, database)
      try Self.checkStillGoverned(database)
      return token
    }
  }

  /// The same for whoever has the data folder itself, and may be the last administrator.
  ///
  /// - Throws: `NOT_FOUND` with the names that there are.
  public func resetPassword(name: String, hash: PasswordHash) async throws -> (user: UserRecord, token: String) {
    let now = clock()
    return try await write { database in
      guard let row = try SignInName.row(of: name, database) else {
        let names = try String.fetchAll(database, sql: "SELECT name FROM users ORDER BY name")
        throw StoreError(
          code: "NOT_FOUND",
          sentence: names.isEmpty
            ? "There is no user yet. Start the server: it prints a link to make the first administrator."
            : "There is no user “\(name)”. There are: \(names.joined(separator: ", ")).")
      }
      let user = try Self.user(row)
      return (user, try Self.dropPassword(user.id, hash, now, database))
    }
  }

  /// Who may choose a password with a token; nil when it is not, or no longer, good.
  public func passwordLink(_ token: String) async throws -> UserRecord? {
    let now = clock()
    return try await read { try Self.passwordLink(token, now, $0) }
  }

  /// Until when the links are good that have not been used, by their users.
  public func passwordLinks() async throws -> [UserRecord.ID: Date] {
    let now = clock()
    return try await read { database in
      let rows = try Row.fetchAll(
        database, sql: "SELECT user, expires_at FROM password_links WHERE expires_at > ?",
        arguments: [now.milliseconds])
      return Dictionary(
        uniqueKeysWithValues: rows.map {
          (UserRecord.ID(rawValue: $0["user"]), Date(milliseconds: $0["expires_at"]))
        })
    }
  }

  /// Gives the user of a token a password; the token is used up, and failed attempts to sign in are forgotten.
  ///
  /// - Throws: `LINK_OVER` when the token is not, or no longer, good.
  public func usePasswordLink(_ token: String, hash: PasswordHash) async throws -> UserRecord {
    let now = clock()
    return try await write { database in
      guard let user = try Self.passwordLink(token, now, database) else {
        throw StoreError(
          code: "LINK_OVER",
          sentence: "This link is not valid any more: it has been used, or its time is over, or a newer one was made. "
            + "Ask an administrator for a new one.")
      }
      try database.execute(sql: "DELETE FROM password_links WHERE user = ?", arguments: [user.id.rawValue])
      try database.execute(sql: "DELETE FROM sessions WHERE user = ?", arguments: [user.id.rawValue])
      try database.execute(
        sql: "UPDATE users SET password_hash = ?, has_password = 1 WHERE id = ?",
        arguments: [hash.text, user.id.rawValue])
      try database.execute(sql: "DELETE FROM sign_in_steps WHERE user = ?", arguments: [user.id.rawValue])
      try Self.forgetFailedSignIns(at: user.name, database)
      return user
    }
  }

  private static func passwordLink(_ token: String, _ now: Date, _ database: GRDB.Database) throws -> UserRecord? {
    try Row.fetchOne(
      database,
      sql: """
        SELECT users.* FROM password_links JOIN users ON users.id = password_links.user
        WHERE token_hash = ? AND expires_at > ?
        """, arguments: [TokenHash.of(token), now.milliseconds]
    ).map(user)
  }

  private static func dropPassword(
    _ id: UserRecord.ID, _ hash: PasswordHash, _ now: Date, _ database: GRDB.Database
  ) throws -> String {
    try database.execute(
      sql: "UPDATE users SET password_hash = ?, has_password = 0 WHERE id = ?",
      arguments: [hash.text, id.rawValue])
    guard database.changesCount == 1 else { throw StoreError.notFound("user") }
    try database.execute(sql: "DELETE FROM sessions WHERE user = ?", arguments: [id.rawValue])
    // Whoever has given the former password and still owes a code.
    try database.execute(sql: "DELETE FROM sign_in_steps WHERE user = ?", arguments: [id.rawValue])
    try removeTokens(of: id, database)
    try voidAgreements(of: id, left: nil, now, database)
    return try putPasswordLink(id, now, database)
  }

  static func putPasswordLink(_ id: UserRecord.ID, _ now: Date, _ database: GRDB.Database) throws -> String {
    let token = SecureRandom.token()
    try database.execute(
      sql: "INSERT OR REPLACE INTO password_links (user, token_hash, expires_at) VALUES (?, ?, ?)",
      arguments: [id.rawValue, TokenHash.of(token), now.addingTimeInterval(passwordLinkLifetime).milliseconds])
    return token
  }
}
