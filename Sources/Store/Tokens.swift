import Foundation
import GRDB
import PKI
import Rotation

/// A bearer token of the API (RFC 6750), as it is kept: never the token itself.
public struct TokenRecord: Sendable, Hashable, Identifiable {
  /// The number of a token in the store.
  public typealias ID = Identifier<TokenRecord>

  /// Its number.
  public let id: ID
  /// The first of those by which it was made; its own number where it was made by none. What is allowed to one is allowed to
  /// all with the same together.
  public let family: ID
  /// What it is for, as its maker calls it.
  public let name: String
  /// On whose behalf it acts.
  public let user: UserRecord.ID
  /// The user's name.
  public let userName: String
  /// What it may do at most.
  public let limit: Role
  /// What it may do: no more than its user.
  public let role: Role
  /// When it was made.
  public let madeAt: Date
  /// From when on it is not valid any more.
  public let expiresAt: Date
  /// When it was last used, to the minute; nil for never.
  public let usedAt: Date?
  /// The address that it was last used from; empty for none.
  public let usedFrom: String
  /// Whether its user must set up a second factor before it opens anything.
  public let needsSecondFactor: Bool
}

extension Store {
  /// The fewest and the most days that a token may be valid.
  public static let tokenDays = 1...366
  /// How many valid tokens a user has at most.
  public static let mostTokens = 100
  /// What a token begins with, so that one that was published by mistake is recognised.
  public static let tokenPrefix = "reroot_"

  /// Makes a token.
  ///
  /// - Parameters:
  ///   - role: what it may do; never more than its user may at the moment of its use.
  ///   - days: for how long it is valid, within ``tokenDays``.
  ///   - maker: the token by which it is made: it is valid no longer than that one, and ends with it.
  /// - Returns: the token, to be shown once; only its hash is kept.
  /// - Throws: `ROLE_NEEDED` for more than the user may do, `NAME_TAKEN` for a name that the user has given already,
  ///   `TOO_MANY_TOKENS` for a user who has ``mostTokens``.
  public func makeToken(
    named name: String, of user: UserRecord.ID, role: Role, days: Int, by maker: TokenRecord? = nil
  ) async throws -> (token: String, record: TokenRecord) {
    let token = Self.tokenPrefix + SecureRandom.token()
    let now = clock()
    var expires = now.addingTimeInterval(TimeInterval(min(Self.tokenDays.upperBound, max(1, days))) * 86_400)
    if let maker { expires = min(expires, maker.expiresAt) }
    let end = expires
    let record = try await write { database in
      let owner = try Row.fetchOne(database, sql: "SELECT role FROM users WHERE id = ?", arguments: [user.rawValue])
      guard let owner else { throw StoreError.notFound("user") }
      guard try Self.role(owner) >= role else {
        throw StoreError(code: "ROLE_NEEDED", sentence: "A token may do no more than the user that it belongs to.")
      }
      let isTaken = try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM tokens WHERE user = ? AND name = ?)",
        arguments: [user.rawValue, name])
      guard isTaken != true else {
        throw StoreError(code: "NAME_TAKEN", sentence: "There is a token named “\(name)” already. Choose another name.")
      }
      try Self.checkFewTokens(of: user, now, database)
      try database.execute(
        sql: """
          INSERT INTO tokens (token_hash, name, user, role, made_at, expires_at, maker) VALUES (?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          TokenHash.of(token), name, user.rawValue, role.rawValue, now.milliseconds, end.milliseconds,
          maker?.id.rawValue,
        ])
      let id = database.lastInsertedRowID
      self.amendAct { $0.add("token", "\(id)") }
      guard let made = try Self.tokens("tokens.id = ?", [id], database).first else {
        throw StoreError.notFound("token")
      }
      return made
    }
    return (token, record)
  }

  private static func checkFewTokens(of user: UserRecord.ID, _ now: Date, _ database: GRDB.Database) throws {
    let count = try Int.fetchOne(
      database, sql: "SELECT count(*) FROM tokens WHERE user = ? AND expires_at > ?",
      arguments: [user.rawValue, now.milliseconds])
    guard let count, count < mostTokens else {
      throw StoreError(
        code: "TOO_MANY_TOKENS",
        sentence:
          "A user has at most \(mostTokens) valid tokens, and this one has them. End those that are not needed any "
          + "more first.")
    }
  }

  /// The token's record, which is used by this; nil when there is none, or its time is over.
  public func token(_ token: String, from address: String) async throws -> TokenRecord? {
    let now = clock()
    let record = try await read { database in
      try Self.tokens("token_hash = ? AND expires_at > ?", [TokenHash.of(token), now.milliseconds], database).first
    }
    guard let record else { return nil }
    // Written at most once a minute: a request is not worth a flush of the disk.
    if record.usedAt.map({ abs(now.timeIntervalSince($0)) >= 60 }) ?? true || record.usedFrom != address {
      try await noteUse { database in
        try database.execute(
          sql: "UPDATE tokens SET used_at = ?, used_from = ? WHERE id = ?",
          arguments: [now.milliseconds, address, record.id.rawValue])
      }
    }
    return record
  }

  /// When the time of a token was over that opens nothing any more; nil for one that is good, and for what was never one.
  public func tokenEnd(_ token: String) async throws -> Date? {
    let now = clock()
    return try await read { database in
      try Self.tokens("token_hash = ? AND expires_at <= ?", [TokenHash.of(token), now.milliseconds], database)
        .first?.expiresAt
    }
  }

  /// The tokens of one user, or of all, the newest first; also those whose time is over.
  public func tokens(of user: UserRecord.ID? = nil) async throws -> [TokenRecord] {
    try await read { database in
      guard let user else { return try Self.tokens("1", [], database) }
      return try Self.tokens("tokens.user = ?", [user.rawValue], database)
    }
  }

  /// The tokens that open something now, each with what it may do, without using them.
  public func validTokens() async throws -> [TokenRecord.ID: Role] {
    let now = clock()
    return try await read { database in
      let records = try Self.tokens("expires_at > ?", [now.milliseconds], database).filter { !$0.needsSecondFactor }
      return Dictionary(records.map { ($0.id, $0.role) }) { first, _ in first }
    }
  }

  /// Ends a token for good, and those that were made by it.
  ///
  /// - Throws: `NOT_FOUND`.
  public func removeToken(_ id: TokenRecord.ID) async throws {
    try await write { database in
      try database.execute(sql: "DELETE FROM tokens WHERE id = ?", arguments: [id.rawValue])
      guard database.changesCount == 1 else { throw StoreError.notFound("token") }
    }
  }

  /// Ends the tokens of a user, or of everybody.
  static func removeTokens(of user: UserRecord.ID?, _ database: GRDB.Database) throws {
    try database.execute(
      sql: "DELETE FROM tokens WHERE ?1 IS NULL OR user = ?1", arguments: [user?.rawValue])
  }

  private static func tokens(
    _ condition: String, _ arguments: StatementArguments, _ database: GRDB.Database
  ) throws -> [TokenRecord] {
    // In a damaged database a line may lead back into itself, or nowhere: UNION ends it, and the token stands for itself.
    let rows = try Row.fetchAll(
      database,
      sql: """
        SELECT tokens.*, users.name AS user_name, users.role AS user_role, \(needsSecondFactor) AS needs_factor, coalesce((
          WITH RECURSIVE line (id, maker) AS (
            SELECT tokens.id, tokens.maker UNION SELECT made.id, made.maker FROM tokens made JOIN line ON made.id = line.maker
          ) SELECT id FROM line WHERE maker IS NULL
        ), tokens.id) AS family
        FROM tokens JOIN users ON users.id = tokens.user WHERE \(condition) ORDER BY tokens.id DESC
        """, arguments: arguments)
    return try rows.map { row in
      let limit = try role(row)
      guard let owner = Role(rawValue: row["user_role"]) else {
        throw StoreError(code: "DATABASE_BROKEN", sentence: "The role of a user is not one that Reroot knows.")
      }
      return TokenRecord(
        id: TokenRecord.ID(rawValue: row["id"]), family: TokenRecord.ID(rawValue: row["family"]), name: row["name"],
        user: UserRecord.ID(rawValue: row["user"]),
        userName: row["user_name"], limit: limit, role: min(limit, owner), madeAt: Date(milliseconds: row["made_at"]),
        expiresAt: Date(milliseconds: row["expires_at"]),
        usedAt: (row["used_at"] as Int64?).map { Date(milliseconds: $0) }, usedFrom: row["used_from"],
        needsSecondFactor: row["needs_factor"])
    }
  }
}
