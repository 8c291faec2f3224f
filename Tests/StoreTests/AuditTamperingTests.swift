import Foundation
import GRDB
import PKI
import Testing

@testable import Store

@Suite("Tampering with the audit log", .timeLimit(.minutes(2))) struct AuditTamperingTests {
  /// What somebody does to the database who has nothing else, and what must be told of it.
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let sql: String
    let kind: AuditFault.Kind
    let number: Int64

    init(_ name: String, _ sql: String, _ kind: AuditFault.Kind, at number: Int64) {
      testDescription = name
      self.sql = sql
      self.kind = kind
      self.number = number
    }
  }

  private static let columns = "at, kind, who, user, address, event, subject, details, reason, previous, hash, seal"

  static let rows = [
    Row("who was changed", "UPDATE audit SET who = 'eve' WHERE number = 5", .changed, at: 5),
    Row("a NUL was put behind who", "UPDATE audit SET who = who || char(0) WHERE number = 5", .changed, at: 5),
    Row("a NUL was put behind what", "UPDATE audit SET event = event || char(0) WHERE number = 5", .changed, at: 5),
    Row(
      "a NUL was put behind a detail", "UPDATE audit SET details = details || char(0) || 'x' WHERE number = 5",
      .changed,
      at: 5),
    Row("when was changed", "UPDATE audit SET at = at + 1 WHERE number = 1", .changed, at: 1),
    Row("when is beyond all dates", "UPDATE audit SET at = 9223372036854775807 WHERE number = 5", .changed, at: 5),
    Row("when is before all dates", "UPDATE audit SET at = -9223372036854775808 WHERE number = 1", .changed, at: 1),
    Row("from where was changed", "UPDATE audit SET address = NULL WHERE number = 5", .changed, at: 5),
    Row("what was changed", "UPDATE audit SET event = 'sign-in' WHERE number = 10", .changed, at: 10),
    Row("a user became Reroot", "UPDATE audit SET kind = 'reroot' WHERE number = 5", .changed, at: 5),
    Row("the kind became none", "UPDATE audit SET kind = 'god' WHERE number = 5", .changed, at: 5),
    Row("a detail was changed", "UPDATE audit SET details = '{\"n\":\"6\"}' WHERE number = 5", .changed, at: 5),
    Row("the details became none", "UPDATE audit SET details = 'x' WHERE number = 5", .changed, at: 5),
    Row("a reason was added", "UPDATE audit SET reason = 'ok' WHERE number = 5", .changed, at: 5),
    Row("an entry was removed", "DELETE FROM audit WHERE number = 5", .missing, at: 5),
    Row("the first was removed", "DELETE FROM audit WHERE number = 1", .missing, at: 1),
    Row("three were removed", "DELETE FROM audit WHERE number BETWEEN 4 AND 6", .missing, at: 4),
    Row(
      "an entry was removed and the others moved up",
      "DELETE FROM audit WHERE number = 5; UPDATE audit SET number = number - 1 WHERE number > 5;", .changed, at: 5),
    Row(
      "an entry was inserted",
      """
      UPDATE audit SET number = -number - 1 WHERE number > 4; UPDATE audit SET number = -number WHERE number < 0;
      INSERT INTO audit SELECT 5, \(columns) FROM audit WHERE number = 4;
      """, .changed, at: 5),
    Row(
      "two were exchanged",
      """
      UPDATE audit SET number = 99 WHERE number = 5; UPDATE audit SET number = 5 WHERE number = 6;
      UPDATE audit SET number = 6 WHERE number = 99;
      """, .changed, at: 5),
    Row("the last was removed", "DELETE FROM audit WHERE number = 10", .truncated, at: 10),
    Row("the last three were removed", "DELETE FROM audit WHERE number > 7", .truncated, at: 8),
    Row("all were removed", "DELETE FROM audit", .truncated, at: 1),
    Row(
      "the end was moved with them",
      """
      DELETE FROM audit WHERE number > 7;
      UPDATE audit_head SET number = 7, hash = (SELECT hash FROM audit WHERE number = 7);
      """, .truncated, at: 8),
    Row(
      "the end was removed with them", "DELETE FROM audit WHERE number > 7; DELETE FROM audit_head;", .truncated, at: 8),
    Row(
      "everything was removed", "DELETE FROM audit; DELETE FROM audit_head;", .truncated, at: 1),
    Row(
      "the end got another entry's seal",
      """
      DELETE FROM audit WHERE number > 7;
      UPDATE audit_head SET (number, hash, seal) = (SELECT number, hash, seal FROM audit WHERE number = 7);
      """, .truncated, at: 8),
    Row("the key was removed", "DELETE FROM settings WHERE key = 'audit_key'", .changed, at: 1),
  ]

  private static let noTriggers =
    "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_removed; DROP TRIGGER audit_is_appended;"

  private func filled(_ count: Int = 10) async throws -> TestSystem {
    let system = try TestSystem()
    for index in 1...count {
      try await system.store.record(
        AuditAct(.settingChanged, by: AuditTests.ada, on: "setting", ["n": "\(index)"]))
    }
    return system
  }

  private func verify(_ folder: TestFolder, expecting: AuditExpectation? = nil) throws -> AuditVerification {
    try Store.verifyAudit(
      folder: folder.path, masterKey: .file(nil),
      expecting: expecting)
  }

  @Test("An untouched log is good, while the server runs and after it was closed")
  func good() async throws {
    let system = try await filled()
    let running = try verify(system.folder)
    #expect(running.fault == nil && running.good == 10 && running.lastGood == 10 && running.areSealsChecked)
    try system.store.close()
    #expect(try verify(system.folder) == running)
    let without = try Store.verifyAudit(folder: system.folder.path, masterKey: nil)
    #expect(without.fault == nil && !without.areSealsChecked)
  }

  @Test("The first entry that was tampered with is named", arguments: rows)
  func tampered(_ row: Row) async throws {
    let system = try await filled()
    try system.store.close()
    try system.folder.sql(Self.noTriggers + row.sql)
    let found = try verify(system.folder)
    let fault = try #require(found.fault)
    #expect(fault.kind == row.kind && fault.number == row.number, "\(fault)")
    #expect(found.good == Int(row.number) - 1)
  }

  @Test("Whoever computes all hashes anew lacks the key")
  func rehashed() async throws {
    let system = try await filled()
    try system.store.close()
    try await DatabaseQueue(path: system.folder.path + "/reroot.sqlite").write { database in
      try database.execute(sql: Self.noTriggers + "UPDATE audit SET who = 'eve' WHERE number = 5")
      var previous = AuditEntry.noHash
      for entry in try GRDB.Row.fetchAll(database, sql: "SELECT * FROM audit ORDER BY number").map(AuditEntry.init) {
        let hash = AuditEntry(
          number: entry.number, milliseconds: entry.milliseconds, author: entry.author, event: entry.event,
          subject: entry.subject,
          details: entry.details, reason: entry.reason, previous: previous
        ).expectedHash
        try database.execute(
          sql: "UPDATE audit SET previous = ?, hash = ? WHERE number = ?",
          arguments: [Data(previous), Data(hash), entry.number])
        previous = hash
      }
      try database.execute(sql: "UPDATE audit_head SET hash = ?", arguments: [Data(previous)])
    }
    let fault = try #require(try verify(system.folder).fault)
    #expect(fault.kind == .inserted && fault.number == 5)
    // Without the key it passes: that is what the key is for.
    #expect(try Store.verifyAudit(folder: system.folder.path, masterKey: nil).fault == nil)
  }

  @Test(
    "What was taken off the end stays visible when the log goes on",
    arguments: [
      "DELETE FROM audit WHERE number > 7", "DELETE FROM audit WHERE number > 7; DELETE FROM audit_head;",
      """
      DELETE FROM audit WHERE number > 7;
      UPDATE audit_head SET number = 7, hash = (SELECT hash FROM audit WHERE number = 7);
      """,
    ])
  func goingOn(_ sql: String) async throws {
    let system = try await filled()
    try system.store.close()
    try system.folder.sql(Self.noTriggers + sql)
    let store = try Store.open(folder: system.folder.path)
    for _ in 0..<3 { try await store.record(AuditAct(.searchBegun, by: AuditTests.ada)) }
    let entries = try await store.auditEntries(after: 7, limit: 10)
    #expect(entries.map(\.event) == ["audit.broken"] + Array(repeating: "search.begun", count: 3))
    try store.close()
    #expect(try verify(system.folder).fault?.number == 8)
  }

  /// The mark of the log's end as it stands, which whoever reads the folder may keep.
  private func head(_ folder: TestFolder) throws -> GRDB.Row {
    try #require(
      try DatabaseQueue(path: folder.path + "/reroot.sqlite").read {
        try GRDB.Row.fetchOne($0, sql: "SELECT * FROM audit_head")
      })
  }

  /// Cuts the log behind an earlier end and puts the mark of that end back, which is genuine.
  private func cut(_ folder: TestFolder, to head: GRDB.Row) throws {
    let (number, hash, seal): (Int64, Data, Data) = (head["number"], head["hash"], head["seal"])
    try DatabaseQueue(path: folder.path + "/reroot.sqlite").write { database in
      try database.execute(sql: Self.noTriggers)
      try database.execute(sql: "DELETE FROM audit WHERE number > ?", arguments: [number])
      try database.execute(
        sql: "UPDATE audit_head SET number = ?, hash = ?, seal = ?", arguments: [number, hash, seal])
    }
  }

  @Test("A log that was cut, with an earlier and genuine mark of its end put back, is told by what it had recorded")
  func earlierEnd() async throws {
    let system = try await filled()
    let early = try head(system.folder)
    system.clock.advance(60)
    let hash = try PasswordHash.make(SecretBytes(utf8: "the right password"))
    try await system.store.recording(AuditAct(.userAdded, by: AuditTests.ada, on: "eve")) {
      _ = try await system.store.addUser(name: "eve", role: .viewer, hash: hash)
    }
    #expect(try verify(system.folder).fault == nil)
    try system.store.close()
    try cut(system.folder, to: early)
    let fault = try #require(try verify(system.folder).fault)
    #expect(fault.kind == .truncated && fault.number == 11)
    #expect(fault.sentence.hasPrefix("Entries from 11 on are missing at the end: user 1 was added at "), "\(fault)")
  }

  @Test("Each record that an act leaves elsewhere is compared with the end of the log, and clocks may be set back")
  func traces() async throws {
    let system = try await filled()
    let now = system.clock.now.milliseconds
    try await system.store.write { database in
      try database.execute(
        sql: """
          INSERT INTO users (name, password_hash, added_at) VALUES ('x', 'x', \(now));
          INSERT INTO sessions (token_hash, user, began_at, seen_at) VALUES ('x', 1, \(now), \(now));
          INSERT INTO journal (update_id, sequence, at, event) VALUES (1, 1, \(now), '{"decided":{}}');
          INSERT INTO https (source, chain, since) VALUES ('x', 'x', \(now));
          """)
    }
    #expect(try verify(system.folder).fault == nil)
    for (table, column, words) in [
      ("users", "added_at", "user 1 was added"), ("sessions", "began_at", "user 1 signed in"),
      ("journal", "at", "update 1 was decided on"), ("https", "since", "certificate was exchanged"),
    ] {
      try await system.store.write { try $0.execute(sql: "UPDATE \(table) SET \(column) = \(now + 5001)") }
      let fault = try #require(try verify(system.folder).fault, "\(table)")
      #expect(fault.number == 11 && fault.sentence.contains(words), "\(fault)")
      try await system.store.write { try $0.execute(sql: "UPDATE \(table) SET \(column) = \(now + 5000)") }
      #expect(try verify(system.folder).fault == nil)
    }
    // What no decision is, is recorded nowhere else.
    try await system.store.write {
      try $0.execute(sql: "UPDATE journal SET at = at + 9999, event = '{\"actionSucceeded\":{}}'")
    }
    #expect(try verify(system.folder).fault == nil)
    // An entry that came before the clock was set back is as new as what it recorded.
    system.clock.advance(3600)
    try await system.store.record(AuditAct(.searchBegun, by: .reroot))
    try await system.store.write { try $0.execute(sql: "UPDATE users SET added_at = \(now + 3_600_000)") }
    system.clock.advance(-7200)
    try await system.store.record(AuditAct(.searchBegun, by: .reroot))
    #expect(try verify(system.folder).fault == nil)
  }

  @Test("Earlier marks of the log's end do not lie about in the database's files")
  func noEarlierEnds() async throws {
    let system = try await filled(3)
    let early = try head(system.folder)
    let seal: Data = early["seal"]
    for _ in 0..<5 { try await system.store.record(AuditAct(.searchBegun, by: .reroot)) }
    func found() throws -> Bool {
      try ["", "-wal"].contains { suffix in
        let file = URL(fileURLWithPath: system.folder.path + "/reroot.sqlite" + suffix)
        return try Data(contentsOf: file).range(of: seal) != nil
      }
    }
    #expect(try found())
    try await system.store.tidy()
    #expect(try !found())
    // While somebody reads, nothing waits and nothing is lost.
    for _ in 0..<2 { try await system.store.record(AuditAct(.searchBegun, by: .reroot)) }
    try await system.store.read { database in
      _ = try GRDB.Row.fetchAll(database, sql: "SELECT * FROM audit")
    }
    try await system.store.tidy()
    #expect(try verify(system.folder).good == 10)
    try system.store.close()
    // A moment later it may be asked for once more.
    try await system.store.tidy()
  }

  @Test("A number beyond all numbers in the database does not end the program")
  func overflow() async throws {
    let system = try await filled()
    try system.store.close()
    try system.folder.sql("UPDATE audit_head SET number = 9223372036854775807")
    let store = try Store.open(folder: system.folder.path)
    #expect(await code { try await store.record(AuditAct(.searchBegun, by: .reroot)) } == "DATABASE_BROKEN")
    try store.close()
    #expect(try verify(system.folder).fault != nil)
  }

  @Test("A time beyond all dates in the database does not end the program: it is exported as it is, and told")
  func timeBeyond() async throws {
    let system = try await filled()
    try system.store.close()
    try system.folder.sql(
      Self.noTriggers + "UPDATE audit SET at = 9223372036854775807 WHERE number = 10;"
        + "UPDATE audit SET at = -9223372036854775808 WHERE number = 9")
    let store = try Store.open(folder: system.folder.path)
    var export = try await store.auditExport()
    var lines = try await export.next().map { AuditLine.text($0) }
    #expect(lines[9].contains("\"at\":\"9999-12-31T23:59:59.999Z\",\"ms\":9223372036854775807,"))
    #expect(lines[8].contains("\"at\":\"0000-01-01T00:00:00.000Z\",\"ms\":-9223372036854775808,"))
    _ = try await export.next()
    lines.append(export.lastLine)
    let fault = try #require(try Store.verifyAudit(lines: lines, keyOf: nil).fault)
    #expect(fault.kind == .changed && fault.number == 9)
    // The next entry is written after it, and notes what it found.
    try await store.record(AuditAct(.searchBegun, by: .reroot))
    try store.close()
    #expect(try verify(system.folder).fault?.number == 9)
  }

  @Test("An entry that is expected must be in a filtered export too, which says nothing of those that it lacks")
  func expectationOfExport() async throws {
    let system = try await filled(5)
    try await system.store.record(AuditAct(.searchBegun, by: .reroot))
    try await system.store.record(AuditAct(.settingChanged, by: AuditTests.ada, on: "setting"))
    let all = try await system.store.auditEntries(after: 0, limit: 100)
    func verify(_ change: (inout AuditFilter) -> Void, _ number: Int64) async throws -> AuditFault? {
      var filter = AuditFilter()
      change(&filter)
      var export = try await system.store.auditExport(filter)
      let lines = try await export.next().map { AuditLine.text($0) } + [export.lastLine]
      let expected = AuditExpectation("\(number):\(Hexadecimal.text(all[Int(number) - 1].hash))")
      return try Store.verifyAudit(lines: lines, keyOf: nil, expecting: expected).fault
    }
    for number in all.map(\.number) { #expect(try await verify({ _ in }, number) == nil) }
    #expect(try await verify({ $0.who = "ada" }, 5) == nil)
    // Between two that are there, and after the last one.
    for change: (inout AuditFilter) -> Void in [{ $0.who = "ada" }, { $0.until = Date(timeIntervalSince1970: 0) }] {
      let fault = try #require(try await verify(change, 6))
      #expect(fault.kind == .missing && fault.number == 6)
      #expect(fault.sentence.contains("is not in this filtered export"))
    }
  }

  @Test("A log that was put back as a whole is told by what somebody kept of it")
  func expectation() async throws {
    let system = try await filled()
    let early = try system.folder.copy()
    for _ in 0..<3 { try await system.store.record(AuditAct(.searchBegun, by: AuditTests.ada)) }
    let kept = try verify(system.folder)
    let expectation = try #require(AuditExpectation("\(kept.lastGood):\(kept.lastHash)"))
    #expect(try verify(system.folder, expecting: expectation).fault == nil)
    #expect(try verify(early).fault == nil)
    #expect(try verify(early, expecting: expectation).fault?.kind == .truncated)
    let other = try await filled(13)
    #expect(try verify(other.folder, expecting: expectation).fault?.kind == .different)
    for text in ["", "1", "0:\(kept.lastHash)", "1:\(kept.lastHash)0", "1:zz", "a:\(kept.lastHash)", "1:2:3"] {
      #expect(AuditExpectation(text) == nil, "\(text)")
    }
  }

  @Test("A folder without a log, and one whose master key is another, are told in sentences")
  func unreadable() async throws {
    let empty = try TestFolder()
    #expect(await code { _ = try verify(empty) } == "NO_DATABASE")
    let (system, other) = (try await filled(), try await filled())
    let wrong = MasterKeySource.file(other.folder.path + "/master.key")
    #expect(
      await code { _ = try Store.verifyAudit(folder: system.folder.path, masterKey: wrong) } == "WRONG_MASTER_KEY")
    try FileManager.default.removeItem(atPath: system.folder.path + "/master.key")
    #expect(await code { _ = try verify(system.folder) } == "MASTER_KEY_MISSING")
    #expect(!FileManager.default.fileExists(atPath: system.folder.path + "/master.key"))
  }
}

@Suite("Speed of verifying the audit log", .timeLimit(.minutes(5))) struct AuditSpeedTests {
  /// `REROOT_AUDIT_ENTRIES=100000` makes it a long one.
  @Test("A log of many entries is verified entry by entry")
  func speed() async throws {
    let count = ProcessInfo.processInfo.environment["REROOT_AUDIT_ENTRIES"].flatMap { Int($0) } ?? 3000
    let system = try TestSystem()
    try await system.store.database.write { database in
      for index in 1...count {
        try system.store.append(
          AuditAct(.settingChanged, by: AuditTests.ada, on: "setting \(index)", ["from": "a", "to": "\(index)"]),
          database)
      }
    }
    let start = ContinuousClock.now
    let found = try Store.verifyAudit(folder: system.folder.path, masterKey: .file(nil))
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    print(
      "audit: \(count) entries verified in \(String(format: "%.2f", seconds)) s, faults: \(found.fault == nil ? 0 : 1)")
    #expect(found.fault == nil && found.good == count)
  }
}
