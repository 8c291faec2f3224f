import Foundation
import GRDB
import PKI

/// Gives a data folder a new master key.
///
/// The order in which things become durable leaves, at every moment, one key that opens everything:
/// 1. the new key is written beside the place that it is to have, as `FILE.next`;
/// 2. one transaction seals every value anew, and the value that tells the right key with them;
/// 3. the new key is moved to its place.
/// Interrupted before the end of 2, the former key opens everything; interrupted between 2 and 3, a start with FILE finds
/// that `FILE.next` is the right one and moves it. Where FILE is the file of the former key, every start looks, and removes
/// a `FILE.next` that came to nothing. Where it is another one, a start with the former file knows nothing of it: that
/// `FILE.next` opens nothing and stays until the next rotation to FILE replaces it. A passphrase has no file: there, the
/// salt of its key is part of 2.
public struct MasterKeyRotation: Sendable {
  /// Where the new key is to be.
  public enum Destination: Sendable {
    /// A file, which is replaced if it is the one that the key comes from now; any other must not be there yet.
    case file(String)
    /// Nowhere: it is derived from a passphrase.
    case passphrase(SecretBytes)
  }

  /// What was done.
  public struct Report: Sendable, Hashable {
    /// How many secrets were sealed anew.
    public let secrets: Int
    /// The file of the key that opens nothing any more, where it was not replaced.
    public let formerFile: String?
  }

  /// What has become durable.
  enum Step: CaseIterable, Sendable { case written, sealed, moved, compacted }

  private let folder: String
  private let source: MasterKeySource
  private let destination: Destination

  /// - Parameters:
  ///   - folder: the data folder, on which no server may run.
  ///   - source: where the key comes from now.
  public init(folder: String, from source: MasterKeySource, to destination: Destination) {
    self.folder = folder
    self.source = source
    self.destination = destination
  }

  /// Blocking. Throws ``StoreError``: `IN_USE` while a server runs on the folder, `NO_DATA_FOLDER`, `MASTER_KEY_EXISTS`,
  /// and what opening the folder throws. After an error nothing has changed, unless it says so.
  public func run() throws -> Report { try run { _ in } }

  /// - Parameter after: called after each step, so that a test can end it there.
  func run(after: (Step) throws -> Void) throws -> Report {
    guard FileManager.default.fileExists(atPath: folder + "/reroot.sqlite") else {
      throw StoreError(
        code: "NO_DATA_FOLDER",
        sentence: "There is no database in \(folder), so there is no master key to change. Check the path.")
    }
    if case .passphrase(let passphrase) = destination { try Passphrase.check(passphrase) }
    let store = try Store.open(folder: folder, masterKey: source)
    defer { try? store.close() }
    do {
      return try rotate(store, after)
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
  }

  private func rotate(_ store: Store, _ after: (Step) throws -> Void) throws -> Report {
    let former = formerPath
    let key: MasterKey
    var derivation: MasterKeyDerivation?
    switch destination {
    case .file(let path):
      try refuseExisting(path, former)
      key = try MasterKey.generate()
      try MasterKeyFile.write(key, to: MasterKeyFile.next(path))
    case .passphrase(let passphrase):
      let made = try MasterKeyDerivation.generate()
      key = try made.key(of: passphrase)
      derivation = made
    }
    try after(.written)
    let count = try store.database.write { database in
      let count = try Self.seal(database, from: store.seals, to: Seals(masterKey: key), derivation)
      let act = AuditAct(
        .masterKeyRotated, by: .commandLine(uid: getuid()), on: "the master key",
        ["secrets": "\(count)", "to": derivation == nil ? "a file" : "a passphrase"])
      try store.append(act, database)
      return count
    }
    try after(.sealed)
    var replaced = false
    if case .file(let path) = destination {
      try MasterKeyFile.move(MasterKeyFile.next(path), to: path)
      replaced = former.map { Self.isSame($0, path) } ?? false
    }
    try after(.moved)
    try compact(store)
    try after(.compacted)
    return Report(secrets: count, formerFile: replaced ? nil : former)
  }

  /// The file that the key comes from now; nil where it is none of Reroot's.
  private var formerPath: String? {
    guard case .file(let path) = source else { return nil }
    return path ?? MasterKeyFile.usualPath(folder)
  }

  private static func isSame(_ one: String, _ other: String) -> Bool {
    URL(fileURLWithPath: one).standardizedFileURL == URL(fileURLWithPath: other).standardizedFileURL
  }

  private func refuseExisting(_ path: String, _ former: String?) throws {
    if let former, Self.isSame(former, path) { return }
    guard !FileManager.default.fileExists(atPath: path) else {
      throw StoreError(
        code: "MASTER_KEY_EXISTS",
        sentence: "There is a file \(path) already, and a master key that is not the present one is never overwritten. "
          + "Give another path, or move the file away.")
    }
  }

  /// Seals everything anew, or nothing.
  private static func seal(
    _ database: GRDB.Database, from former: Seals, to seals: Seals, _ derivation: MasterKeyDerivation?
  ) throws -> Int {
    var count = 0
    for column in SealedColumn.all {
      let rows = try DatabaseValue.fetchAll(
        database, sql: "SELECT \(column.row) FROM \(column.table) WHERE \(column.column) IS NOT NULL")
      for row in rows {
        guard
          let sealed = try Data.fetchOne(
            database, sql: "SELECT \(column.column) FROM \(column.table) WHERE \(column.row) = ?", arguments: [row])
        else { continue }
        let name = String.fromDatabaseValue(row) ?? String(Int64.fromDatabaseValue(row) ?? 0)
        // It is made anew below, with what it tells.
        guard name != MasterKeyOpening.check else { continue }
        let secret = try former.open(Array(sealed), column.table, column.column, name)
        try database.execute(
          sql: "UPDATE \(column.table) SET \(column.column) = ? WHERE \(column.row) = ?",
          arguments: [Data(try seals.seal(secret, column.table, column.column, name)), row])
        count += 1
      }
    }
    try MasterKeyOpening.put(database, seals, derivation)
    return count
  }

  /// Until now pages that are free, and the write-ahead log, have still held what the former key opens.
  private func compact(_ store: Store) throws {
    do {
      try store.database.writeWithoutTransaction { database in
        try database.execute(sql: "VACUUM")
        try database.checkpoint(.truncate)
      }
    } catch let error as DatabaseError {
      throw StoreError(
        code: "NOT_COMPACTED",
        sentence: "The master key is changed and everything is sealed with the new one, but the database could not be "
          + "compacted (\(StoreError(error).sentence)) Free pages may still hold what the former key opens; change the "
          + "key once more when that is mended.")
    }
  }
}
