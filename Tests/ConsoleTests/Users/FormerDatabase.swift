import Foundation
import GRDB
import PKI

@testable import Store

/// A database as the version before roles left it, with two users.
enum FormerDatabase {
  static func make(in folder: String, names: [String] = ["ada", "grace"]) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let key = String(repeating: "0f", count: 32) + "\n"
    _ = FileManager.default.createFile(
      atPath: folder + "/master.key", contents: Data(key.utf8), attributes: [.posixPermissions: 0o600])
    let database = try DatabaseQueue(path: folder + "/reroot.sqlite")
    try Migrations.all.migrate(database, upTo: "1.1 retirement")
    let hash = try PasswordHash.make(SecretBytes(utf8: "correct horse battery"))
    try database.write { database in
      for name in names {
        try database.execute(
          sql: "INSERT INTO users (name, password_hash, added_at) VALUES (?, ?, 1)", arguments: [name, hash.text])
      }
    }
    try database.close()
  }
}
