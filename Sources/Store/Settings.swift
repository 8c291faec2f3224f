import GRDB

extension Store {
  /// How many actions may be in flight at once, unless set.
  public static let defaultParallelComponents = 8

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

  private static let parallelKey = "parallel_components"
}
