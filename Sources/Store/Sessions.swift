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
  /// Since when.
  public let beganAt: Date
  /// When it was last used, to the minute.
  public let seenAt: Date
}

extension Store {
  /// A session that is not used for so long has ended, in seconds.
  public static let sessionIdleLimit: TimeInterval = 30 * 60
  /// A session has ended after so long in any case, in seconds.
  public static let sessionLimit: TimeInterval = 12 * 3600

  /// Begins a session.
  ///
  /// - Returns: its token, for the browser's cookie; only its hash is kept.
  public func createSession(_ user: UserRecord.ID) async throws -> String {
    let token = SecureRandom.token()
    let now = clock()
    try await write { database in
      try Self.dropEndedSessions(now, database)
      try database.execute(
        sql: "INSERT INTO sessions (token_hash, user, began_at, seen_at) VALUES (?, ?, ?, ?)",
        arguments: [TokenHash.of(token), user.rawValue, now.milliseconds, now.milliseconds])
    }
    return token
  }

  /// The session of a token, which is used by this; nil when there is none, or it has ended.
  public func session(_ token: String) async throws -> SessionRecord? {
    let now = clock()
    let session = try await read { database in
      try Row.fetchOne(
        database,
        sql: """
          SELECT sessions.*, users.name FROM sessions JOIN users ON users.id = sessions.user
          WHERE token_hash = ? AND seen_at > ? AND began_at > ?
          """,
        arguments: [
          TokenHash.of(token), now.addingTimeInterval(-Self.sessionIdleLimit).milliseconds,
          now.addingTimeInterval(-Self.sessionLimit).milliseconds,
        ]
      ).map(Self.session)
    }
    // Written at most once a minute: a page is not worth a flush of the disk.
    if let session, now.timeIntervalSince(session.seenAt) >= 60 {
      try await write { database in
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

  /// The sessions that have not ended, without using them.
  public func openSessions() async throws -> Set<SessionRecord.ID> {
    let now = clock()
    return try await read { database in
      let numbers = try Int64.fetchSet(
        database, sql: "SELECT id FROM sessions WHERE seen_at > ? AND began_at > ?",
        arguments: [
          now.addingTimeInterval(-Self.sessionIdleLimit).milliseconds,
          now.addingTimeInterval(-Self.sessionLimit).milliseconds,
        ])
      return Set(numbers.map(SessionRecord.ID.init(rawValue:)))
    }
  }

  private static func dropEndedSessions(_ now: Date, _ database: GRDB.Database) throws {
    try database.execute(
      sql: "DELETE FROM sessions WHERE seen_at <= ? OR began_at <= ?",
      arguments: [
        now.addingTimeInterval(-sessionIdleLimit).milliseconds, now.addingTimeInterval(-sessionLimit).milliseconds,
      ])
  }

  private static func session(_ row: Row) -> SessionRecord {
    SessionRecord(
      id: SessionRecord.ID(rawValue: row["id"]), user: UserRecord.ID(rawValue: row["user"]), userName: row["name"],
      beganAt: Date(milliseconds: row["began_at"]), seenAt: Date(milliseconds: row["seen_at"]))
  }

  // MARK: Failed attempts

  /// So many failures are free of a delay.
  public static let freeSignInFailures = 5

  /// Counts a failed attempt to sign in, whether or not there is such a user.
  public func recordFailedSignIn(_ name: String) async throws {
    let now = clock()
    try await write { database in
      // Failures of a day ago count no more, and names that were only guessed do not pile up.
      try database.execute(
        sql: "DELETE FROM failed_sign_ins WHERE last_at < ?",
        arguments: [now.addingTimeInterval(-24 * 3600).milliseconds])
      try database.execute(
        sql: """
          INSERT INTO failed_sign_ins (name, count, last_at) VALUES (?1, 1, ?2)
          ON CONFLICT (name) DO UPDATE SET count = count + 1, last_at = ?2
          """, arguments: [String(name.prefix(200)), now.milliseconds])
    }
  }

  /// For how long no further attempt is taken for a name; nil for none. Doubles from 30 s to 15 min.
  public func signInDelay(_ name: String) async throws -> Duration? {
    let now = clock()
    return try await read { database in
      let row = try Row.fetchOne(
        database, sql: "SELECT * FROM failed_sign_ins WHERE name = ?", arguments: [String(name.prefix(200))])
      guard let row else { return nil }
      let count: Int = row["count"]
      guard count >= Self.freeSignInFailures else { return nil }
      let wait = min(900, 30 * (1 << min(count - Self.freeSignInFailures, 10)))
      let left = Date(milliseconds: row["last_at"]).addingTimeInterval(Double(wait)).timeIntervalSince(now)
      return left > 0 ? .milliseconds(Int(min(left, Double(wait)) * 1000)) : nil
    }
  }

  /// Forgets the failed attempts of a name, after one that succeeded.
  public func clearFailedSignIns(_ name: String) async throws {
    try await write { database in
      try database.execute(
        sql: "DELETE FROM failed_sign_ins WHERE name = ?", arguments: [String(name.prefix(200))])
    }
  }
}
