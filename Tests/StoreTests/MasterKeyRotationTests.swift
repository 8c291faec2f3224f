import Foundation
import GRDB
import PKI
import Rotation
import Testing

@testable import Store

@Suite("A change of the master key") struct MasterKeyRotationTests {
  private struct Stopped: Error {}

  /// Everything sealed opens, with what it held.
  private func expectWhole(
    _ store: Store, like planted: PlantedSecrets, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let server = try await store.serverCertificates()[0].id
    let opened: [String: SecretBytes?] = [
      "root": try await store.rootKey(planted.root), "server certificate": try await store.serverCertificateKey(server),
      "console": try await store.https()?.key,
      "issued": try await store.newestIssued(planted.update, component: planted.components[0].id)?.key,
    ]
    for (name, secret) in opened {
      #expect(secret == planted.secrets[name], "\(name)", sourceLocation: sourceLocation)
    }
    // Every sealed value of every table, also those that nothing above asks for.
    let broken = try await store.read { database in
      try SealedColumn.all.flatMap { column in
        try Row.fetchAll(
          database,
          sql:
            "SELECT \(column.row) AS row, \(column.column) AS sealed FROM \(column.table) WHERE \(column.column) NOTNULL"
        ).filter { row in
          let name = "\(row["row"] as DatabaseValue)".replacingOccurrences(of: "\"", with: "")
          return (try? store.seals.open(Array(row["sealed"] as Data), column.table, column.column, name)) == nil
        }.map { "\(column.table)/\(column.column)/\($0["row"] as DatabaseValue)" }
      }
    }
    #expect(broken == [], sourceLocation: sourceLocation)
  }

  private func planted() async throws -> PlantedSecrets {
    let planted = try await PlantedSecrets(TestSystem())
    try planted.system.store.close()
    // By the clock of this machine the upload has waited for too long, and goes at the next start.
    try Store.open(folder: planted.system.folder.path).close()
    return planted
  }

  private func sealedValues(_ folder: String) throws -> [Data] {
    try DatabaseQueue(path: folder + "/reroot.sqlite").read { database in
      try SealedColumn.all.flatMap { column in
        try Data.fetchAll(
          database, sql: "SELECT \(column.column) FROM \(column.table) WHERE \(column.column) IS NOT NULL")
      }
    }
  }

  private func key(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test(
    "Everything opens with the new key, nothing with the former one, and none of the former seals is left in the folder"
  )
  func changed() async throws {
    let planted = try await planted()
    let folder = planted.system.folder.path
    let (former, values) = (try key(folder + "/master.key"), try sealedValues(folder))
    #expect(values.count >= 6)
    let report = try MasterKeyRotation(
      folder: folder, from: .file(nil), to: .file(folder + "/master.key")
    ).run()
    #expect(report.secrets == values.count - 1)
    #expect(report.formerFile == nil)
    #expect(try key(folder + "/master.key") != former)
    #expect(try planted.system.folder.mode("master.key") == 0o600)
    #expect(!FileManager.default.fileExists(atPath: folder + "/master.key.next"))
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
      #expect(values.allSatisfy { bytes.range(of: $0) == nil }, "\(name)")
    }
    let store = try Store.open(folder: folder)
    try await expectWhole(store, like: planted)
    try store.close()
    let old = planted.system.folder.base + "/former.key"
    try Data(former.utf8).write(to: URL(fileURLWithPath: old))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: old)
    #expect(await code { _ = try Store.open(folder: folder, masterKeyFile: old) } == "WRONG_MASTER_KEY")
  }

  @Test("Interrupted after any step, or killed, it leaves a folder that opens with everything in it")
  func interrupted() async throws {
    for step in MasterKeyRotation.Step.allCases {
      let planted = try await planted()
      let folder = planted.system.folder.path
      var copy: TestFolder?
      let error = await code {
        _ = try MasterKeyRotation(folder: folder, from: .file(nil), to: .file(folder + "/master.key")).run { done in
          guard done == step else { return }
          // As a kill would leave it now, with the write-ahead log.
          copy = try planted.system.folder.copy()
          throw Stopped()
        }
      }
      #expect(error?.contains("Stopped") == true)
      for left in [folder, try #require(copy).path] {
        for _ in 1...2 {
          let store = try Store.open(folder: left)
          try await expectWhole(store, like: planted)
          try store.close()
          #expect(!FileManager.default.fileExists(atPath: left + "/master.key.next"), "\(step)")
        }
        _ = try MasterKeyRotation(folder: left, from: .file(nil), to: .file(left + "/master.key")).run()
        let store = try Store.open(folder: left)
        try await expectWhole(store, like: planted)
        try store.close()
      }
    }
  }

  @Test("One value that does not open leaves everything sealed with the former key")
  func broken() async throws {
    let planted = try await planted()
    let folder = planted.system.folder.path
    try planted.system.folder.sql("UPDATE https SET sealed_key = zeroblob(64)")
    let values = try sealedValues(folder)
    #expect(
      await code {
        _ = try MasterKeyRotation(folder: folder, from: .file(nil), to: .file(folder + "/master.key")).run()
      } == "SEAL_BROKEN")
    #expect(try sealedValues(folder) == values)
    let store = try Store.open(folder: folder)
    _ = try await store.rootKey(planted.root)
    try store.close()
  }

  @Test("From a file to a passphrase, to another passphrase, and back to a file")
  func kinds() async throws {
    let planted = try await planted()
    let folder = planted.system.folder.path
    func passphrase(_ text: String) -> MasterKeySource { .passphrase { _ in SecretBytes(utf8: text) } }
    func secret(_ text: String) -> MasterKeyRotation.Destination { .passphrase(SecretBytes(utf8: text)) }
    let (first, second) = ("the first passphrase", "the second passphrase")
    func opens(_ source: MasterKeySource) async -> String? {
      await code {
        let store = try Store.open(folder: folder, masterKey: source)
        try await expectWhole(store, like: planted)
        try store.close()
      }
    }
    #expect(await opens(passphrase(first)) == "MASTER_KEY_OF_ANOTHER_KIND")
    let report = try MasterKeyRotation(folder: folder, from: .file(nil), to: secret(first)).run()
    #expect(report.formerFile == folder + "/master.key")
    #expect(await opens(passphrase(first)) == nil)
    #expect(await opens(passphrase(second)) == "WRONG_PASSPHRASE")
    #expect(await opens(.file(nil)) == "MASTER_KEY_OF_ANOTHER_KIND")

    _ = try MasterKeyRotation(folder: folder, from: passphrase(first), to: secret(second)).run()
    #expect(await opens(passphrase(second)) == nil)
    #expect(await opens(passphrase(first)) == "WRONG_PASSPHRASE")

    let file = folder + "/other.key"
    // Stopped before the key has its place: the next start with that file puts it there.
    _ = await code {
      _ = try MasterKeyRotation(folder: folder, from: passphrase(second), to: .file(file)).run { step in
        if step == .sealed { throw Stopped() }
      }
    }
    #expect(await opens(passphrase(second)) == "MASTER_KEY_OF_ANOTHER_KIND")
    #expect(await opens(.file(file)) == nil)
    #expect(await opens(.file(nil)) == "WRONG_MASTER_KEY")
  }

  @Test(
    "A key file that belongs to something else is not overwritten; a short passphrase, no folder and a running server are refused"
  )
  func refusals() async throws {
    let planted = try await planted()
    let folder = planted.system.folder.path
    let other = planted.system.folder.base + "/other.key"
    try Data("something else".utf8).write(to: URL(fileURLWithPath: other))
    func refused(_ folder: String, _ destination: MasterKeyRotation.Destination) async -> String? {
      await code { _ = try MasterKeyRotation(folder: folder, from: .file(nil), to: destination).run() }
    }
    #expect(await refused(folder, .file(other)) == "MASTER_KEY_EXISTS")
    #expect(try key(other) == "something else")
    #expect(await refused(folder, .passphrase(SecretBytes(utf8: "eleven char"))) == "PASSPHRASE_UNSUITABLE")
    #expect(await refused(folder + "/none", .file(other)) == "NO_DATA_FOLDER")
    let store = try Store.open(folder: folder)
    #expect(await refused(folder, .file(folder + "/master.key")) == "IN_USE")
    try await expectWhole(store, like: planted)
    try store.close()
  }

  @Test("The first start with a passphrase makes no key file, and the next one needs the same passphrase")
  func firstStart() async throws {
    let folder = try TestFolder()
    var asked: [Bool] = []
    for text in ["a passphrase", "a passphrase", "another passphrase"] {
      let error = await code {
        nonisolated(unsafe) var isNew: Bool?
        defer { if let isNew { asked.append(isNew) } }
        try Store.open(
          folder: folder.path,
          masterKey: .passphrase {
            isNew = $0
            return SecretBytes(utf8: text)
          }
        ).close()
      }
      #expect(error == (text == "another passphrase" ? "WRONG_PASSPHRASE" : nil))
    }
    #expect(asked == [true, false, false])
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/master.key"))
    #expect(await code { _ = try Store.open(folder: folder.path) } == "MASTER_KEY_MISSING")
  }
}
