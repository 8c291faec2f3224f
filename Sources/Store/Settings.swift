import GRDB

extension Store {
  /// How many actions may be in flight at once, unless set.
  public static let defaultParallelComponents = 8

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
    let text = try await setting("parallel_components")
    return text.flatMap { Int($0) }.map { min(64, max(1, $0)) } ?? Self.defaultParallelComponents
  }
}
