import Foundation
import GRDB
import Glibc
import PKI
import Rotation
import Testing

@testable import Store

@Suite("Restoring a backup", .timeLimit(.minutes(2))) struct RestoreTests {
  private let system: TestSystem
  private let sample: BackupSample
  private var base: String { system.folder.base }

  init() throws {
    system = try TestSystem()
    sample = BackupSample(system)
  }

  private func files(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? ["no folder"]).sorted()
  }

  /// The backup with its content changed, sealed again under the same passphrase.
  private func forge(_ change: (inout [UInt8]) -> Void) throws -> String {
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: sample.file)))
    var rest = bytes[...]
    let reader = try SealedFileReader(passphrase: BackupSample.passphrase) { count in
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    var content: [UInt8] = []
    while let part = try reader.next() { content += part }
    change(&content)
    var file: [UInt8] = []
    let writer = try SealedFileWriter(passphrase: BackupSample.passphrase) { file += Array($0) }
    try writer.append(content)
    try writer.finish()
    try Data(file).write(to: URL(fileURLWithPath: base + "/forged"))
    return base + "/forged"
  }

  @Test("Whatever is wrong with the file is a sentence, and leaves no folder")
  func refusals() async throws {
    _ = try await system.importRoot("R")
    try sample.back()
    let other = base + "/other"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: sample.file))
    func refused(_ file: String, _ passphrase: String = "correct horse battery") async -> String? {
      let found = await code { _ = try sample.restore(file, to: other, passphrase: SecretBytes(utf8: passphrase)) }
      #expect(files(other) == ["no folder"], "\(file)")
      return found
    }
    #expect(await refused(sample.file, "correct horse batterz") == "WRONG_PASSPHRASE")
    #expect(await refused(base + "/missing") == "FILE_FAILED")
    let cut = base + "/cut"
    try bytes.dropLast(100).write(to: URL(fileURLWithPath: cut))
    #expect(await refused(cut) == "BACKUP_DAMAGED")
    try bytes.prefix(84 + (1 << 16) + 16).write(to: URL(fileURLWithPath: cut))
    #expect(await refused(cut) == "BACKUP_CUT_SHORT")
    // A page of the database that is damaged, and a key that is another one: sealed, so only the content tells.
    let page = try forge { for index in $0.indices.suffix(5_000) { $0[index] = 0xAA } }
    let found = await refused(page)
    #expect(found == "BACKUP_DAMAGED", "\(found ?? "nothing")")
    let keyAt = 4 + (try manifestCount())
    let otherKey = try forge { $0[keyAt] ^= 1 }
    #expect(await refused(otherKey) == "BACKUP_DAMAGED")
    let longer = try forge { $0.append(0) }
    #expect(await refused(longer) == "BACKUP_TOO_NEW")
  }

  private func manifestCount() throws -> Int {
    var count = 0
    _ = try forge { count = Int($0[2]) << 8 | Int($0[3]) }
    return count
  }

  @Test("A backup of a newer version is refused by its name, also where only its database says so")
  func newer() async throws {
    try sample.back()
    let known = Array("\"1.0\"".utf8)
    let forged = try forge { content in
      let place = content.indices.first { Array(content[$0..<min(content.count, $0 + known.count)]) == known }
      if let place { content[place + 1] = UInt8(ascii: "9") }
    }
    #expect(await code { _ = try sample.restore(forged, to: base + "/other") } == "BACKUP_TOO_NEW")
    try await system.store.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99.0')") }
    try FileManager.default.removeItem(atPath: sample.file)
    #expect(await code { try sample.back() } == "NEWER_DATABASE")
  }

  @Test("A folder that holds something is left alone; --replace keeps what was there")
  func replacing() async throws {
    _ = try await system.addComponents("old")
    try sample.back()
    let other = base + "/other"
    let store = try Store.open(folder: other)
    _ = try await store.addComponent(.sample("present"))
    try store.close()
    #expect(await code { _ = try sample.restore(to: other) } == "FOLDER_NOT_EMPTY")
    let report = try sample.restore(to: other, replaces: true)
    let restored = try Store.open(folder: other)
    #expect(try await restored.components().map(\.name) == ["old"])
    try restored.close()
    let former = try #require(report.former)
    let kept = try Store.open(folder: former)
    #expect(try await kept.components().map(\.name) == ["present"])
    try kept.close()
    // Once more, within the same second.
    #expect(try sample.restore(to: other, replaces: true).former == former + "-2")

    let foreign = base + "/foreign"
    try FileManager.default.createDirectory(atPath: foreign, withIntermediateDirectories: false)
    try Data().write(to: URL(fileURLWithPath: foreign + "/letter.txt"))
    #expect(await code { _ = try sample.restore(to: foreign, replaces: true) } == "FOLDER_NOT_EMPTY")
    #expect(files(foreign).filter { $0 != "reroot.lock" } == ["letter.txt"])
  }

  @Test("A folder on which a server runs is refused")
  func inUse() async throws {
    try sample.back()
    #expect(await code { _ = try sample.restore(to: system.folder.path, replaces: true) } == "IN_USE")
    _ = try await system.addComponents("still here")
  }

  @Test("The master key may be put elsewhere, and one that is there has to be the same")
  func keyElsewhere() async throws {
    _ = try await system.importRoot("R")
    try sample.back()
    let key = base + "/key"
    _ = try sample.restore(to: base + "/one", key: key)
    #expect(!files(base + "/one").contains("master.key"))
    try Store.open(folder: base + "/one", masterKeyFile: key).close()
    _ = try sample.restore(to: base + "/two", key: key)
    try Store.open(folder: base + "/foreign").close()
    #expect(
      await code { _ = try sample.restore(to: base + "/three", key: base + "/foreign/master.key") }
        == "WRONG_MASTER_KEY")
    #expect(files(base + "/three") == ["no folder"])
  }

  @Test(
    "A master key that root puts elsewhere belongs to whom the folder belongs, like everything else",
    .enabled(if: geteuid() == 0)) func keyOfAnother() async throws
  {
    try sample.back()
    let folder = base + "/theirs"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    #expect(chown(folder, 12_345, 23_456) == 0)
    _ = try sample.restore(to: folder, key: base + "/key")
    for path in [base + "/key", folder + "/reroot.sqlite", folder + "/reroot.lock"] {
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_uid == 12_345 && status.st_gid == 23_456, "\(path)")
    }
  }

  @Test("A database of which a part is still in its log is not put in place")
  func notFolded() async throws {
    let staging = RestoreStaging(folder: base + "/data")
    try staging.begin()
    for (name, content) in [("reroot.sqlite", "x"), ("reroot.sqlite-wal", "the mark of the restore")] {
      try Data(content.utf8).write(to: URL(fileURLWithPath: staging.part + "/" + name))
    }
    #expect(await code { try staging.commit() } == "RESTORE_FAILED")
    #expect(!DurableFiles.exists(staging.ready))
    // An empty one may stay; what it was is in the database.
    try Data().write(to: URL(fileURLWithPath: staging.part + "/reroot.sqlite-wal"))
    try staging.commit()
  }

  @Test("Recovery codes of the backup are void, since some may have been used after it; the app still works")
  func recoveryCodes() async throws {
    let user = try await system.store.addFirstAdministrator(
      name: "ada", hash: try PasswordHash.make(SecretBytes(utf8: "correct horse battery"))
    ).id
    let app = try OneTimePassword.generate()
    try await system.store.offerSecondFactor(user, app)
    func code(_ step: Int64) -> String { app.code(step: OneTimePassword.step(at: system.clock.now) + step) }
    let codes = try await system.store.turnOnSecondFactor(user, code: code(0))
    try sample.back()
    #expect(try await system.store.useSecondFactor(user, code: codes[0].text) == .recoveryCode(left: 9))
    _ = try sample.restore(to: base + "/other")
    let clock = system.clock
    let store = try Store.open(folder: base + "/other", clock: { clock.now })
    for code in codes { #expect(try await store.useSecondFactor(user, code: code.text) == nil) }
    #expect(try await store.secondFactor(user)?.recoveryCodesLeft == 0)
    // The code of the moment of the restore may have been used after the backup.
    #expect(try await store.useSecondFactor(user, code: code(0)) == nil)
    #expect(try await store.useSecondFactor(user, code: code(1)) == .oneTimePassword)
    try store.close()
  }

  @Test("Sessions, held imports and the setup link of the backup are void")
  func void() async throws {
    let user = try await system.store.addFirstAdministrator(
      name: "ada", hash: try PasswordHash.make(SecretBytes(utf8: "correct horse battery")))
    let session = try await system.store.createSession(user)
    let identity = try TestIdentity.make("H")
    let held = try await system.store.holdImport(
      certificate: identity.certificate, key: identity.key,
      details: HeldImport.Details(fileName: "h.pfx", friendlyName: nil, warnings: [], uploadedBy: "ada"))
    try await system.store.set("setup_token", to: "x")
    #expect(try await system.store.session(session) != nil)
    try sample.back()
    _ = try sample.restore(to: base + "/other")
    let clock = system.clock
    let store = try Store.open(folder: base + "/other", clock: { clock.now })
    #expect(try await store.session(session) == nil)
    #expect(try await store.heldImport(held) == nil)
    #expect(try await store.setting("setup_token") == nil)
    #expect(try await store.users().map(\.name) == ["ada"])
    try store.close()
  }

  @Test("A restored store starts no update before the look, and before somebody has read what differs")
  func restoredUpdates() async throws {
    let root = try await system.importRoot("R")
    let components = try await system.addComponents("a")
    let plan = try await system.savePlan(root.id)
    try sample.back()
    _ = try sample.restore(to: base + "/other")
    let store = try Store.open(folder: base + "/other")
    func start() async -> String? {
      await code { _ = try await store.startUpdate(plan: plan, course: .of(components), by: "ada", worker: "w") }
    }
    let restoration = try #require(try await store.restoration())
    #expect(restoration.isOpen && restoration.backupMadeAt == system.clock.now)
    #expect(await start() == "RESTORED_NOT_SEEN")
    #expect(await code { try await store.confirmRestoration(restoration.id, by: "ada") } == "NOT_LOOKED_YET")
    let look = RestorationLook(component: "a", verdict: .unseen, sentences: ["No answer."], presents: nil)
    try await store.recordRestorationLooks(restoration.id, [components[0].id: look])
    #expect(await start() == "RESTORED_NOT_SEEN")
    try await store.confirmRestoration(restoration.id, by: "ada")
    #expect(await start() == nil)
    try store.close()
  }

  @Test("Looking again changes nothing once updates may start, whether nobody had to confirm that or somebody has")
  func lookingAgain() async throws {
    let root = try await system.importRoot("R")
    let components = try await system.addComponents("a")
    let plan = try await system.savePlan(root.id)
    try sample.back()
    for verdict in [RestorationLook.Verdict.same, .differs] {
      let clock = system.clock
      let store = try restored("again-\(verdict)", clock)
      let id = try #require(try await store.restoration()).id
      func look(_ verdict: RestorationLook.Verdict) async throws {
        let look = RestorationLook(component: "a", verdict: verdict, sentences: [], presents: nil)
        try await store.recordRestorationLooks(id, [components[0].id: look])
      }
      try await look(verdict)
      if verdict == .differs { try await store.confirmRestoration(id, by: "ada") }
      let before = try #require(try await store.restoration())
      #expect(!before.isOpen && before.differs == (verdict == .differs))
      // An update of now is none that the backup did not finish.
      _ = try await store.startUpdate(plan: plan, course: .of(components), by: "ada", worker: "w")
      clock.advance(1)
      try await look(verdict == .same ? .differs : .same)
      #expect(try await store.restoration() == before)
      #expect(try await store.restorationLooks(id).values.map(\.verdict) == [verdict])
      try await store.read { try Store.checkRestorationSeen($0) }
      try store.close()
    }
  }

  private func restored(_ name: String, _ clock: TestClock) throws -> Store {
    _ = try sample.restore(to: base + "/" + name)
    return try Store.open(folder: base + "/" + name, clock: { clock.now })
  }

  @Test("Updates from before the backup are decided on no more, unless every component is as they left it")
  func formerUpdates() async throws {
    let components = try await system.addComponents("a")
    var update = try await TestUpdate.start(system, components, root: try await system.importRoot("R").id)
    try await update.run()
    try sample.back()
    for verdict in [RestorationLook.Verdict.same, .differs] {
      let folder = base + "/\(verdict)"
      _ = try sample.restore(to: folder)
      let store = try Store.open(folder: folder)
      let id = try #require(try await store.restoration()).id
      #expect(try await store.supersession(of: update.id)?.contains("restored from a backup") == true)
      let state = try await store.state(update.id)
      func abort() async -> String? {
        let abort = Decision(.abort, question: state.question, by: "ada")
        return await code { _ = try await store.advance(update.id, [.decided(abort)], worker: "w") }
      }
      #expect(await abort() == "RESTORED_NOT_SEEN")
      let look = RestorationLook(component: "a", verdict: verdict, sentences: [], presents: nil)
      try await store.recordRestorationLooks(id, [components[0].id: look])
      let isHistory = try await store.supersession(of: update.id) != nil
      #expect(isHistory == (verdict != .same))
      if verdict == .differs {
        #expect(await abort() == "RESTORED_NOT_SEEN")
        try await store.confirmRestoration(id, by: "ada")
      }
      #expect(await abort() == (verdict == .same ? nil : "UPDATE_SUPERSEDED"))
      try store.close()
    }
  }
}
