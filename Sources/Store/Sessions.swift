import Foundation
import GRDB
import Rotation
import PKI

/// A session: somebody is signed in.
public struct SessionRecord: Sendable, Hashable, Identifiable {
  /// The number of a session in the store.
  public typealias ID = Identifier<SessionRecord>

  /// Its number.
  public let id: ID
  /// Who is signed in.
  public let user: UserRecord.ID
  /// The user's name.
  public let userName: String
  /// What the user may do at this moment.
  public let role: Role
  /// Since when.
  public let beganAt: Date
  /// When it was last used, to the minute.
  public let seenAt: Date
  /// The address that it began from; empty where that is not known.
  public let address: String
  /// The browser's name in plain words; empty where that is not known.
  public let browser: String
  /// Whether the user must set a second factor up before anything else.
  public let needsSecondFactor: Bool
}

extension Store {
  /// A session that is not used for so long has ended, in seconds.
  public static let sessionIdleLimit: TimeInterval = 30 * 60
  /// A session has ended after so long in any case, in seconds.
  public static let sessionLimit: TimeInterval = 12 * 3600
  /// That a session is used is written down when it was not for so long, in seconds: a page is not worth a flush of the disk.
  public static let sessionUseNoted: TimeInterval = 60

  /// Begins a session of whoever has given the password, unless that has been changed since.
  ///
  /// - Parameters:
  ///   - user: as read when the password was compared with the hash.
  ///   - address: where it is begun from, for the list of sessions.
  ///   - browser: the browser's name in plain words, for the list of sessions.
  /// - Returns: its token, for the browser's cookie; only its hash is kept.
  /// - Throws: `PASSWORD_CHANGED`.
  public func createSession(
    _ user: UserRecord, from address: String = "", browser: String = ""
  ) async throws -> String {
    let token = SecureRandom.token()
    let now = clock()
    try await write { database in
      try Self.checkPassword(of: user, database)
      try Self.dropEndedSessions(now, database)
      try database.execute(
        sql: """
          INSERT INTO sessions (token_hash, user, began_at, seen_at, address, browser) VALUES (?, ?, ?, ?, ?, ?)
          """,
        arguments: [TokenHash.of(token), user.id.rawValue, now.milliseconds, now.milliseconds, address, browser])
      try database.execute(
        sql: "UPDATE users SET signed_in_at = ? WHERE id = ?", arguments: [now.milliseconds, user.id.rawValue])
    }
    return token
  }

  /// Refuses whoever has given a password that is the user's no more: to compare it took a tenth of a second.
  static func checkPassword(of user: UserRecord, _ database: GRDB.Database) throws {
    let kept = try String.fetchOne(
      database, sql: "SELECT password_hash FROM users WHERE id = ?", arguments: [user.id.rawValue])
    guard kept == user.passwordHash.text else {
      throw StoreError(
        code: "PASSWORD_CHANGED",
        sentence: "The password was changed while you signed in. Sign in again with the new one.")
    }
  }

  /// The session of a token, which is used by this; nil when there is none, or it has ended.
  public func session(_ token: String) async throws -> SessionRecord? {
    let now = clock()
    try await rewindSessions(now)
    let session = try await read { database in
      try Row.fetchOne(
        database,
        sql: """
          SELECT sessions.*, users.name, users.role, \(Self.needsSecondFactor) AS needs_factor FROM sessions JOIN users ON users.id = sessions.user
          WHERE token_hash = ? AND seen_at > ? AND began_at > ?
          """,
        arguments: [
          TokenHash.of(token), now.addingTimeInterval(-Self.sessionIdleLimit).milliseconds,
          now.addingTimeInterval(-Self.sessionLimit).milliseconds,
        ]
      ).map(Self.session)
    }
    if let session, now.timeIntervalSince(session.seenAt) >= Self.sessionUseNoted {
      try await noteUse { database in
        try database.execute(
          sql: "UPDATE sessions SET seen_at = ? WHERE id = ?", arguments: [now.milliseconds, session.id.rawValue])
      }
    }
    return session
  }

  /// Ends a session.
  public func endSession(_ id: SessionRecord.ID) async throws {
    try await write { database in
      try database.execute(sql: "DELETE FROM sessions WHERE id = ?", arguments: [id.rawValue])
    }
  }

  /// Ends a user's sessions, all but one.
  public func endSessions(of user: UserRecord.ID, except session: SessionRecord.ID?) async throws {
    try await write { database in
      try database.execute(
        sql: "DELETE FROM sessions WHERE user = ? AND id IS NOT ?", arguments: [user.rawValue, session?.rawValue])
    }
  }

  /// Gives a session another token, once what it may do or how it is protected has changed: whoever has the former one is
  /// out.
  ///
  /// - Returns: the token.
  public func renewSession(_ id: SessionRecord.ID) async throws -> String {
    let token = SecureRandom.token()
    try await writeAside { database in
      try database.execute(
        sql: "UPDATE sessions SET token_hash = ? WHERE id = ?", arguments: [TokenHash.of(token), id.rawValue])
      guard database.changesCount == 1 else { throw StoreError.notFound("session") }
    }
    return token
  }

  /// A user's sessions that have not ended, the one used last first, without using them.
  public func sessions(of user: UserRecord.ID) async throws -> [SessionRecord] {
    let now = clock()
    return try await read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT sessions.*, users.name, users.role, \(Self.needsSecondFactor) AS needs_factor FROM sessions JOIN users ON users.id = sessions.user
          WHERE user = ? AND seen_at > ? AND began_at > ? ORDER BY seen_at DESC, sessions.id DESC
          """,
        arguments: [
          user.rawValue, now.addingTimeInterval(-Self.sessionIdleLimit).milliseconds,
          now.addingTimeInterval(-Self.sessionLimit).milliseconds,
        ]
      ).map(Self.session)
    }
  }

  /// The sessions that have not ended, each with what its user may do, without using them; none of those whose user must
  /// set a second factor up first.
  public func openSessions() async throws -> [SessionRecord.ID: Role] {
    let now = clock()
    try await rewindSessions(now)
    return try await read { database in
      let rows = try Row.fetchAll(
        database,
        sql: """
          SELECT sessions.id, users.role FROM sessions JOIN users ON users.id = sessions.user
          WHERE seen_at > ? AND began_at > ? AND NOT \(Self.needsSecondFactor)
          """,
        arguments: [
          now.addingTimeInterval(-Self.sessionIdleLimit).milliseconds,
          now.addingTimeInterval(-Self.sessionLimit).milliseconds,
        ])
      return try Dictionary(
        uniqueKeysWithValues: rows.map { (SessionRecord.ID(rawValue: $0["id"]), try Self.role($0)) })
    }
  }

  /// Dates what lies in the future, because the clock was ahead and was set back, to this moment. Otherwise a session
  /// would last for as long as the clock takes to come there again.
  private func rewindSessions(_ now: Date) async throws {
    let late = try await read { database in
      try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM sessions WHERE seen_at > ?1 OR began_at > ?1)",
        arguments: [now.milliseconds])
    }
    guard late == true else { return }
    try await writeAside { database in
      try database.execute(
        sql: "UPDATE sessions SET seen_at = min(seen_at, ?1), began_at = min(began_at, ?1)",
        arguments: [now.milliseconds])
    }
  }

  private static func dropEndedSessions(_ now: Date, _ database: GRDB.Database) throws {
    try database.execute(
      sql: "DELETE FROM sessions WHERE seen_at <= ? OR began_at <= ?",
      arguments: [
        now.addingTimeInterval(-sessionIdleLimit).milliseconds, now.addingTimeInterval(-sessionLimit).milliseconds,
      ])
  }

  private static func session(_ row: Row) throws -> SessionRecord {
    try SessionRecord(
      id: SessionRecord.ID(rawValue: row["id"]), user: UserRecord.ID(rawValue: row["user"]), userName: row["name"],
      role: role(row), beganAt: Date(milliseconds: row["began_at"]), seenAt: Date(milliseconds: row["seen_at"]),
      address: row["address"], browser: row["browser"], needsSecondFactor: row["needs_factor"])
  }
}
