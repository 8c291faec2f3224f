import GRDB

extension Store {
  private static let syslogKey = "syslog"
  private static let sentKey = "audit_sent"

  /// Where the audit log is sent on to, as an administrator wrote it; nil for nowhere.
  public func syslogAddress() async throws -> String? { try await setting(Self.syslogKey) }

  /// Sets where the audit log is sent on to, with the entry that says so; nothing where it is sent there already.
  ///
  /// - Parameters:
  ///   - expected: the address that must still be set, nil in it for none; nil sets it whatever it is.
  ///   - act: the entry, made of what is changed.
  /// - Returns: the entry.
  /// - Throws: `CHANGED_MEANWHILE`.
  @discardableResult
  public func setSyslogAddress(
    _ address: String?, expecting expected: String?? = nil, as act: ([String: String]) -> AuditAct
  ) async throws -> AuditAct? {
    let former = try await syslogAddress()
    guard former != address else { return nil }
    let act = act(["from": former ?? "nowhere", "to": address ?? "nowhere"])
    try await recording(act) { try await setSyslogAddress(address, expecting: expected) }
    return act
  }

  /// Sets where the audit log is sent on to. From nowhere to somewhere it begins with what is recorded from now on; from one
  /// place to another it goes on where it was.
  ///
  /// - Parameter expected: the address that must still be set, nil in it for none; nil sets it whatever it is.
  /// - Throws: `CHANGED_MEANWHILE`.
  public func setSyslogAddress(_ address: String?, expecting expected: String?? = nil) async throws {
    try await write { database in
      let former = try String.fetchOne(
        database, sql: "SELECT value FROM settings WHERE key = ?", arguments: [Self.syslogKey])
      if let expected, expected != former { throw StoreError.changedMeanwhile }
      guard let address else {
        try database.execute(
          sql: "DELETE FROM settings WHERE key IN (?, ?)", arguments: [Self.syslogKey, Self.sentKey])
        return
      }
      try Self.put(Self.syslogKey, address, database)
      if former == nil {
        let last = try Int64.fetchOne(database, sql: "SELECT max(number) FROM audit") ?? 0
        try Self.put(Self.sentKey, "\(last)", database)
      }
    }
  }

  /// The last entry that was sent on.
  public func lastSentAuditNumber() async throws -> Int64 { try await setting(Self.sentKey).flatMap { Int64($0) } ?? 0 }

  /// Remembers the last entry that was sent on, unless nothing is sent any more.
  public func setLastSentAuditNumber(_ number: Int64) async throws {
    try await writeAside { database in
      try database.execute(
        sql: "UPDATE settings SET value = ? WHERE key = ?", arguments: ["\(number)", Self.sentKey])
    }
  }

  private static func put(_ key: String, _ value: String, _ database: GRDB.Database) throws {
    try database.execute(
      sql: "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", arguments: [key, value])
  }
}
