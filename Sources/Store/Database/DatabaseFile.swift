import Foundation
import GRDB

/// Opens the database and brings it up to date.
enum DatabaseFile {
  static func open(_ path: String) throws -> DatabasePool {
    var configuration = Configuration()
    configuration.busyMode = .timeout(10)
    configuration.prepareDatabase { database in
      // FULL: a transaction that was answered is on disk (SQLite, PRAGMA synchronous).
      try database.execute(sql: "PRAGMA synchronous = FULL")
    }
    makePrivate(path)
    do {
      let pool = try DatabasePool(path: path, configuration: configuration)
      let migrator = Migrations.all
      guard try pool.read({ try !migrator.hasBeenSuperseded($0) }) else {
        throw StoreError(
          code: "NEWER_DATABASE",
          sentence: "The database in the data folder was written by a newer version of Reroot. Start that version, or "
            + "give this one another folder.")
      }
      try migrator.migrate(pool)
      try chmodPrivate(path)
      return pool
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
  }

  /// An empty file is a new database to SQLite, which gives its mode to the files beside it.
  private static func makePrivate(_ path: String) {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor >= 0 { close(descriptor) }
  }

  /// The database holds names and public certificates that are nobody else's business.
  private static func chmodPrivate(_ path: String) throws {
    for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: path + suffix) {
      try? FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path + suffix)
    }
  }
}

extension Date {
  /// Milliseconds since 1970, as the database stores moments.
  var milliseconds: Int64 { Int64((timeIntervalSince1970 * 1000).rounded()) }

  init(milliseconds: Int64) {
    self.init(timeIntervalSince1970: Double(milliseconds) / 1000)
  }
}

/// Values that are kept as JSON text.
enum JSON {
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .millisecondsSince1970
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  static func value<Value: Decodable>(_ text: String) throws -> Value {
    try value(Value.self, text)
  }

  static func value<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .millisecondsSince1970
    do {
      return try decoder.decode(type, from: Data(text.utf8))
    } catch {
      throw StoreError(
        code: "DATABASE_BROKEN",
        sentence: "A record in Reroot's database cannot be read (\(type)). Restore the data folder from a backup.")
    }
  }
}
