import Foundation
import GRDB
import PKI

/// Makes a data folder out of a backup.
///
/// Everything is unpacked and checked in `restore.part` in the folder, where nobody takes it for anything. Renaming that to
/// `restore.ready` is the moment of the restore: before it nothing has changed, after it the next start finishes what is
/// left, which is renaming only.
public enum Restore {
  /// What is restored, and where to.
  public struct Order: Sendable {
    /// The backup.
    public var file: String
    /// The passphrase that it was made with.
    public var passphrase: SecretBytes
    /// The data folder: one that is not there yet, or is empty, unless it is replaced.
    public var folder: String
    /// Where the master key is put, or is already; nil for `master.key` in the folder.
    public var masterKeyFile: String?
    /// Whether the database that is in the folder makes way, to be kept beside the new one.
    public var replaces: Bool
    /// The moment, for the record.
    public var now: Date

    /// Orders a restore.
    public init(
      file: String, passphrase: SecretBytes, folder: String, masterKeyFile: String? = nil, replaces: Bool = false,
      now: Date = Date()
    ) {
      self.file = file
      self.passphrase = passphrase
      self.folder = folder
      self.masterKeyFile = masterKeyFile
      self.replaces = replaces
      self.now = now
    }
  }

  /// What was restored.
  public struct Report: Sendable, Hashable {
    /// What the backup says of itself.
    public let manifest: BackupManifest
    /// Whether the master key is derived from a passphrase, so that there is no file of it.
    public let isKeyDerived: Bool
    /// The folder to which the former database was moved; nil where there was none.
    public let former: String?
  }

  /// Unpacks and checks a backup, and puts it in place as a whole or not at all. Blocking.
  ///
  /// - Throws: ``StoreError`` or `PKIError`, whose sentence says what is wrong with the backup, the passphrase or the
  ///   folder. Nothing has been changed then, except after `RESTORE_UNFINISHED`: the restore stands, and the next start
  ///   finishes it.
  public static func run(_ order: Order) throws -> Report { try run(order) {} }

  /// - Parameter after: called after each step behind the moment of the restore, so that a test can end it there.
  static func run(_ order: Order, after: () throws -> Void) throws -> Report {
    let input = Glibc.open(order.file, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw DurableFiles.failure("read", order.file) }
    defer { close(input) }
    // A wrong passphrase is told before anything is made.
    let content = SealedContent(
      try SealedFileReader(passphrase: order.passphrase) { try DurableFiles.read($0, from: input, order.file) })
    let manifest = try content.manifest()
    guard manifest.schema.allSatisfy(Migrations.all.migrations.contains) else { throw isNewer(manifest) }
    let isNew = !DurableFiles.exists(order.folder)
    try StoreFolder.prepare(order.folder)
    let lock = try FolderLock(folder: order.folder)
    defer { lock.release() }
    let staging = RestoreStaging(folder: order.folder)
    let isKeyDerived: Bool
    do {
      try finish(order.folder)
      try staging.requireRoom(replaces: order.replaces)
      isKeyDerived = try prepare(content, manifest, staging, order)
    } catch {
      staging.discard(removingFolder: isNew)
      throw (error as? DatabaseError).map(StoreError.init) ?? error
    }
    do {
      let former = try staging.finish(now: order.now, after: after)
      return Report(manifest: manifest, isKeyDerived: isKeyDerived, former: former)
    } catch {
      throw isUnfinished(order.folder, error)
    }
  }

  /// Everything up to the moment, and the moment itself.
  ///
  /// - Returns: whether the master key is derived from a passphrase.
  private static func prepare(
    _ content: SealedContent, _ manifest: BackupManifest, _ staging: RestoreStaging, _ order: Order
  ) throws -> Bool {
    try staging.begin()
    let key = try unpack(content, manifest, into: staging)
    let isKeyDerived = try check(staging, manifest, key)
    try mark(staging, manifest, key, order)
    let made = isKeyDerived ? nil : try staging.place(key, at: order.masterKeyFile)
    do {
      try staging.commit()
    } catch {
      if let made { unlink(made) }
      throw error
    }
    return isKeyDerived
  }

  /// Finishes a restore that was cut short after everything was ready, and removes what one left that was cut short before.
  static func finish(_ folder: String) throws {
    let staging = RestoreStaging(folder: folder)
    try staging.finish(now: Date())
    staging.clear()
  }

  /// Throws `RESTORE_UNFINISHED` when a restore was cut short after everything was ready.
  static func requireNone(_ folder: String) throws {
    guard !DurableFiles.exists(RestoreStaging(folder: folder).ready) else {
      throw StoreError(
        code: "RESTORE_UNFINISHED",
        sentence: "A restore into \(folder) was cut short. Start Reroot on the folder: it finishes the restore first.")
    }
  }

  /// Throws `RESTORE_RUNS` while something is unpacked in a folder, also where that was cut short: whoever writes into a
  /// database must not see it renamed.
  static func requireNoneBegun(_ folder: String) throws {
    try requireNone(folder)
    guard !DurableFiles.exists(RestoreStaging(folder: folder).part) else {
      throw StoreError(
        code: "RESTORE_RUNS",
        sentence:
          "A restore into \(folder) is going on, or was cut short. Wait until it is done, or start Reroot on the "
          + "folder, which clears it.")
    }
  }

  private static func unpack(
    _ content: SealedContent, _ manifest: BackupManifest, into staging: RestoreStaging
  ) throws -> MasterKey {
    let key = try MasterKey(bytes: SecretBytes(try content.take(MasterKey.count)))
    let output = try DurableFiles.create(staging.database)
    defer { close(output) }
    var left = manifest.databaseBytes
    while left > 0 {
      let bytes = try content.some(atMost: left)
      try bytes.withUnsafeBytes { try DurableFiles.write($0, to: output, staging.database) }
      left -= bytes.count
    }
    // The end counts too: only now is it known that nothing is missing and nothing was added.
    try content.requireEnd()
    return key
  }

  /// Whether the database is whole and its secrets are those that the backup promised.
  ///
  /// - Returns: whether its master key is derived from a passphrase.
  private static func check(
    _ staging: RestoreStaging, _ manifest: BackupManifest, _ key: MasterKey
  ) throws -> Bool {
    do {
      return try look(staging, manifest, key)
    } catch let error as DatabaseError where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) {
      // Its schema can be what is damaged, and then it cannot even be opened.
      throw isDamaged(error.message ?? "it is no database")
    }
  }

  private static func isDamaged(_ damage: String) -> StoreError {
    StoreError(
      code: "BACKUP_DAMAGED",
      sentence: "The database in the backup is damaged (\(VisibleText.of(damage, limit: 200))). Use another backup.")
  }

  private static func look(
    _ staging: RestoreStaging, _ manifest: BackupManifest, _ key: MasterKey
  ) throws -> Bool {
    var configuration = Configuration()
    configuration.readonly = true
    let reader = try DatabaseQueue(path: DatabaseFile.immutable(staging.database), configuration: configuration)
    defer { try? reader.close() }
    let examination = DatabaseExamination(reader: reader)
    if let damage = try examination.damage().first { throw isDamaged(damage) }
    guard try examination.schema().unknown.isEmpty else { throw isNewer(manifest) }
    let secrets = try examination.openSecrets(Seals(masterKey: key))
    guard secrets.broken.isEmpty, secrets.opened == manifest.secrets else {
      throw StoreError(
        code: "BACKUP_DAMAGED",
        sentence:
          "Of \(manifest.secrets) secrets in the backup \(secrets.opened) open under its master key. Use "
          + "another backup.")
    }
    return try reader.read {
      try MasterKeyOpening.setting("value", MasterKeyOpening.derivation, $0) as String? != nil
    }
  }

  /// Brings the database up to date, voids whatever let somebody in when the backup was made, and leaves the mark by which
  /// the server knows that the world may have moved on.
  private static func mark(
    _ staging: RestoreStaging, _ manifest: BackupManifest, _ key: MasterKey, _ order: Order
  ) throws {
    let store = try Store.open(folder: staging.part, key: key, clock: { order.now })
    // The chain of the audit log goes on from where the backup left it.
    try store.readAuditKey()
    let act = AuditAct(
      .backupRestored, by: .commandLine(uid: getuid()), on: "the data folder",
      ["made": manifest.madeAt.formatted(.iso8601), "host": manifest.host, "program": manifest.program])
    try store.database.write { database in
      try store.markRestored(backupMadeAt: manifest.madeAt, at: order.now, database)
      try store.append(act, database)
    }
    // Only the database itself comes in, and not its log: closing would not say that the log is still needed.
    try store.fold()
    try store.close()
  }

  private static func isUnfinished(_ folder: String, _ error: any Error) -> StoreError {
    StoreError(
      code: "RESTORE_UNFINISHED",
      sentence: "The backup is unpacked and checked in \(folder), but not everything is in its place: "
        + "\((error as? StoreError)?.sentence ?? "\(error)") Start Reroot on the folder once that is mended: it finishes "
        + "the restore first. What was there before is kept.")
  }

  private static func isNewer(_ manifest: BackupManifest) -> StoreError {
    StoreError(
      code: "BACKUP_TOO_NEW",
      sentence: "The backup was made by a newer version of Reroot (\(VisibleText.of(manifest.program, limit: 40))). "
        + "Restore it with that version or a later one.")
  }
}

/// The content of a sealed file as a stream.
private final class SealedContent {
  private let reader: SealedFileReader
  private var waiting: ArraySlice<UInt8> = []

  init(_ reader: SealedFileReader) { self.reader = reader }

  func manifest() throws -> BackupManifest {
    let count = try take(4).reduce(0) { $0 << 8 | Int($1) }
    guard (2...BackupManifest.maximumBytes).contains(count) else { throw Self.odd }
    let text = String(decoding: try take(count), as: UTF8.self)
    guard let manifest = try? JSON.value(BackupManifest.self, text), manifest.databaseBytes >= 0 else { throw Self.odd }
    return manifest
  }

  /// Exactly so many bytes.
  func take(_ count: Int) throws -> [UInt8] {
    var taken: [UInt8] = []
    while taken.count < count { taken += try some(atMost: count - taken.count) }
    return taken
  }

  /// At least one byte.
  func some(atMost count: Int) throws -> [UInt8] {
    while waiting.isEmpty {
      guard let next = try reader.next() else { throw Self.odd }
      waiting = next[...]
    }
    let part = waiting.prefix(count)
    waiting = waiting.dropFirst(count)
    return Array(part)
  }

  func requireEnd() throws {
    guard waiting.isEmpty, try reader.next() == nil else { throw Self.odd }
  }

  /// What was sealed is not what this program seals.
  private static let odd = StoreError(
    code: "BACKUP_TOO_NEW",
    sentence:
      "The backup holds something else than this version of Reroot expects. Restore it with the version that "
      + "made it.")
}
