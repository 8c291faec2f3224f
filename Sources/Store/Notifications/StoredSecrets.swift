import Foundation
import GRDB
import PKI

/// Settings that are secrets: they are sealed as private keys are.
extension Store {
  /// The value of a secret setting; nil where there is none.
  public func secret(_ key: String) async throws -> SecretBytes? {
    try await read { database in
      let sealed = try Data.fetchOne(
        database, sql: "SELECT sealed_value FROM settings WHERE key = ? AND sealed_value IS NOT NULL",
        arguments: [key])
      return try sealed.map { try self.seals.open(Array($0), "settings", "sealed_value", key) }
    }
  }

  /// Which of some secret settings there are.
  public func knownSecrets(_ keys: [String]) async throws -> Set<String> {
    try await read { database in
      Set(
        try keys.filter { key in
          try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM settings WHERE key = ? AND sealed_value IS NOT NULL)",
            arguments: [key]) == true
        })
    }
  }

  func put(_ secret: SecretBytes?, _ key: String, _ database: GRDB.Database) throws {
    guard let secret else {
      try database.execute(sql: "DELETE FROM settings WHERE key = ?", arguments: [key])
      return
    }
    try database.execute(
      sql: "INSERT OR REPLACE INTO settings (key, sealed_value) VALUES (?, ?)",
      arguments: [key, Data(try seals.seal(secret, "settings", "sealed_value", key))])
  }
}
