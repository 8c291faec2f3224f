import Foundation
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
}
