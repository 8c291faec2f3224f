import Foundation
import GRDB
import PKI
import Rotation

/// A user's second factor that is on.
public struct SecondFactorRecord: Sendable, Hashable {
  /// Since when.
  public let since: Date
  /// How many recovery codes were not used yet.
  public let recoveryCodesLeft: Int
}

/// What a code was that was right.
public enum SecondFactorCode: Sendable, Hashable {
  /// A one-time password of the app.
  case oneTimePassword
  /// A recovery code, which is used up; so many are left.
  case recoveryCode(left: Int)
}

extension Store {
  /// How many recovery codes a user gets.
  public static let recoveryCodeCount = 10
  /// A secret that was shown must be confirmed by a code within so long, in seconds.
  public static let secondFactorOfferLimit: TimeInterval = 15 * 60

  /// Keeps a new secret, which counts for nothing until a code of it was given.
  ///
  /// - Throws: `SECOND_FACTOR_ON` when the user's second factor is on already.
  public func offerSecondFactor(_ user: UserRecord.ID, _ password: OneTimePassword) async throws {
    let now = clock()
    try await writeAside { database in
      guard try Self.secondFactorRow(user, isOn: true, database) == nil else { throw Self.secondFactorOn }
      try database.execute(sql: "DELETE FROM second_factors WHERE user = ?", arguments: [user.rawValue])
      try database.execute(
        sql: "INSERT INTO second_factors (user, sealed_secret, offered_at) VALUES (?, ?, ?)",
        arguments: [user.rawValue, Data(), now.milliseconds])
      let row = database.lastInsertedRowID
      try self.seals.put(password.secret, into: "second_factors", "sealed_secret", row: row, database)
    }
  }

  /// The secret that waits for its first code; nil when there is none, or its time is over.
  public func offeredSecondFactor(_ user: UserRecord.ID) async throws -> OneTimePassword? {
    try await read { try self.offer(user, $0).map { OneTimePassword(secret: $0.secret) } }
  }

  /// Turns the second factor on, where the code is one of the offered secret, and keeps new recovery codes.
  ///
  /// - Returns: the recovery codes, to be shown once.
  /// - Throws: `NO_OFFER` when no secret waits, `CODE_WRONG` when the code is not of it now.
  public func turnOnSecondFactor(_ user: UserRecord.ID, code: String) async throws -> [RecoveryCode] {
    let key = try await signInKey()
    let now = clock()
    return try await write { database in
      guard let offer = try self.offer(user, database) else {
        throw StoreError(
          code: "NO_OFFER", sentence: "The time for this secret is over. Begin again with setting up the second factor."
        )
      }
      let password = OneTimePassword(secret: offer.secret)
      guard let step = password.step(of: code.filter { $0 != " " }, at: now, after: nil) else {
        throw StoreError(
          code: "CODE_WRONG",
          sentence: "This is not the code that belongs to the secret now. See whether the phone's clock is right.")
      }
      try database.execute(
        sql: "UPDATE second_factors SET since = ?, last_step = ? WHERE id = ?",
        arguments: [now.milliseconds, step, offer.id])
      return try Self.replaceRecoveryCodes(user, key, database)
    }
  }

  /// The user's second factor where it is on; nil otherwise.
  public func secondFactor(_ user: UserRecord.ID) async throws -> SecondFactorRecord? {
    try await read { database in
      guard let row = try Self.secondFactorRow(user, isOn: true, database) else { return nil }
      return SecondFactorRecord(
        since: Date(milliseconds: row["since"]), recoveryCodesLeft: try Self.codesLeft(user, database))
    }
  }

  /// Everybody whose second factor is on.
  public func usersWithSecondFactor() async throws -> Set<UserRecord.ID> {
    try await read { database in
      let numbers = try Int64.fetchSet(database, sql: "SELECT user FROM second_factors WHERE since IS NOT NULL")
      return Set(numbers.map(UserRecord.ID.init(rawValue:)))
    }
  }

  /// Uses a code, of the app or for recovery, up.
  ///
  /// - Returns: what it was; nil when it is wrong, was used before, or the second factor is off.
  public func useSecondFactor(_ user: UserRecord.ID, code: String) async throws -> SecondFactorCode? {
    let key = try await signInKey()
    let now = clock()
    return try await writeAside { database in
      guard let row = try Self.secondFactorRow(user, isOn: true, database) else { return nil }
      let digits = code.filter { $0 != " " }
      let password = OneTimePassword(secret: try self.seals.take("sealed_secret", of: row, "second_factors"))
      let id: Int64 = row["id"]
      let lastStep: Int64? = row["last_step"]
      if let step = password.step(of: digits, at: now, after: lastStep) {
        try database.execute(
          sql: "UPDATE second_factors SET last_step = ? WHERE id = ?", arguments: [step, id])
        return .oneTimePassword
      }
      guard let recovery = RecoveryCode(typed: code) else { return nil }
      try database.execute(
        sql: "DELETE FROM recovery_codes WHERE user = ? AND code_hash = ?",
        arguments: [user.rawValue, recovery.hash(key: key, owner: String(user.rawValue))])
      guard database.changesCount == 1 else { return nil }
      return .recoveryCode(left: try Self.codesLeft(user, database))
    }
  }

  /// Gives a user new recovery codes in the place of all former ones.
  ///
  /// - Throws: `NOT_FOUND` when the second factor is off.
  public func replaceRecoveryCodes(_ user: UserRecord.ID) async throws -> [RecoveryCode] {
    let key = try await signInKey()
    return try await write { database in
      guard try Self.secondFactorRow(user, isOn: true, database) != nil else {
        throw StoreError.notFound("second factor")
      }
      return try Self.replaceRecoveryCodes(user, key, database)
    }
  }

  /// Takes a user's second factor away, with its recovery codes, also one that was only offered. Who stands between password
  /// and code has to begin again.
  ///
  /// - Returns: whether it was on.
  @discardableResult
  public func removeSecondFactor(_ user: UserRecord.ID) async throws -> Bool {
    try await write { database in
      let wasOn = try Self.secondFactorRow(user, isOn: true, database) != nil
      for table in ["second_factors", "recovery_codes", "sign_in_steps"] {
        try database.execute(sql: "DELETE FROM \(table) WHERE user = ?", arguments: [user.rawValue])
      }
      return wasOn
    }
  }

  private static let secondFactorOn = StoreError(
    code: "SECOND_FACTOR_ON", sentence: "The second factor is on already. Switch it off before setting up another.")

  private static func secondFactorRow(
    _ user: UserRecord.ID, isOn: Bool, _ database: GRDB.Database
  ) throws -> Row? {
    try Row.fetchOne(
      database, sql: "SELECT * FROM second_factors WHERE user = ? AND (since IS NOT NULL) = ?",
      arguments: [user.rawValue, isOn])
  }

  private func offer(
    _ user: UserRecord.ID, _ database: GRDB.Database
  ) throws -> (id: Int64, secret: SecretBytes)? {
    guard let row = try Self.secondFactorRow(user, isOn: false, database) else { return nil }
    let age = clock().timeIntervalSince(Date(milliseconds: row["offered_at"]))
    guard age < Self.secondFactorOfferLimit else { return nil }
    return (row["id"], try seals.take("sealed_secret", of: row, "second_factors"))
  }

  private static func codesLeft(_ user: UserRecord.ID, _ database: GRDB.Database) throws -> Int {
    try Int.fetchOne(
      database, sql: "SELECT count(*) FROM recovery_codes WHERE user = ?", arguments: [user.rawValue]) ?? 0
  }

  private static func replaceRecoveryCodes(
    _ user: UserRecord.ID, _ key: SecretBytes, _ database: GRDB.Database
  ) throws -> [RecoveryCode] {
    let codes = try (0..<recoveryCodeCount).map { _ in try RecoveryCode.generate() }
    try database.execute(sql: "DELETE FROM recovery_codes WHERE user = ?", arguments: [user.rawValue])
    for code in codes {
      try database.execute(
        sql: "INSERT INTO recovery_codes (user, code_hash) VALUES (?, ?)",
        arguments: [user.rawValue, code.hash(key: key, owner: String(user.rawValue))])
    }
    return codes
  }
}
