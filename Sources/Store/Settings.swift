import GRDB
import PKI

extension Store {
  /// How many actions may be in flight at once, unless set.
  public static let defaultParallelComponents = 64

  /// How many may be set.
  public static let parallelRange = 1...64

  /// The value of a setting; nil when it was never set.
  public func setting(_ key: String) async throws -> String? {
    try await read { try String.fetchOne($0, sql: "SELECT value FROM settings WHERE key = ?", arguments: [key]) }
  }

  /// Sets a setting.
  public func set(_ key: String, to value: String) async throws {
    try await write { database in
      try database.execute(
        sql: "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", arguments: [key, value])
    }
  }

  /// One of several settings that are set together.
  public struct SettingChange: Sendable {
    let key: String
    let value: Value
    /// What the audit log says of it.
    public let act: AuditAct

    /// A setting's new value.
    public init(_ key: String, to value: String, _ act: AuditAct) {
      (self.key, self.value, self.act) = (key, .plain(value), act)
    }

    /// A new secret, which is sealed; nil removes it.
    public init(_ key: String, toSecret secret: SecretBytes?, _ act: AuditAct) {
      (self.key, self.value, self.act) = (key, .secret(secret), act)
    }

    enum Value: Sendable {
      case plain(String)
      case secret(SecretBytes?)
    }
  }

  /// The values of settings, those that were never set left out.
  public func settings(_ keys: [String]) async throws -> [String: String] {
    try await read { try Self.settings(keys, $0) }
  }

  /// What settings were when they were read: the keys that were asked for, and their values.
  public typealias ReadSettings = (keys: [String], values: [String: String])

  /// Throws `CHANGED_MEANWHILE` unless settings still are what was read; nothing is looked at for nil.
  static func check(_ read: ReadSettings?, _ database: GRDB.Database) throws {
    if let read, try settings(read.keys, database) != read.values { throw StoreError.changedMeanwhile }
  }

  private static func settings(_ keys: [String], _ database: GRDB.Database) throws -> [String: String] {
    var found: [String: String] = [:]
    for key in keys {
      found[key] = try String.fetchOne(
        database, sql: "SELECT value FROM settings WHERE key = ?", arguments: [key])
    }
    return found
  }

  /// Sets several settings, all or none, each with its entry in the audit log.
  ///
  /// - Parameter expected: what ``settings(_:)`` must still be of these keys; nil sets whatever they are.
  /// - Throws: `CHANGED_MEANWHILE`.
  public func set(_ changes: [SettingChange], expecting expected: ReadSettings? = nil) async throws {
    guard !changes.isEmpty else { return }
    try await write { database in
      try Self.check(expected, database)
      for change in changes {
        switch change.value {
        case .plain(let value):
          try database.execute(
            sql: "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", arguments: [change.key, value])
        case .secret(let secret): try self.put(secret, change.key, database)
        }
        try self.append(change.act, database)
      }
    }
  }

  /// How many actions of an update may be in flight at once.
  public func parallelComponents() async throws -> Int {
    guard let number = try await setting(Self.parallelKey).flatMap({ Int($0) }) else {
      return Self.defaultParallelComponents
    }
    return min(Self.parallelRange.upperBound, max(Self.parallelRange.lowerBound, number))
  }

  /// Sets how many actions of an update may be in flight at once; holds for updates that are started from now on.
  public func setParallelComponents(_ number: Int) async throws {
    try await set(Self.parallelKey, to: String(number))
  }

  /// The key of how many actions may be in flight at once.
  public static let parallelKey = "parallel_components"
}
