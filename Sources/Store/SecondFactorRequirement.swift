import GRDB
import PKI
import Rotation

/// Whether everybody must have a second factor. It holds for the sessions that are open and for tokens, too: what either may
/// do is looked at with each request.
extension Store {
  /// The key of the setting.
  public static let secondFactorRequiredKey = "second_factor_required"

  /// SQL: whether the user of a row of `users` must set a second factor up before anything else.
  static let needsSecondFactor = """
    (EXISTS (SELECT 1 FROM settings WHERE key = '\(secondFactorRequiredKey)' AND value = 'on')
    AND NOT EXISTS (SELECT 1 FROM second_factors WHERE second_factors.user = users.id AND since IS NOT NULL))
    """

  /// Whether everybody must have a second factor.
  public func isSecondFactorRequired() async throws -> Bool {
    try await setting(Self.secondFactorRequiredKey) == "on"
  }

  /// From now on everybody must have a second factor, or need not any more.
  ///
  /// - Parameters:
  ///   - user: who wants it, who must have one.
  ///   - expected: the settings as they must still be; nil for whatever they are.
  /// - Throws: `NO_SECOND_FACTOR`, `CHANGED_MEANWHILE`.
  public func requireSecondFactor(
    _ isRequired: Bool, by user: UserRecord.ID, expecting expected: ReadSettings? = nil
  ) async throws {
    try await write { database in
      try Self.check(expected, database)
      let hasOne = try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM second_factors WHERE user = ? AND since IS NOT NULL)",
        arguments: [user.rawValue])
      guard !isRequired || hasOne == true else {
        throw StoreError.noSecondFactor
      }
      try database.execute(
        sql: "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)",
        arguments: [Self.secondFactorRequiredKey, isRequired ? "on" : "off"])
    }
  }
}

extension StoreError {
  static let noSecondFactor = StoreError(
    code: "NO_SECOND_FACTOR", cause: "You have no second factor yourself.",
    advice: Advice(
      page: "Set one up on the page Account first; then require it of all.",
      // A token must not be enough to set one up.
      api: "Set one up first, in a browser, with your password; then require it of all."))
}
