import Foundation
import GRDB
import PKI

/// What can be seen of a data folder without changing it, beside a server that runs on it or without one.
public struct FolderExamination: Sendable {
  /// The folder.
  public let folder: String
  private let masterKey: MasterKeySource
  /// The key, where it is at hand and could be had again only by asking somebody.
  private let knownKey: MasterKey?

  /// Looks at nothing yet.
  ///
  /// - Parameter masterKey: where the master key comes from.
  public init(folder: String, masterKey: MasterKeySource = .file(nil)) {
    self.folder = folder
    self.masterKey = masterKey
    knownKey = nil
  }

  /// Of an open store, beside it. Nobody is asked for a passphrase that the store was opened with.
  public init(of store: Store) {
    folder = store.places.folder
    masterKey = store.places.source
    if case .passphrase = masterKey { knownKey = store.seals.masterKey } else { knownKey = nil }
  }

  // MARK: Files

  /// What is wrong with the owners and modes of the folder and of Reroot's files in it, in sentences; the master key is
  /// looked at by itself.
  public func exposures() throws -> [String] {
    let own = try Self.status(folder)
    var found = FolderModes.findings(folder).map(\.sentence)
    if geteuid() != 0, own.st_uid != geteuid() { found.append("\(folder) belongs to another user (\(own.st_uid)).") }
    for name in FolderModes.files {
      let path = folder + "/" + name
      guard DurableFiles.exists(path) else { continue }
      let status = try Self.status(path)
      if status.st_uid != own.st_uid {
        found.append("\(path) belongs to the user \(status.st_uid), and the folder to \(own.st_uid).")
      }
    }
    return found
  }

  /// The newest change of Reroot's files, by the clock of the file system.
  public func newestChange() -> Date? {
    ["reroot.sqlite", "reroot.sqlite-wal", "reroot.lock"].compactMap { name in
      (try? Self.status(folder + "/" + name)).map { Date(timeIntervalSince1970: Double($0.st_mtim.tv_sec)) }
    }.max()
  }

  /// The bytes of the database; 0 where there is none.
  public var databaseBytes: Int { (try? Backup.size(folder + "/reroot.sqlite")) ?? 0 }

  /// Whether a server, or a command that writes, has the folder.
  public var isInUse: Bool { FolderLock.isHeld(folder) }

  /// Whether a restore was cut short after everything was ready: the next start finishes it.
  public var hasUnfinishedRestore: Bool { DurableFiles.exists(RestoreStaging(folder: folder).ready) }

  private static func status(_ path: String) throws -> stat {
    var status = Glibc.stat()
    guard stat(path, &status) == 0 else { throw DurableFiles.failure("read", path) }
    return status
  }

  // MARK: The database

  /// Looks into the database. What it shows may be a little old once a server has started meanwhile.
  ///
  /// - Throws: `NO_DATABASE`, `DATABASE_BROKEN`, …
  public func database() throws -> View {
    let (reader, isCalm) = try DatabaseFile.openForReading(folder + "/reroot.sqlite")
    return View(reader: reader, isCalm: isCalm, path: folder + "/reroot.sqlite")
  }

  /// Reads the master key, or asks for its passphrase, and opens with it the value that only the right one opens.
  ///
  /// - Throws: ``StoreError``: `MASTER_KEY…`, `WRONG_MASTER_KEY`.
  public func masterKey(_ view: View) throws -> MasterKey {
    if let knownKey { return knownKey }
    return try view.asked { view in
      try MasterKeyOpening.sealsForReading(masterKey, folder: folder, view.reader).masterKey
    }
  }

  /// What the database records, as a store; only what is sealed cannot be had.
  public func store(clock: @escaping @Sendable () -> Date) throws -> Store {
    try Store.openForReading(folder: folder, key: .generate(), clock: clock)
  }

  /// A database that is only read.
  public final class View: Sendable {
    let reader: DatabasePool
    private let isCalm: Bool
    private let path: String

    init(reader: DatabasePool, isCalm: Bool, path: String) {
      self.reader = reader
      self.isCalm = isCalm
      self.path = path
    }

    deinit { try? reader.close() }

    private var examination: DatabaseExamination { DatabaseExamination(reader: reader) }

    /// What SQLite finds wrong with it; none when it is whole.
    public func damage() throws -> [String] { try asked { try $0.examination.damage() } }

    /// The migrations that it has had, lacks, and has had from a newer program.
    public func schema() throws -> (applied: [String], missing: [String], unknown: [String]) {
      try asked { try $0.examination.schema() }
    }

    /// Opens every secret: how many opened, and the places of those that did not.
    public func openSecrets(_ key: MasterKey) throws -> (opened: Int, broken: [String]) {
      try asked { try $0.examination.openSecrets(Seals(masterKey: key)) }
    }

    /// The bytes of the database, and of its write-ahead log.
    public func sizes() -> (database: Int, log: Int) {
      ((try? Backup.size(path)) ?? 0, (try? Backup.size(path + "-wal")) ?? 0)
    }

    /// Whether a program began to write since the database was opened as one that nobody writes.
    public var isOutdated: Bool { isCalm && DurableFiles.exists(path + "-wal") }

    func asked<Value>(_ question: (View) throws -> Value) throws -> Value {
      do {
        return try question(self)
      } catch let error as DatabaseError {
        throw StoreError(error)
      }
    }
  }
}

extension FolderLock {
  /// Whether somebody holds the lock of a folder. It is not taken to find out: a server that starts at this very moment
  /// would take that for another server. The kernel lists who holds what (proc_locks(5)).
  static func isHeld(_ folder: String) -> Bool {
    guard let locks = lines("/proc/locks") else { return false }
    // The lock of the folder is still there when its file is not.
    let held = [folder + "/reroot.lock", folder + "/."].compactMap(place)
    return locks.contains { words in
      words.contains("FLOCK") && words.contains { word in held.contains { word.hasSuffix($0) } }
    }
  }

  /// A file or folder as the kernel lists it, such as `08:01:123`; nil where there is none.
  private static func place(_ path: String) -> String? {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    // Without the device, files of other file systems with the same number count too.
    return (device(descriptor) ?? "") + ":\(status.st_ino)"
  }

  /// The device of an open file as the kernel lists it, such as `08:01`. It is not the one of stat(2) on file systems that
  /// make up a device for each part of theirs (btrfs, overlayfs), but the one of the file's mount (proc_pid_mountinfo(5)).
  private static func device(_ descriptor: Int32) -> String? {
    guard let mount = lines("/proc/self/fdinfo/\(descriptor)")?.first(where: { $0.first == "mnt_id:" })?.last,
      let found = lines("/proc/self/mountinfo")?.first(where: { $0.first == mount }), found.count > 2
    else { return nil }
    let numbers = found[2].split(separator: ":").compactMap { Int($0) }
    return numbers.count == 2 ? String(format: "%02x:%02x", numbers[0], numbers[1]) : nil
  }

  private static func lines(_ path: String) -> [[Substring]]? {
    guard let text = KernelFile.text(path) else { return nil }
    return text.split(separator: "\n").map { $0.split { " \t".contains($0) } }
  }
}
