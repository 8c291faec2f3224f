import Foundation
import GRDB
import PKI
import Rotation
import Testing

@testable import Store

@Suite("Audit log", .timeLimit(.minutes(2))) struct AuditTests {
  static let ada = AuditAuthor.user("ada", id: UserRecord.ID(rawValue: 1), from: "192.0.2.7")

  private func act(_ event: AuditEvent = .settingChanged, _ subject: String? = "a", reason: String? = nil) -> AuditAct {
    AuditAct(event, by: Self.ada, on: subject, ["to": "b"], reason: reason)
  }

  private func all(_ store: Store) async throws -> [AuditEntry] { try await store.auditEntries(after: 0, limit: 1000) }

  @Test("An act and its entry are one transaction: what throws leaves neither")
  func together() async throws {
    let system = try TestSystem()
    try await system.store.recording(act(reason: "because")) { try await system.store.set("a", to: "b") }
    let entry = try #require(try await all(system.store).last)
    #expect(entry.event == "setting.changed" && entry.subject == "a" && entry.details == ["to": "b"])
    #expect(entry.reason == "because" && entry.author == Self.ada && entry.number == 1)
    #expect(entry.at == system.clock.now)
    // A component's name that is taken is refused inside of the transaction.
    _ = try await system.addComponents("web")
    let before = try await all(system.store).count
    let refused = await code {
      try await system.store.recording(act(.componentAdded, "web")) {
        _ = try await system.store.addComponent(.sample("web"))
      }
    }
    #expect(refused == "NAME_TAKEN")
    #expect(try await all(system.store).count == before)
  }

  @Test("A PIN that is forgotten in an act that then fails leaves no entry of it, and a newer PIN stays")
  func forgottenPIN() async throws {
    let system = try TestSystem()
    let pin = SecretBytes(utf8: "1234")
    let root = try await system.store.importModuleRoot(
      name: "Root", certificate: TestIdentity.make("Root").certificate,
      module: ModuleReference(library: "/lib/module.so", uri: try TokenURI("pkcs11:token=T;object=o")), pin: pin,
      warnings: [], by: "ada")
    let failed = await code {
      try await system.store.recording(act(.planMade)) {
        try await system.store.forgetPIN(pin, of: root)
        throw StoreError(code: "LATER", sentence: "It failed later.")
      }
    }
    #expect(failed == "LATER")
    #expect(await code { _ = try await system.store.pin(of: root) } == "NO_PIN")
    #expect(try await all(system.store).allSatisfy { $0.event != "plan.made" })
    try await system.store.keepPIN(SecretBytes(utf8: "5678"), of: root)
    try await system.store.forgetPIN(pin, of: root)
    #expect(try await system.store.pin(of: root) == SecretBytes(utf8: "5678"))
  }

  @Test("A full disk refuses the act with its entry")
  func fullDisk() async throws {
    let system = try TestSystem()
    try await system.store.set("a", to: "before")
    let pages = try await system.store.database.write { database in
      let count = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
      try database.execute(sql: "PRAGMA max_page_count = \(count)")
      return count
    }
    // What the setting needs there is room for; what all the entries need there is not.
    var refused: String?
    var done = 0
    while refused == nil, done < 1000 {
      refused = await code {
        try await system.store.recording(act()) { try await system.store.set("a", to: "after \(done)") }
      }
      if refused == nil { done += 1 }
    }
    #expect(refused == "DISK_FULL")
    #expect(try await all(system.store).count == done)
    #expect(try await system.store.setting("a") == (done == 0 ? "before" : "after \(done - 1)"))
    #expect(try await system.store.database.read { try Int.fetchOne($0, sql: "PRAGMA page_count") } == pages)
  }

  @Test("What does not change the store is recorded all the same, and observations take nobody's entry")
  func aside() async throws {
    let system = try TestSystem()
    let component = try #require(try await system.addComponents("web").first)
    let before = try await all(system.store).count
    try await system.store.recording(act()) {
      let served = ServedCertificate(
        endpoint: "web.example:443", fingerprint: "", subject: "CN=web", issuer: "CN=root", notAfter: .now, seenAt: .now
      )
      try await system.store.recordSightings(component.id, [served])
      #expect(try await system.store.sightings()[component.id]?.count == 1)
      #expect(try await all(system.store).count == before)
      _ = try await system.store.setting("a")
    }
    #expect(try await all(system.store).count == before + 1)
    try await system.store.record(act(.searchBegun))
    #expect(try await all(system.store).last?.event == "search.begun")
  }

  @Test("An act whose transaction failed because of another write is done anew, with one entry that says what was done")
  func again() async throws {
    let system = try TestSystem()
    let store = system.store
    let before = try await all(store).count
    let results = await writeTogether(
      store.database, store.writes,
      [
        {
          try await store.writeAside { database in
            try database.execute(sql: "INSERT INTO settings (key, value) VALUES ('lost', '1')")
            store.amendAct { $0.add("lost", "nobody's") }
          }
        },
        {
          try await store.recording(self.act()) {
            try await store.write { database in
              let number = try Int.fetchOne(database, sql: "SELECT count(*) FROM settings WHERE key = 'lost'") ?? 0
              store.amendAct { $0.add("found", "\(number)") }
              try database.execute(sql: "INSERT INTO settings (key, value) VALUES ('kept', '1')")
            }
          }
        },
        {
          // Only the commit finds it out.
          try await store.writeAside { database in
            try database.execute(sql: "DELETE FROM settings WHERE key = 'lost'")
            try database.execute(sql: "PRAGMA defer_foreign_keys = ON")
            try database.execute(sql: "INSERT INTO kept_files (plan, component, file) VALUES (999, 1, '{}')")
          }
        },
      ])
    try results[0].get()
    try results[1].get()
    #expect(throws: StoreError.self) { try results[2].get() }
    let entries = try await all(store)
    #expect(entries.count == before + 1)
    #expect(entries.last?.details["found"] == "1" && entries.last?.details["lost"] == nil)
  }

  @Test("Of two writes in one act the first has the entry, and it is there once")
  func once() async throws {
    let system = try TestSystem()
    try await system.store.recording(act()) {
      try await system.store.set("a", to: "1")
      #expect(try await all(system.store).count == 1)
      try await system.store.set("a", to: "2")
    }
    #expect(try await all(system.store).count == 1)
  }

  @Test("An update records by itself that it waits and how it ended, after what was decided")
  func course() async throws {
    let system = try TestSystem()
    let components = try await system.addComponents("web")
    let root = try await system.importRoot("new").id
    let trust = ActionID(.trust, try #require(components.first).id)
    var update = try await TestUpdate.start(system, components, root: root, failing: [trust])
    try await update.run()
    try await system.store.recording(AuditAct(.updateDecided, by: Self.ada, on: "update", ["decision": "Abort"])) {
      try await update.decide(.abort)
    }
    let entries = try await all(system.store).suffix(3)
    #expect(entries.map(\.event) == ["update.failed", "update.decided", "update.ended"])
    #expect(entries.map(\.author.kind) == [.reroot, .user, .reroot])
    #expect(entries.first?.details["failed"] == "trust web")
    #expect(entries.last?.details["outcome"] == "rolledBack")
  }

  @Test("Whom an entry is of stays readable once the user is gone, and cannot be mistaken for Reroot")
  func authors() async throws {
    let system = try TestSystem()
    let hash = try PasswordHash.make(
      SecretBytes(utf8: "correct horse battery"),
      parameters: ScryptParameters(logarithmOfN: 10, blockSize: 8, parallelisation: 1))
    let user = try await system.store.addFirstAdministrator(name: "Reroot", hash: hash)
    try await system.store.record(AuditAct(.signedIn, by: .user(user.name, id: user.id, from: "::1")))
    try system.folder.sql("DELETE FROM users")
    let entry = try #require(try await all(system.store).last)
    #expect(entry.author.name == "Reroot" && entry.author.kind == .user && entry.author.user == user.id.rawValue)
    #expect(AuditAuthor.stranger(from: "::1").name == "unknown name")
    #expect(AuditAuthor.stranger(claiming: user, from: "::1").name == "Reroot")
    #expect(AuditAuthor.commandLine(uid: 7).name == "command line (user 7)")
  }

  @Test(
    "The database itself refuses to change, remove or replace an entry",
    arguments: [
      "UPDATE audit SET who = 'eve'", "DELETE FROM audit WHERE number = 2", "DELETE FROM audit",
      """
      INSERT OR REPLACE INTO audit SELECT number, at, kind, 'eve', user, address, event, subject, details, reason,
      previous, hash, seal FROM audit WHERE number = 1
      """,
    ])
  func appendOnly(_ sql: String) async throws {
    let system = try TestSystem()
    for _ in 0..<3 { try await system.store.record(act()) }
    #expect(throws: DatabaseError.self) { try system.folder.sql(sql) }
    #expect(try await all(system.store).map(\.author) == [Self.ada, Self.ada, Self.ada])
  }

  @Test("No two entries have the same encoding, whatever their texts hold")
  func encoding() throws {
    func hash(_ subject: String?, _ details: [String: String], _ reason: String?) -> [UInt8] {
      AuditEntry(
        number: 1, milliseconds: 0, author: .reroot, event: "a", subject: subject, details: details,
        reason: reason, previous: AuditEntry.noHash
      ).expectedHash
    }
    let hashes = [
      hash(nil, [:], nil), hash("", [:], nil), hash(nil, [:], ""), hash("ab", [:], nil), hash("a", [:], "b"),
      hash(nil, ["a": "bc"], nil), hash(nil, ["ab": "c"], nil), hash(nil, ["a": "b", "c": ""], nil),
      hash(nil, ["a": ""], "bc"), hash("a\u{301}", [:], nil), hash("á", [:], nil),
    ]
    #expect(Set(hashes).count == hashes.count)
    // Fixed: whatever an entry was hashed to once, every later version must hash it to.
    #expect(
      Hexadecimal.text(hash("ab", ["z": "1", "a": "ü"], "why"))
        == "a9af5218b1ff0da40bb91e622c825d71924617d2d225f7e25ad56c215047504f")
  }

  @Test("Control characters are written out before an entry is hashed, and long texts are cut")
  func hostileText() async throws {
    let system = try TestSystem()
    let long = String(repeating: "x", count: 5000)
    try await system.store.record(
      AuditAct(
        .rootRefused, by: .stranger(from: "a\nb"), on: "a\u{0}b\u{202E}c", ["k": long], reason: "1\r\n2\u{1B}[31m"))
    let entry = try #require(try await all(system.store).last)
    #expect(entry.subject == "a\\u{0}b\\u{202E}c" && entry.author.address == "a\\u{A}b")
    #expect(entry.reason == "1\\u{D}\\u{A}2\\u{1B}[31m" && entry.details["k"]?.count == 2001)
    #expect(try verified(system).fault == nil)
  }

  @Test("Filters find by name, kind, event, time and text, page by page")
  func filters() async throws {
    let system = try TestSystem()
    let store = system.store
    for index in 0..<5 {
      try await store.record(AuditAct(.rootImported, by: Self.ada, on: "root \(index)", ["quote": "a \"b\" 100%"]))
      system.clock.advance(60)
    }
    try await store.record(
      AuditAct(.signInFailed, by: .stranger(from: "198.51.100.9"), on: "%\u{301}", ["name": "x\"\u{301}\\\u{301}"]))
    func found(_ change: (inout AuditFilter) -> Void) async throws -> [Int64] {
      var filter = AuditFilter()
      change(&filter)
      return try await store.auditEntries(filter, limit: 100).map(\.number)
    }
    #expect(try await found { _ in } == [6, 5, 4, 3, 2, 1])
    #expect(try await found { $0.who = "ada" } == [5, 4, 3, 2, 1])
    #expect(try await found { $0.topic = .users } == [6])
    #expect(try await found { $0.event = .rootImported }.count == 5)
    #expect(try await found { $0.text = "ROOT 3" } == [4])
    #expect(try await found { $0.text = "\"b\"" }.count == 5)
    #expect(try await found { $0.text = "100%" }.count == 5)
    #expect(try await found { $0.text = "1%0" }.isEmpty)
    #expect(try await found { $0.text = "198.51" } == [6])
    // An accent makes one character of a sign and itself, and the sign is still there.
    #expect(try await found { $0.text = "x\"\u{301}\\\u{301}" } == [6])
    #expect(try await found { $0.text = "%\u{301}" } == [6])
    #expect(try await found { $0.text = "1%\u{301}" }.isEmpty)
    #expect(try await found { $0.text = "_\u{301}" }.isEmpty)
    let start = Date(timeIntervalSince1970: 1_780_000_000)
    #expect(
      try await found {
        $0.from = start + 60; $0.until = start + 180
      } == [3, 2])
    #expect(try await store.auditEntries(before: 4, limit: 2).map(\.number) == [3, 2])
    #expect(try await store.auditAuthors() == ["ada", "unknown name"])
  }

  @Test("An entry costs little beside the act that it belongs to")
  func cost() async throws {
    let system = try TestSystem()
    let store = system.store
    let count = 200
    func time(_ body: (Int) async throws -> Void) async throws -> Double {
      let start = ContinuousClock.now
      for index in 0..<count { try await body(index) }
      return (ContinuousClock.now - start) / .milliseconds(1) / Double(count)
    }
    // In turns, so that whatever else the machine does weighs on both alike.
    var (without, with) = (0.0, 0.0)
    for _ in 0..<2 {
      without += try await time { try await store.set("a", to: "\($0)") } / 2
      with +=
        try await time { index in
          try await store.recording(act()) { try await store.set("a", to: "\(index)") }
        } / 2
    }
    print(
      "audit: an act takes \(String(format: "%.2f", without)) ms, with its entry \(String(format: "%.2f", with)) ms, "
        + "ratio \(String(format: "%.2f", with / without))")
    #expect(with - without < 20)
  }

  func verified(_ system: TestSystem) throws -> AuditVerification {
    try Store.verifyAudit(
      folder: system.folder.path, masterKey: .file(nil))
  }
}
