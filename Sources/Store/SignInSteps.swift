import Foundation
import GRDB
import PKI
import Rotation

/// Somebody has given the right password and still owes a code. It is no session: it opens no page but the one that asks for
/// the code.
extension Store {
  /// The code must come within so long, in seconds.
  public static let signInStepLimit: TimeInterval = 5 * 60
  /// After so many wrong codes the password must be given again.
  public static let signInStepFailures = 5

  /// Begins a step of whoever has given the password, unless that has been changed since.
  ///
  /// - Parameter user: as read when the password was compared with the hash.
  /// - Returns: its token, for the browser's cookie; only its hash is kept.
  /// - Throws: `PASSWORD_CHANGED`.
  public func createSignInStep(_ user: UserRecord) async throws -> String {
    let token = SecureRandom.token()
    let now = clock()
    try await writeAside { database in
      try Self.checkPassword(of: user, database)
      try database.execute(
        sql: "DELETE FROM sign_in_steps WHERE began_at <= ?",
        arguments: [now.addingTimeInterval(-Self.signInStepLimit).milliseconds])
      try database.execute(
        sql: "INSERT INTO sign_in_steps (token_hash, user, began_at) VALUES (?, ?, ?)",
        arguments: [TokenHash.of(token), user.id.rawValue, now.milliseconds])
    }
    return token
  }

  /// Who owes a code; nil when there is no such step any more.
  public func signInStep(_ token: String) async throws -> UserRecord? {
    let since = clock().addingTimeInterval(-Self.signInStepLimit)
    return try await read { database in
      try Row.fetchOne(
        database,
        sql: """
          SELECT users.* FROM sign_in_steps JOIN users ON users.id = sign_in_steps.user
          WHERE token_hash = ? AND began_at > ? AND failures < ?
          """, arguments: [TokenHash.of(token), since.milliseconds, Self.signInStepFailures]
      ).map(Self.user)
    }
  }

  /// Counts a wrong code.
  public func failSignInStep(_ token: String) async throws {
    try await writeAside { database in
      try database.execute(
        sql: "UPDATE sign_in_steps SET failures = failures + 1 WHERE token_hash = ?",
        arguments: [TokenHash.of(token)])
    }
  }

  /// Ends a step.
  ///
  /// - Returns: whether it was there, so that of two answers at once only one goes on.
  public func endSignInStep(_ token: String) async throws -> Bool {
    try await writeAside { database in
      try database.execute(sql: "DELETE FROM sign_in_steps WHERE token_hash = ?", arguments: [TokenHash.of(token)])
      return database.changesCount == 1
    }
  }
}
