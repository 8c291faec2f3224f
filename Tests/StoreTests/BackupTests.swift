import Foundation
import GRDB
import Glibc
import PKI
import Rotation
import Testing

@testable import Store

/// A backup of a store, and folders to restore it into.
struct BackupSample {
  let system: TestSystem
  let file: String
  static let passphrase = SecretBytes(utf8: "correct horse battery")

  init(_ system: TestSystem) {
    self.system = system
    file = system.folder.base + "/backup"
  }

  @discardableResult
  func back(up file: String? = nil, overwrites: Bool = false) throws -> Backup.Report {
    try Backup.make(
      Backup.Order(
        folder: system.folder.path, file: file ?? self.file, passphrase: Self.passphrase, overwrites: overwrites,
        program: "1.test", now: system.clock.now))
  }

  func restore(
    _ file: String? = nil, to folder: String, key: String? = nil, passphrase: SecretBytes = Self.passphrase,
    replaces: Bool = false
  ) throws -> Restore.Report {
    try Restore.run(
      Restore.Order(
        file: file ?? self.file, passphrase: passphrase, folder: folder, masterKeyFile: key, replaces: replaces,
        now: system.clock.now))
  }
}

@Suite("Backups", .timeLimit(.minutes(2))) struct BackupTests {
  @Test("A backup that is restored elsewhere holds everything, secrets included, and opens with its own master key")
  func whole() async throws {
    let system = try TestSystem()
    let root = try await system.importRoot("R")
    _ = try await system.addComponents("a", "b")
    let sample = BackupSample(system)
    // The server goes on while it is made.
    let report = try sample.back()
    // The root's key, the check of the master key, and the key of the audit log.
    #expect(report.manifest.secrets == 3)
    #expect(report.manifest.program == "1.test")
    #expect(try system.folder.mode("../backup") == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: system.folder.base).sorted() == ["backup", "data"])
    try await system.store.set("later", to: "1")

    let other = system.folder.base + "/other"
    #expect(try sample.restore(to: other).former == nil)
    let store = try Store.open(folder: other)
    #expect(try await store.components().map(\.name) == ["a", "b"])
    #expect(try await store.rootKey(root.id) == system.store.rootKey(root.id))
    #expect(try await store.setting("later") == nil)
    try store.close()
    // The log of the database is empty once it is closed, and may stay.
    let files = try FileManager.default.contentsOfDirectory(atPath: other).sorted().filter {
      !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm")
    }
    #expect(files == ["master.key", "reroot.lock", "reroot.sqlite"], "\(files)")
    for name in ["", "/master.key", "/reroot.sqlite"] {
      #expect(try system.folder.mode("../other" + name) & 0o077 == 0)
    }
  }

  @Test("The audit log says who made it, beside a server and without one; the copy does not know of itself")
  func audited() async throws {
    let system = try TestSystem()
    let sample = BackupSample(system)
    func recorded(_ store: Store) async throws -> [AuditEntry] {
      try await store.auditEntries(limit: 10).filter { $0.event == AuditEvent.backupMade.rawValue }
    }
    #expect(try sample.back().unrecorded == nil)
    let entry = try #require(try await recorded(system.store).first)
    #expect(entry.author.kind == .commandLine && entry.author.name == "command line (user \(getuid()))")
    #expect(entry.details["file"] == sample.file && entry.at == system.clock.now)
    // The server goes on behind it.
    try await system.store.record(AuditAct(.consoleStopped, by: .reroot))
    try system.store.close()
    #expect(try sample.back(up: sample.file + "2").unrecorded == nil)
    #expect(try Backup.size(system.folder.path + "/reroot.sqlite-wal") == 0)
    let again = try Store.open(folder: system.folder.path)
    #expect(try await recorded(again).count == 2)
    try again.close()
    let found = try Store.verifyAudit(folder: system.folder.path, masterKey: .file(nil))
    #expect(found.fault == nil && found.areSealsChecked && found.good > 2)
    _ = try sample.restore(to: system.folder.base + "/other")
    let copy = try Store.open(folder: system.folder.base + "/other")
    #expect(try await recorded(copy).isEmpty)
    try copy.close()
  }

  @Test("Where nothing can be recorded the backup is made all the same, and says so")
  func unrecorded() async throws {
    let system = try TestSystem()
    let sample = BackupSample(system)
    try await system.store.write { try $0.execute(sql: "ALTER TABLE audit_head RENAME TO audit_gone") }
    #expect(try sample.back().unrecorded?.contains("refused an operation") == true)
    #expect(DurableFiles.exists(sample.file))
    // An older database is brought up to date by a start alone.
    let older = try TestSystem()
    let other = BackupSample(older)
    try await older.store.write {
      try $0.execute(sql: "DELETE FROM grdb_migrations WHERE rowid = (SELECT max(rowid) FROM grdb_migrations)")
    }
    #expect(try other.back().unrecorded?.contains("older version") == true)
    #expect(DurableFiles.exists(other.file))
  }

  @Test("A backup is one moment of the database, whatever is written while it is made")
  func oneMoment() async throws {
    let system = try TestSystem()
    let sample = BackupSample(system)
    let store = system.store
    // Both are always equal in the database, and never stay what they are.
    let writing = Task {
      var number = 0
      while !Task.isCancelled {
        let next = number
        try await store.write { database in
          for key in ["one", "other"] {
            try database.execute(
              sql: "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", arguments: [key, "\(next)"])
          }
        }
        number += 1
      }
      return number
    }
    var seen: Set<String> = []
    for number in 0..<4 {
      try sample.back(up: "\(sample.file)\(number)")
      let folder = system.folder.base + "/copy\(number)"
      _ = try sample.restore("\(sample.file)\(number)", to: folder)
      let copy = try Store.openForReading(folder: folder)
      let (one, other) = (try await copy.setting("one"), try await copy.setting("other"))
      #expect(one == other)
      seen.insert(one ?? "none")
      try copy.close()
    }
    writing.cancel()
    let written = try await writing.value
    #expect(written > 4 && seen.count > 1, "\(written) written, \(seen) seen")
  }

  @Test("What is there already is replaced only when that is asked for")
  func noOverwriting() async throws {
    let system = try TestSystem()
    let sample = BackupSample(system)
    try Data("mine".utf8).write(to: URL(fileURLWithPath: sample.file))
    for overwrites in [false, true] {
      #expect(await code { try sample.back(overwrites: overwrites) } == "FILE_EXISTS")
      #expect(try Data(contentsOf: URL(fileURLWithPath: sample.file)) == Data("mine".utf8))
    }
    unlink(sample.file)
    let former = try sample.back()
    #expect(await code { try sample.back() } == "FILE_EXISTS")
    _ = try await system.importRoot("R")
    #expect(try sample.back(overwrites: true).manifest.secrets == former.manifest.secrets + 1)
    _ = try sample.restore(to: system.folder.base + "/other")
  }

  @Test("Only a backup is replaced, not what a link with the name of one leads to")
  func linkToOne() async throws {
    let system = try TestSystem()
    let sample = BackupSample(system)
    try sample.back(up: sample.file + "-1")
    #expect(symlink(sample.file + "-1", sample.file) == 0)
    #expect(await code { try sample.back(overwrites: true) } == "FILE_EXISTS")
  }

  @Test("No backup is made in the data folder or in the place of the master key, by whatever name")
  func ownPlaces() async throws {
    let system = try TestSystem()
    let (folder, base) = (system.folder.path, system.folder.base)
    let sample = BackupSample(system)
    #expect(mkdir(folder + "/below", 0o700) == 0)
    #expect(symlink(folder, base + "/link") == 0)
    #expect(symlink(folder + "/reroot.sqlite", base + "/database") == 0)
    #expect(link(folder + "/master.key", base + "/key") == 0)
    let before = try system.folder.contents()
    let names = [
      "reroot.sqlite", "reroot.sqlite-wal", "master.key", "master.key.next", "reroot.lock", "new", "below/new",
    ]
    let files = names.flatMap { ["\(folder)/\($0)", "\(base)/link/\($0)"] }
    for file in files + [base + "/database", base + "/key", folder + "/../data/new"] {
      for overwrites in [false, true] {
        #expect(await code { try sample.back(up: file, overwrites: overwrites) } == "OWN_FILE", "\(file)")
      }
    }
    #expect(await code { try sample.back(up: "-", overwrites: true) } == "NO_FILE")
    #expect(try system.folder.contents() == before)
  }

  @Test("What stands in the way of making one is named, and left alone")
  func foreignWorkplace() async throws {
    let system = try TestSystem()
    let sample = BackupSample(system)
    let part = system.folder.base + "/.backup.reroot-part"
    #expect(symlink(system.folder.path, part) == 0)
    let before = try system.folder.contents()
    do {
      try sample.back()
      Issue.record("The backup was made")
    } catch let error as StoreError {
      #expect(error.sentence.contains("Look at it and remove it"), "\(error)")
    }
    #expect(try system.folder.contents() == before)
    unlink(part)
    try Data("mine".utf8).write(to: URL(fileURLWithPath: part))
    #expect(await code { try sample.back() } == "FILE_FAILED")
    #expect(FileManager.default.contents(atPath: part) == Data("mine".utf8))
  }

  @Test("Nothing of a secret, a name or a path can be read in the file")
  func sealed() async throws {
    let system = try TestSystem()
    _ = try await system.addComponents("unmistakable")
    let sample = BackupSample(system)
    try sample.back()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: sample.file))
    for text in ["unmistakable", "SQLite format", "schema", "master", "correct horse"] {
      #expect(bytes.range(of: Data(text.utf8)) == nil, "\(text)")
    }
    let key = try Data(contentsOf: URL(fileURLWithPath: system.folder.path + "/master.key"))
    #expect(bytes.range(of: key.suffix(60)) == nil)
  }

  @Test("A secret that does not open, or a damaged database, stops the backup, and leaves no file")
  func notWorthHaving() async throws {
    let system = try TestSystem()
    _ = try await system.importRoot("R")
    let sample = BackupSample(system)
    try await system.store.write { try $0.execute(sql: "UPDATE roots SET sealed_key = zeroblob(60)") }
    #expect(await code { try sample.back() } == "SEAL_BROKEN")
    #expect(try FileManager.default.contentsOfDirectory(atPath: system.folder.base) == ["data"])
  }

  @Test("What a kill left of an earlier backup is cleared by the next one")
  func leftovers() async throws {
    let system = try TestSystem()
    let sample = BackupSample(system)
    let left = system.folder.base + "/.backup.reroot-part"
    #expect(mkdir(left, 0o700) == 0)
    try Data("half".utf8).write(to: URL(fileURLWithPath: left + "/database"))
    try Data("half".utf8).write(to: URL(fileURLWithPath: left + "/sealed"))
    try sample.back()
    #expect(try FileManager.default.contentsOfDirectory(atPath: system.folder.base).sorted() == ["backup", "data"])
  }

  @Test("A database of a stopped server is backed up too, and left as it is")
  func stopped() async throws {
    let system = try TestSystem()
    _ = try await system.addComponents("a")
    try system.store.close()
    let sample = BackupSample(system)
    try sample.back()
    _ = try sample.restore(to: system.folder.base + "/other")
    let store = try Store.open(folder: system.folder.path)
    #expect(try await store.components().count == 1)
    try store.close()
  }
}
