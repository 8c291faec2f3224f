import Foundation
import GRDB

/// Opens the database.
enum DatabaseFile {
  /// Makes it where there is none, and brings it up to date.
  static func open(_ path: String) throws -> DatabasePool {
    makePrivate(path)
    do {
      let pool = try writable(path)
      let migrator = Migrations.all
      guard try pool.read({ try !migrator.hasBeenSuperseded($0) }) else {
        throw isNewer
      }
      try migrator.migrate(pool)
      chmodPrivate(path)
      return pool
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
  }

  /// Opens the database to add to it, beside a server that runs on it or without one. It is neither made nor changed in its
  /// form.
  ///
  /// - Throws: ``StoreError``: `NO_DATABASE`, `NEWER_DATABASE`, `OLDER_DATABASE`, …
  static func openBeside(_ path: String) throws -> DatabasePool {
    guard FileManager.default.fileExists(atPath: path) else { throw isMissing(path) }
    do {
      let pool = try writable(path)
      try pool.read { database in
        guard try !Migrations.all.hasBeenSuperseded(database) else { throw isNewer }
        guard try Migrations.all.hasCompletedMigrations(database) else {
          throw StoreError(
            code: "OLDER_DATABASE",
            sentence:
              "The database in the data folder is that of an older version of Reroot. Start this one once, which "
              + "brings it up to date.")
        }
      }
      return pool
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
  }

  private static func writable(_ path: String) throws -> DatabasePool {
    var configuration = Configuration()
    configuration.busyMode = .timeout(10)
    configuration.prepareDatabase { database in
      // What is deleted or replaced is overwritten with zeros: a key that is removed is gone, sealed or not.
      try database.execute(sql: "PRAGMA secure_delete = ON")
      // Of the connections that read, in KiB each: what they do not keep the kernel does.
      try database.execute(sql: "PRAGMA cache_size = -512")
    }
    let pool = try DatabasePool(path: path, configuration: configuration)
    // FULL: a transaction that was answered is on disk (SQLite, PRAGMA synchronous). Here, because a pool sets its
    // writer to NORMAL after it was prepared, with which a power cut takes away the last transactions.
    try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL; PRAGMA cache_size = -2000") }
    return pool
  }

  private static func isMissing(_ path: String) -> StoreError {
    StoreError(
      code: "NO_DATABASE",
      sentence:
        "There is no database of Reroot in \((path as NSString).deletingLastPathComponent). Check the path of "
        + "the data folder.")
  }

  static let isNewer = StoreError(
    code: "NEWER_DATABASE",
    sentence: "The database in the data folder was written by a newer version of Reroot. Start that version, or "
      + "give this one another folder.")

  /// Looks at the database of a folder, beside a server that runs on it, in as many snapshots as `body` takes.
  ///
  /// - Throws: ``StoreError`` when there is none.
  static func reading<Value>(_ folder: String, _ body: (DatabasePool) throws -> Value) throws -> Value {
    let (reader, _) = try openForReading(folder + "/reroot.sqlite")
    defer { try? reader.close() }
    do {
      return try body(reader)
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
  }

  /// Opens the database to read it only, whether or not a server runs on it. Nothing is written but SQLite's own notes of
  /// who reads what (`-shm`), and those only while there is a write-ahead log.
  ///
  /// - Parameter isCalm: whether nobody has the database open and nothing waits in its log, so that the file itself is all
  ///   there is.
  static func openForReading(_ path: String) throws -> (reader: DatabasePool, isCalm: Bool) {
    guard FileManager.default.fileExists(atPath: path) else { throw isMissing(path) }
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(10)
    let isCalm = !["-wal", "-shm"].contains { FileManager.default.fileExists(atPath: path + $0) }
    do {
      // A reader of a database with a log makes the log's files where there are none; an immutable one leaves no trace
      // (https://www.sqlite.org/uri.html, “immutable”). Debian's SQLite takes such an address for a path.
      return (try DatabasePool(path: isCalm ? immutable(path) : path, configuration: configuration), isCalm)
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
  }

  /// The address of a database that nobody changes while it is read.
  static func immutable(_ path: String) -> String {
    let kept = CharacterSet(charactersIn: "/-_.~").union(.alphanumerics)
    let full = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    return "file:\(full.addingPercentEncoding(withAllowedCharacters: kept) ?? full)?immutable=1"
  }

  /// An empty file is a new database to SQLite, which gives its mode to the files beside it.
  private static func makePrivate(_ path: String) {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor >= 0 { close(descriptor) }
  }

  /// The database holds names and public certificates that are nobody else's business.
  private static func chmodPrivate(_ path: String) {
    for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: path + suffix) {
      try? FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path + suffix)
    }
  }
}

extension Date {
  /// Milliseconds since 1970, as the database stores moments. What a database holds that somebody has tampered with may be
  /// beyond all of them; it becomes the first or the last.
  var milliseconds: Int64 {
    let exact = (timeIntervalSince1970 * 1000).rounded()
    return Int64(exactly: exact) ?? (exact > 0 ? .max : .min)
  }

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
