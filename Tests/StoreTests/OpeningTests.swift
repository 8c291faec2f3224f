import Foundation
import GRDB
import Glibc
import PKI
import Testing

@testable import Store

@Suite("Opening a data folder") struct OpeningTests {
  private func codeOfOpening(_ folder: String, masterKeyFile: String? = nil) async -> String? {
    await code { _ = try Store.open(folder: folder, masterKeyFile: masterKeyFile) }
  }

  /// A folder whose store has been opened and closed once.
  private func used() throws -> TestFolder {
    let folder = try TestFolder()
    try Store.open(folder: folder.path).close()
    return folder
  }

  @Test("A new folder and everything in it are for the owner only")
  func modes() throws {
    let system = try TestSystem()
    #expect(try system.folder.mode() == 0o700)
    for name in try FileManager.default.contentsOfDirectory(atPath: system.folder.path) {
      #expect(try system.folder.mode(name) == 0o600, "\(name)")
    }
    #expect(try system.folder.mode("master.key") == 0o600)
  }

  @Test("The database is the owner's alone even in a folder that was there before")
  func existingFolder() throws {
    let folder = try TestFolder()
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: false)
    let store = try Store.open(folder: folder.path)
    #expect(try folder.mode("reroot.sqlite") == 0o600)
    #expect(try folder.mode("reroot.sqlite-wal") == 0o600)
    try store.close()
  }

  @Test("What is committed is on the disk: the writer waits for it, whatever the pool sets itself")
  func synchronous() async throws {
    let system = try TestSystem()
    // 2 is FULL (SQLite, PRAGMA synchronous); with 1 the log is not synced at a commit.
    #expect(try await system.store.write { try Int.fetchOne($0, sql: "PRAGMA synchronous") } == 2)
    #expect(try await system.store.write { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
  }

  @Test("What was stored is there after closing and opening")
  func reopening() async throws {
    let folder = try TestFolder()
    let first = try Store.open(folder: folder.path)
    try await first.set("a", to: "b")
    try first.close()
    let log = try? Data(contentsOf: URL(fileURLWithPath: folder.path + "/reroot.sqlite-wal"))
    #expect(log?.isEmpty ?? true)
    let second = try Store.open(folder: folder.path)
    #expect(try await second.setting("a") == "b")
    try second.close()
  }

  @Test("The master key of another folder is refused")
  func wrongKey() async throws {
    let folder = try used()
    let other = try used()
    #expect(await codeOfOpening(folder.path, masterKeyFile: other.path + "/master.key") == "WRONG_MASTER_KEY")
    #expect(await codeOfOpening(folder.path) == nil)
  }

  @Test("A lost master key is missed, not replaced")
  func missingKey() async throws {
    let folder = try used()
    try FileManager.default.removeItem(atPath: folder.path + "/master.key")
    #expect(await codeOfOpening(folder.path) == "MASTER_KEY_MISSING")
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/master.key"))
  }

  @Test("A master key that others can read is refused", arguments: [0o640, 0o604, 0o620])
  func exposedKey(mode: Int) async throws {
    let folder = try used()
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.path + "/master.key")
    #expect(await codeOfOpening(folder.path) == "MASTER_KEY_EXPOSED")
  }

  @Test(
    "A file that holds no master key is refused",
    arguments: [
      "", "# only a comment\n", String(repeating: "a", count: 63), String(repeating: "g", count: 64),
      String(repeating: "é", count: 32), String(repeating: "+f", count: 32),
    ])
  func malformedKey(text: String) async throws {
    let folder = try used()
    let path = folder.path + "/master.key"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    #expect(await codeOfOpening(folder.path) == "MASTER_KEY_UNREADABLE")
  }

  @Test("A database that a newer version wrote is refused")
  func newer() async throws {
    let folder = try used()
    try folder.sql("INSERT INTO grdb_migrations VALUES ('99.0')")
    #expect(await codeOfOpening(folder.path) == "NEWER_DATABASE")
  }

  @Test("A second opener is refused until the first has closed")
  func secondOpener() async throws {
    let folder = try TestFolder()
    let first = try Store.open(folder: folder.path)
    for _ in 1...3 { #expect(await codeOfOpening(folder.path) == "IN_USE") }
    try await first.set("a", to: "b")
    try first.close()
    #expect(await codeOfOpening(folder.path) == nil)
  }

  @Test("A folder below a regular file cannot be made")
  func belowFile() async throws {
    let folder = try TestFolder()
    try Data().write(to: URL(fileURLWithPath: folder.path))
    #expect(await codeOfOpening(folder.path + "/data") == "FOLDER_NOT_WRITABLE")
    #expect(await codeOfOpening(folder.path) == "FOLDER_NOT_WRITABLE")
  }

  @Test("A damaged database is reported", arguments: [0, 4096])
  func damaged(offset: Int) async throws {
    let folder = try used()
    let path = folder.path + "/reroot.sqlite"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes.replaceSubrange(offset..<bytes.count, with: Data(repeating: 0x5A, count: bytes.count - offset))
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(await codeOfOpening(folder.path) == "DATABASE_BROKEN")
  }

  @Test("A store may be closed twice, also by two at once")
  func closedTwice() async throws {
    let folder = try TestFolder()
    let store = try Store.open(folder: folder.path)
    await withThrowingTaskGroup { group in
      for _ in 0..<4 { group.addTask { try store.close() } }
    }
    try store.close()
    try Store.open(folder: folder.path).close()
    // One that is only read has no log to fold.
    let reader = try Store.openForReading(folder: folder.path)
    try reader.close()
    try reader.close()
  }

  @Test("While a passphrase is typed for a look at the database, the server's log can be folded into it")
  func askedBetweenTransactions() async throws {
    let folder = try TestFolder()
    let text = "a long passphrase"
    let server = try Store.open(folder: folder.path, masterKey: .passphrase { _ in SecretBytes(utf8: text) })
    let typed = MasterKeySource.passphrase { _ in
      try server.database.write {
        try $0.execute(sql: "INSERT OR REPLACE INTO settings (key, value) VALUES ('x', 'y')")
      }
      // Throws, after ten seconds, when somebody reads what was there before.
      try server.fold()
      return SecretBytes(utf8: text)
    }
    try Store.openForReading(folder: folder.path, masterKey: typed).close()
    #expect(try Store.verifyAudit(folder: folder.path, masterKey: typed).fault == nil)
    let export = try Store.verifyAudit(lines: [], keyOf: (path: folder.path, masterKey: typed))
    #expect(export.good == 0)
    let examination = FolderExamination(folder: folder.path, masterKey: typed)
    _ = try examination.masterKey(try examination.database())
    try server.close()
  }

  @Test("A folder or file that others can write is refused, and nothing is changed", arguments: [0o777, 0o775, 0o722])
  func writable(mode: Int) async throws {
    for name in ["", "/reroot.sqlite", "/reroot.lock"] {
      let folder = try used()
      #expect(chmod(folder.path + name, mode_t(mode)) == 0)
      let before = try folder.contents()
      #expect(await codeOfOpening(folder.path) == "FOLDER_EXPOSED", "\(name)")
      #expect(try folder.contents() == before)
      #expect(try folder.mode(name) == mode)
      #expect(chmod(folder.path + name, name.isEmpty ? 0o700 : 0o600) == 0)
      #expect(await codeOfOpening(folder.path) == nil)
    }
  }

  @Test("What others can read is taken from them before anything is opened, with the files beside the database")
  func readable() throws {
    let folder = try used()
    for name in ["reroot.sqlite", "reroot.lock"] { #expect(chmod(folder.path + "/" + name, 0o644) == 0) }
    for name in ["reroot.sqlite-wal", "reroot.sqlite-shm"] {
      try Data().write(to: URL(fileURLWithPath: folder.path + "/" + name))
    }
    #expect(chmod(folder.path, 0o755) == 0)
    let store = try Store.open(folder: folder.path)
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      #expect(try folder.mode(name) == 0o600, "\(name)")
    }
    #expect(try FolderExamination(folder: folder.path).exposures() == [])
    try store.close()
  }

  @Test("Doctor and the opening go by one rule", arguments: ["", "reroot.sqlite", "reroot.sqlite-wal", "reroot.lock"])
  func oneRule(name: String) async throws {
    let folder = try used()
    if name.hasSuffix("-wal") { try Data().write(to: URL(fileURLWithPath: folder.path + "/" + name)) }
    #expect(chmod(folder.path + "/" + name, 0o720) == 0)
    #expect(try FolderExamination(folder: folder.path).exposures().count == 1)
    #expect(await codeOfOpening(folder.path) == "FOLDER_EXPOSED")
  }

  @Test("A lock file that is removed or replaced lets nobody in beside the first opener", arguments: [true, false])
  func lostLock(isReplaced: Bool) async throws {
    let folder = try TestFolder()
    let first = try Store.open(folder: folder.path)
    #expect(unlink(folder.path + "/reroot.lock") == 0)
    if isReplaced {
      let path = folder.path + "/reroot.lock"
      try Data("REROOT BACKUP 1".utf8).write(to: URL(fileURLWithPath: path))
      #expect(chmod(path, 0o600) == 0)
    }
    #expect(await codeOfOpening(folder.path) == "IN_USE")
    #expect(FolderExamination(folder: folder.path).isInUse)
    try first.close()
    #expect(await codeOfOpening(folder.path) == nil)
  }
}
