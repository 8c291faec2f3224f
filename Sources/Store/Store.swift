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
  let seals: Seals
  let clock: @Sendable () -> Date
  /// The states of updates, so that a transition needs not fold the whole journal. Each is valid for one sequence.
  let states = Mutex<[UpdateRecord.ID: FoldedState]>([:])
  /// Certificates of roots that were never imported, by fingerprint, once they have been found in a kept bundle.
  let formerCertificates = Mutex<[String: Certificate]>([:])
  private let lock: FolderLock

  /// Opens the store of a folder, which is made when it is not there.
  ///
  /// - Parameters:
  ///   - folder: holds `reroot.sqlite`, `reroot.lock` and, unless another file is given, `master.key`.
  ///   - masterKeyFile: the file of the master key; nil for the one in the folder, which is made at the first start.
  ///   - clock: tells the time of what is recorded.
  /// - Throws: ``StoreError`` whose sentence says why it cannot be opened: `FOLDER_NOT_WRITABLE`, `IN_USE`,
  ///   `MASTER_KEY…`, `NEWER_DATABASE`, `DATABASE_BROKEN`.
  public static func open(
    folder: String, masterKeyFile: String? = nil, clock: @escaping @Sendable () -> Date = { Date() }
  ) throws -> Store {
    try StoreFolder.prepare(folder)
    let lock = try FolderLock(folder: folder)
    let isNew = !FileManager.default.fileExists(atPath: folder + "/reroot.sqlite")
    let seals = try Seals(masterKey: MasterKeyFile.read(masterKeyFile, folder: folder, mayCreate: isNew))
    let database = try DatabaseFile.open(folder + "/reroot.sqlite")
    let store = Store(database: database, seals: seals, clock: clock, lock: lock)
    do {
      try store.checkMasterKey()
      try database.write { try store.dropExpiredImports($0) }
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
    return store
  }

  private init(database: DatabasePool, seals: Seals, clock: @escaping @Sendable () -> Date, lock: FolderLock) {
    self.database = database
    self.seals = seals
    self.clock = clock
    self.lock = lock
  }

  /// Closes the database, so that its write-ahead log is folded into it, and lets others open the folder. Nothing can
  /// be done with the store after.
  public func close() throws {
    do {
      // Closing does not do it: the readers, which may not write, are closed last.
      _ = try? database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
      try database.close()
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
    lock.release()
  }

  func read<Value: Sendable>(_ body: @escaping @Sendable (GRDB.Database) throws -> Value) async throws -> Value {
    try await Self.mapped { try await self.database.read(body) }
  }

  func write<Value: Sendable>(_ body: @escaping @Sendable (GRDB.Database) throws -> Value) async throws -> Value {
    // In a task of its own, which nobody cancels: what happened to a target is journaled even if its witness gives up.
    try await Self.mapped { try await Task { try await self.database.write(body) }.value }
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
  /// What happened, to what, and what to do next.
  public let sentence: String

  /// Describes an error.
  public init(code: String, sentence: String) {
    self.code = code
    self.sentence = sentence
  }

  /// The sentence.
  public var description: String { sentence }

  static func notFound(_ what: String) -> StoreError {
    StoreError(code: "NOT_FOUND", sentence: "There is no such \(what). It may have been removed.")
  }

  init(_ error: DatabaseError) {
    switch error.resultCode {
    case .SQLITE_FULL:
      self.init(code: "DISK_FULL", sentence: "The disk that holds Reroot's data folder is full. Make room there.")
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
