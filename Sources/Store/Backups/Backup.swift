import Foundation
import GRDB
import PKI

/// Backups of a data folder: one file each, sealed under a passphrase, with the database and the master key in it.
public enum Backup {
  /// What was made.
  public struct Report: Sendable, Hashable {
    /// What the backup says of itself.
    public let manifest: BackupManifest
    /// Its length in bytes.
    public let bytes: Int
    /// Why the audit log does not say that it was made; nil where it does.
    public let unrecorded: String?
  }

  /// What a backup is made of, and where it goes.
  public struct Order: Sendable {
    /// The data folder; a server may run on it.
    public var folder: String
    /// Where its master key comes from.
    public var masterKey: MasterKeySource
    /// The file that is made, with mode 0600.
    public var file: String
    /// Seals it; at least 12 characters.
    public var passphrase: SecretBytes
    /// Whether a file that is there already is replaced.
    public var overwrites: Bool
    /// The version of the program, for the record.
    public var program: String
    /// The moment, for the record.
    public var now: Date

    /// Orders a backup.
    public init(
      folder: String, masterKey: MasterKeySource = .file(nil), file: String, passphrase: SecretBytes,
      overwrites: Bool = false,
      program: String, now: Date = Date()
    ) {
      self.folder = folder
      self.masterKey = masterKey
      self.file = file
      self.passphrase = passphrase
      self.overwrites = overwrites
      self.program = program
      self.now = now
    }
  }

  /// Copies the database as it is at one moment, whatever is written meanwhile, opens every secret in the copy, seals it
  /// with the master key into one file, reads that file again to its end, and only then gives it its name. Blocking.
  ///
  /// The audit log says so then: the master key has left the folder. A disk on which nothing can be written any more is no
  /// reason to go without a backup; the report says that it is not recorded.
  ///
  /// - Throws: ``StoreError`` or `PKIError`. There is no file of that name then, or the one that was there before.
  public static func make(_ order: Order) throws -> Report {
    try requirePlace(order)
    try Restore.requireNone(order.folder)
    let place = try BackupWorkplace(file: order.file)
    defer { place.remove() }
    do {
      try copy(order.folder, to: place.database)
      let (manifest, key) = try examine(place.database, order)
      let keys = try seal(place, manifest, key, order.passphrase)
      try verify(place.sealed, keys: keys)
      // Once more: what stands there now may have been put there meanwhile.
      try requirePlace(order)
      try place.finish(order.file, overwrites: order.overwrites)
      return Report(manifest: manifest, bytes: try size(order.file), unrecorded: record(order, manifest, key))
    } catch let error as DatabaseError {
      throw StoreError(error)
    }
  }

  /// - Returns: why it could not be recorded; nil where it is.
  private static func record(_ order: Order, _ manifest: BackupManifest, _ key: MasterKey) -> String? {
    let act = AuditAct(
      .backupMade, by: .commandLine(uid: getuid()), on: "the data folder",
      ["file": order.file, "host": manifest.host, "secrets": "\(manifest.secrets)"])
    do {
      let store = try Store.openBeside(folder: order.folder, key: key) { order.now }
      try store.readAuditKey()
      try store.database.write { try store.append(act, $0) }
      // A server does that when it is closed; without one nobody would.
      if !FolderLock.isHeld(order.folder) { try? store.fold() }
      try store.close()
      return nil
    } catch let error as DatabaseError {
      return StoreError(error).sentence
    } catch {
      return (error as? StoreError)?.sentence ?? "\(error)"
    }
  }

  /// One step of SQLite's online backup: a read transaction, which sees one moment and keeps no writer waiting.
  private static func copy(_ folder: String, to path: String) throws {
    let source = try openSource(folder)
    defer { try? source.close() }
    close(try DurableFiles.create(path))
    var configuration = Configuration()
    // The copy is thrown away, whatever happens; what counts is put on disk sealed.
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF") }
    let copy = try DatabaseQueue(path: path, configuration: configuration)
    try source.backup(to: copy)
    try copy.close()
  }

  /// Read as a database that others may be writing, even where none is at the moment: a server may start meanwhile.
  private static func openSource(_ folder: String) throws -> DatabasePool {
    let path = folder + "/reroot.sqlite"
    let (pool, isCalm) = try DatabaseFile.openForReading(path)
    guard isCalm else { return pool }
    try pool.close()
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(10)
    return try DatabasePool(path: path, configuration: configuration)
  }

  private static func examine(_ path: String, _ order: Order) throws -> (BackupManifest, MasterKey) {
    var configuration = Configuration()
    configuration.readonly = true
    let reader = try DatabaseQueue(path: DatabaseFile.immutable(path), configuration: configuration)
    defer { try? reader.close() }
    let examination = DatabaseExamination(reader: reader)
    if let damage = try examination.damage().first { throw isDamaged(damage) }
    let schema = try examination.schema()
    guard schema.unknown.isEmpty else { throw DatabaseFile.isNewer }
    let seals = try MasterKeyOpening.sealsForReading(order.masterKey, folder: order.folder, reader)
    let secrets = try examination.openSecrets(seals)
    if let broken = secrets.broken.first { throw doesNotOpen(broken, secrets.broken.count) }
    let unfinished = try reader.read {
      try Int64.fetchOne($0, sql: "SELECT id FROM updates WHERE outcome IS NULL")
    }
    let manifest = BackupManifest(
      program: order.program, schema: schema.applied, madeAt: order.now, host: ProcessInfo.processInfo.hostName,
      databaseBytes: try size(path), secrets: secrets.opened, unfinishedUpdate: unfinished)
    return (manifest, seals.masterKey)
  }

  /// Manifest, master key, database, one behind the other.
  private static func seal(
    _ place: BackupWorkplace, _ manifest: BackupManifest, _ key: MasterKey, _ passphrase: SecretBytes
  ) throws -> SealedFileKeys {
    let output = try DurableFiles.create(place.sealed)
    defer { close(output) }
    let writer = try SealedFileWriter(passphrase: passphrase) {
      try DurableFiles.write($0, to: output, place.sealed)
    }
    try writer.append(try manifest.encoded())
    try key.withBytes { try writer.append($0) }
    let input = Glibc.open(place.database, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw DurableFiles.failure("read", place.database) }
    defer { close(input) }
    var left = manifest.databaseBytes
    while left > 0 {
      let bytes = try DurableFiles.read(min(left, 1 << 16), from: input, place.database)
      guard !bytes.isEmpty else { throw DurableFiles.failure("read", place.database) }
      try writer.append(bytes)
      left -= bytes.count
    }
    try writer.finish()
    try DurableFiles.sync(output, place.sealed)
    return writer.sealedWith
  }

  /// What was written is what will be read: every part is opened again.
  private static func verify(_ path: String, keys: SealedFileKeys) throws {
    let input = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw DurableFiles.failure("read", path) }
    defer { close(input) }
    let reader = try SealedFileReader(keys: keys) { try DurableFiles.read($0, from: input, path) }
    while try reader.next() != nil {}
  }

  static func size(_ path: String) throws -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { throw DurableFiles.failure("read", path) }
    return Int(status.st_size)
  }

  static func isDamaged(_ damage: String) -> StoreError {
    StoreError(
      code: "DATABASE_BROKEN",
      sentence: "The database is damaged (\(VisibleText.of(damage, limit: 200))). A copy of it would not be worth "
        + "having: restore the newest backup from before, and keep the damaged folder.")
  }

  static func doesNotOpen(_ place: String, _ count: Int) -> StoreError {
    StoreError(
      code: "SEAL_BROKEN",
      sentence: "\(count == 1 ? "One secret in the database does" : "\(count) secrets in the database do") not open "
        + "under the master key (\(place)). `reroot doctor` names them all; restore a backup in which they open.")
  }
}
