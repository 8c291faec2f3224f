import Foundation
import GRDB

extension Store {
  /// The key of the setting.
  public static let secondPersonKey = "second_person"
  /// The keys of the settings that are switched by rules of their own.
  public static let switchKeys = [secondPersonKey, secondFactorRequiredKey]

  /// Whether an update and an Abort take the agreement of a second person.
  public func isSecondPersonOn() async throws -> Bool {
    try await read { try Self.isSecondPersonOn($0) }
  }

  static func isSecondPersonOn(_ database: GRDB.Database) throws -> Bool {
    try String.fetchOne(database, sql: "SELECT value FROM settings WHERE key = ?", arguments: [secondPersonKey]) == "on"
  }

  /// From now on an update and an Abort take the agreement of a second person. Switching it off takes one, too:
  /// ``askToSwitchOff(by:)``.
  ///
  /// - Parameter expected: the settings as they must still be; nil for whatever they are.
  /// - Throws: `TOO_FEW_USERS` when there are not two people who could agree; `CHANGED_MEANWHILE`.
  public func switchSecondPersonOn(expecting expected: ReadSettings? = nil) async throws {
    try await write { database in
      try Self.check(expected, database)
      try database.execute(
        sql: "INSERT OR REPLACE INTO settings (key, value) VALUES (?, 'on')", arguments: [Self.secondPersonKey])
      try Self.checkEnoughPeople(database)
    }
  }

  static func checkSecondPerson(_ database: GRDB.Database) throws {
    guard try isSecondPersonOn(database) else {
      throw StoreError(
        code: "NOT_NEEDED", sentence: "Nobody has to agree: the setting “Second person” is off. Go on without asking.")
    }
  }

  /// While the setting is on there must be two who could agree, or nothing could be started or aborted any more.
  static func checkEnoughPeople(_ database: GRDB.Database) throws {
    guard try isSecondPersonOn(database) else { return }
    let count = try Int.fetchOne(
      database, sql: "SELECT count(*) FROM users WHERE role IN ('operator', 'administrator') AND has_password")
    guard let count, count >= 2 else {
      throw StoreError(
        code: "TOO_FEW_USERS",
        sentence: "With the setting “Second person” there must be two operators or administrators who have a password. "
          + "Add another one first, and wait until the password is chosen.")
    }
  }
}
