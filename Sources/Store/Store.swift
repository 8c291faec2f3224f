import Foundation
import GRDB
import PKI
import Rotation
import Synchronization

/// Everything that Reroot remembers: an SQLite database in a folder of its own, with every secret in it sealed.
///
/// Its interface is the operations of the domain; nobody else knows that there is a database.
public final class Store: Sendable {
  let database: DatabasePool
  let writes: WriteGroup
  let seals: Seals
  let clock: @Sendable () -> Date
  /// The states of updates, so that a transition needs not fold the whole journal. Each is valid for one sequence.
  let states = Mutex<[UpdateRecord.ID: FoldedState]>([:])
  /// The plans that were read last.
  let plans = Mutex<[Plan.ID: KnownPlan]>([:])
  let summaries = Mutex<[Plan.ID: KnownSummary]>([:])
  /// Certificates of roots that were never imported, by fingerprint, once they have been found in a kept bundle.
  let formerCertificates = Mutex<[String: Certificate]>([:])
  let audit = AuditDesk()
  /// What of this machine is the store's own.
  public let places: StorePlaces
  private let redaction: MasterKeyRedaction
  /// The key of recovery codes and known browsers, once it was needed.
  let signInKeys = Mutex<SecretBytes?>(nil)
  private let isClosed = Mutex(false)
  /// Nil for a store that is only read, or only added to.
  private let lock: FolderLock?
  /// Nil for a store that is only read, or only added to.
  private let dataVersion: DataVersion?

  /// Opens the store of a folder, which is made when it is not there. Blocking, half a second with a passphrase.
  ///
  /// - Parameters:
  ///   - folder: holds `reroot.sqlite`, `reroot.lock` and, unless the key comes from elsewhere, `master.key`.
  ///   - masterKey: where the master key comes from.
  ///   - clock: tells the time of what is recorded.
  /// - Throws: ``StoreError`` whose sentence says why it cannot be opened: `FOLDER_NOT_WRITABLE`, `FOLDER_EXPOSED`, `IN_USE`,
  ///   `MASTER_KEY…`, `WRONG_MASTER_KEY`, `WRONG_PASSPHRASE`, `NEWER_DATABASE`, `DATABASE_BROKEN`.
  public static func open(
    folder: String, masterKey: MasterKeySource = .file(nil), clock: @escaping @Sendable () -> Date = { Date() }
  ) throws -> Store {
    try StoreFolder.prepare(folder)
    try FolderModes.requireClosed(folder)
    let lock = try FolderLock(folder: folder)
    try Restore.finish(folder)
    let isNew = !FileManager.default.fileExists(atPath: folder + "/reroot.sqlite")
    let passphrase = HeardPassphrase(masterKey)
    let opening = MasterKeyOpening(source: passphrase.source, folder: folder, isNew: isNew)
    let found = try opening.find()
    let database = try DatabaseFile.open(folder + "/reroot.sqlite")
    do {
      let seals = try opening.seals(found, database)
      let store = Store(
        database: database, seals: seals, clock: clock, lock: lock,
        places: StorePlaces(folder: folder, masterKey: masterKey),
        redaction: MasterKeyRedaction(of: seals.masterKey, passphrase: passphrase.taken()),
        dataVersion: try DataVersion(folder + "/reroot.sqlite"))
      try store.readAuditKey()
      // They are gone once there is room for it; whoever starts with a full disk is to see the pages that say so.
      do {
        try database.write { try store.dropExpiredImports($0) }
      } catch let error as DatabaseError where StoreError(error).isOfTheDisk {}
      return store
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
  }

  /// The same with the master key in a file.
  public static func open(
    folder: String, masterKeyFile: String?, clock: @escaping @Sendable () -> Date = { Date() }
  ) throws -> Store {
    try open(folder: folder, masterKey: .file(masterKeyFile), clock: clock)
  }

  /// Opens a store that is being put together, whose key is at hand.
  static func open(folder: String, key: MasterKey, clock: @escaping @Sendable () -> Date) throws -> Store {
    let lock = try FolderLock(folder: folder)
    return Store(
      database: try DatabaseFile.open(folder + "/reroot.sqlite"), seals: Seals(masterKey: key), clock: clock,
      lock: lock,
      places: StorePlaces(folder: folder, masterKey: .file(nil)), redaction: MasterKeyRedaction(of: key))
  }

  /// Opens the store of a folder to add to it, beside a server that runs on it or without one. It is there, and of this
  /// version.
  static func openBeside(folder: String, key: MasterKey, clock: @escaping @Sendable () -> Date) throws -> Store {
    try Restore.requireNoneBegun(folder)
    return Store(
      database: try DatabaseFile.openBeside(folder + "/reroot.sqlite"), seals: Seals(masterKey: key), clock: clock,
      lock: nil, places: StorePlaces(folder: folder, masterKey: .file(nil)), redaction: MasterKeyRedaction(of: key))
  }

  /// The version of SQLite that the store runs on, such as `3.40.1`.
  public static var libraryVersion: String {
    let version = try? DatabaseQueue().read { try String.fetchOne($0, sql: "SELECT sqlite_version()") }
    return version.flatMap(\.self) ?? "?"
  }

  /// Opens the store of a folder to read it only, beside a server that runs on it or without one. Nothing can be changed
  /// by it, and nobody is kept out; a database of an older version is read as it is.
  ///
  /// - Throws: ``StoreError``: `NO_DATABASE`, `MASTER_KEY…`, `WRONG_MASTER_KEY`, `NEWER_DATABASE`, `DATABASE_BROKEN`,
  ///   `RESTORE_UNFINISHED`.
  public static func openForReading(
    folder: String, masterKey: MasterKeySource = .file(nil), clock: @escaping @Sendable () -> Date = { Date() }
  ) throws -> Store {
    try Restore.requireNone(folder)
    let (database, _) = try DatabaseFile.openForReading(folder + "/reroot.sqlite")
    do {
      let seals = try MasterKeyOpening.sealsForReading(masterKey, folder: folder, database)
      try database.close()
      return try openForReading(folder: folder, key: seals.masterKey, from: masterKey, clock: clock)
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
  }

  /// The same with a key that need not be the right one: what is sealed does not open then.
  static func openForReading(
    folder: String, key: MasterKey, from source: MasterKeySource = .file(nil), clock: @escaping @Sendable () -> Date
  ) throws -> Store {
    try Restore.requireNone(folder)
    let (database, _) = try DatabaseFile.openForReading(folder + "/reroot.sqlite")
    do {
      guard try database.read({ try !Migrations.all.hasBeenSuperseded($0) }) else { throw DatabaseFile.isNewer }
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
    return Store(
      database: database, seals: Seals(masterKey: key), clock: clock, lock: nil,
      places: StorePlaces(folder: folder, masterKey: source), redaction: MasterKeyRedaction(of: key))
  }

  private init(
    database: DatabasePool, seals: Seals, clock: @escaping @Sendable () -> Date, lock: FolderLock?,
    places: StorePlaces, redaction: MasterKeyRedaction, dataVersion: DataVersion? = nil
  ) {
    self.places = places
    self.redaction = redaction
    self.database = database
    writes = WriteGroup(database)
    self.seals = seals
    self.clock = clock
    self.lock = lock
    self.dataVersion = dataVersion
  }

  /// A number that is another one after every change of the store, whoever makes it; nil where it cannot be told at once.
  /// What was read after it was asked for, and worked out from nothing else, holds for as long as it stays. Takes
  /// microseconds, and waits for nobody.
  public var version: Int? { dataVersion?.current }

  /// A text that somebody else wrote, such as the output of a command, without the master key and its passphrase.
  public func withoutMasterKey(_ text: String) -> String { redaction.applied(to: text) }

  /// Closes the database, so that its write-ahead log is folded into it, and lets others open the folder. Nothing can
  /// be done with the store after, but closing it again, which does nothing.
  public func close() throws {
    // SQLite does not look whether a connection that it is to fold is still one.
    try isClosed.withLock { isClosed in
      guard !isClosed else { return }
      // Closing does not do it: the readers, which may not write, are closed last.
      if lock != nil { try? fold() }
      do {
        try dataVersion?.close()
        try database.close()
      } catch let error as DatabaseError {
        throw StoreError(error)
      }
      lock?.release()
      isClosed = true
    }
  }

  /// Moves everything that is in the write-ahead log into the database. Throws where that is not possible now.
  func fold() throws {
    do {
      _ = try database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
  }

  /// Moves what is in the write-ahead log into the database and empties the log, unless somebody reads from it just now:
  /// the log holds what was replaced meanwhile, such as earlier marks of the audit log's end, genuine and sealed.
  ///
  /// Waits for nobody, so it is to be called now and then.
  public func tidy() async throws {
    try await Self.mapped {
      try await self.database.writeWithoutTransaction { database in
        // SQLite does not look whether a connection is still one, and the store may have been closed meanwhile.
        guard database.sqliteConnection != nil else { return }
        let moved = try database.checkpoint(.passive)
        guard moved.walFrameCount == moved.checkpointedFrameCount else { return }
        let patience = try Int.fetchOne(database, sql: "PRAGMA busy_timeout") ?? 0
        try database.execute(sql: "PRAGMA busy_timeout = 0")
        defer { try? database.execute(sql: "PRAGMA busy_timeout = \(patience)") }
        do {
          _ = try database.checkpoint(.truncate)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
          return
        }
      }
    }
  }

  func read<Value: Sendable>(_ body: @escaping @Sendable (GRDB.Database) throws -> Value) async throws -> Value {
    try await Self.mapped { try await self.database.read(body) }
  }

  /// Does something in one transaction, together with the audit entry that waits for it; see
  /// ``recording(_:isolation:_:)``. It may be carried out twice; see ``WriteGroup``.
  func write<Value: Sendable>(_ body: @escaping @Sendable (GRDB.Database) throws -> Value) async throws -> Value {
    let scope = AuditScope.current
    return try await writeAside { database in try self.audited(scope, database, body) }
  }

  /// The same for what is no act of anybody's, such as an observation: no audit entry goes with it. It may be carried out
  /// twice; see ``WriteGroup``.
  func writeAside<Value: Sendable>(_ body: @escaping @Sendable (GRDB.Database) throws -> Value) async throws -> Value {
    // What happened to a target is journaled even if its witness gives up.
    try await Self.mapped { try await self.writes.write(body) }
  }

  /// Notes that something was used. Whoever uses it is not to be kept from it while the disk has no room for that, or fails:
  /// the pages then say what is the matter.
  func noteUse(_ body: @escaping @Sendable (GRDB.Database) throws -> Void) async throws {
    do {
      try await writeAside(body)
    } catch let error as StoreError where error.isOfTheDisk {}
  }

  /// Turns what SQLite says into a sentence. Values are never part of it.
  private static func mapped<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
  }
}

/// Why the store cannot do something, in a sentence for a person. Holds no secret.
public struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A stable word for programs.
  public let code: String
  /// Whether the disk of the data folder is full, or fails.
  var isOfTheDisk: Bool { code == "DISK_FULL" || code == "DISK_FAILED" }
  /// What happened, to what, and what to do next, as a page says it.
  public let sentence: String
  /// What happened, and what to do, where the API has another way on than the page.
  public let parts: Parts?

  /// A sentence whose second half depends on who asks.
  public struct Parts: Sendable, Hashable {
    /// What happened, to what.
    public let cause: String
    /// What to do.
    public let advice: Advice
  }

  /// Describes an error.
  public init(code: String, sentence: String) {
    self.code = code
    self.sentence = sentence
    parts = nil
  }

  /// Describes an error about which the API knows another way on than the page.
  public init(code: String, cause: String, advice: Advice) {
    self.code = code
    sentence = "\(cause) \(advice.page)"
    parts = Parts(cause: cause, advice: advice)
  }

  /// The sentence.
  public var description: String { sentence }

  static func notFound(_ what: String, _ why: String = "It may have been removed.") -> StoreError {
    StoreError(code: "NOT_FOUND", sentence: "There is no such \(what). \(why)")
  }

  /// Somebody else has changed what is to be changed.
  static let changedMeanwhile = StoreError(
    code: "CHANGED_MEANWHILE",
    sentence: "This has been changed since it was read, so nothing was done. Read it again, then decide.")

  /// Updates are never removed, plans that nobody starts are.
  static let noUpdate = notFound("update", "Updates are never removed: look for it in their list.")
  static let noPlan = notFound("plan", "One that nobody starts is kept for a day: make a new one.")

  init(_ error: DatabaseError) {
    switch error.resultCode {
    case .SQLITE_FULL:
      self.init(code: "DISK_FULL", sentence: "The disk that holds Reroot's data folder is full. Make room there.")
    case .SQLITE_IOERR:
      // Also where there is no room for the files beside the database.
      self.init(
        code: "DISK_FAILED",
        sentence:
          "The disk that holds Reroot's data folder failed (\(error.message ?? "no message")): it is full or broken. "
          + "Look whether there is room on it, and into the system's log.")
    case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
      self.init(
        code: "FOLDER_NOT_WRITABLE",
        sentence: "Reroot's data folder cannot be written. Check its owner, its mode and its file system.")
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      self.init(
        code: "DATABASE_BROKEN",
        sentence: "The database in Reroot's data folder is damaged. Restore the folder from a backup.")
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      self.init(
        code: "DATABASE_BUSY", sentence: "Reroot's database is held by another program. End that program, then retry.")
    default:
      self.init(
        code: "DATABASE_FAILED",
        sentence: "Reroot's database refused an operation (SQLite: \(error.message ?? "no message")).")
    }
  }
}
