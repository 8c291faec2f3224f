import Foundation
import GRDB
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("Audit log over HTTP", .timeLimit(.minutes(3))) struct AuditPageTests {
  private func entries(_ store: Store) async throws -> [AuditEntry] {
    try await store.auditEntries(after: 0, limit: 1000)
  }

  private func last(_ store: Store, _ event: AuditEvent) async throws -> AuditEntry {
    try #require(try await entries(store).last { $0.event == event.rawValue }, "\(event) is recorded")
  }

  @Test("Every act of an update has its entry: who, when, from where, what, and why where it was asked")
  func update() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      try await system.settled(id)
      try await system.decide(id, .override)
      let found = try await entries(system.store).filter { ["updates", "console"].contains($0.topic) }
      #expect(
        found.map(\.event) == [
          "https.changed", "console.started", "plan.made", "update.started", "update.failed", "update.decided",
          "update.ended",
        ])
      let started = try await last(system.store, .updateStarted)
      #expect(started.author.name == "ada" && started.author.kind == .user && started.author.address == "127.0.0.1")
      #expect(started.subject == "update \(id)" && started.details["plan"] == "1")
      #expect(started.at == system.console.clock.now)
      let decided = try await last(system.store, .updateDecided)
      #expect(decided.details["decision"] == "Override" && decided.reason == TestSystem.reason)
      #expect(try await last(system.store, .updateFailed).author == .reroot)
      #expect(try await last(system.store, .updateEnded).details["outcome"] == "completedWithErrors")
      #expect(try await system.journal(id).contains("ada decided: Override (“\(TestSystem.reason)”)"))
    }
  }

  @Test("The page says the details of an entry in its own words; what is stored and exported keeps its stable names")
  func words() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      try await system.settled(id)
      try await system.decide(id, .override)
      let list = try await system.browser.get("/audit")
      #expect(list.says("Outcome: Completed with errors") && !list.says("completedWithErrors"))
      #expect(list.says("Failed: Deploy web"), "\(list.text)")
      #expect(list.says("Accepts a root of the same name: No"))
      let ended = try await last(system.store, .updateEnded)
      #expect(ended.details["outcome"] == "completedWithErrors" && ended.details["failed"] == "deploy web")
      let page = try await system.browser.get("/audit/\(ended.number)")
      #expect(page.says("Outcome Completed with errors") && page.says("Failed Deploy web"))
      let export = try await system.browser.get("/audit/export.csv")
      #expect(export.html.contains("outcome: completedWithErrors"))
    }
  }

  @Test("An action that a decision names by number is shown by the component's name, while it has one")
  func actionWords() {
    let words = AuditWords(components: [Component.ID(rawValue: 5): "broker"])
    let rows = words.rows([
      "actions": "verify:5, deploy:6, restore:5, https", "unknown": "as it stands", "role": "viewer",
    ])
    #expect(rows.map(\.term) == ["Actions", "Role", "Unknown"])
    #expect(
      rows.map(\.text) == [
        "Verify broker, Deploy component 6, Restore certificate of broker, HTTPS", "Viewer", "as it stands",
      ])
  }

  @Test("An entry that is not there was not removed: the page says that none ever is")
  func noEntry() async throws {
    try await withSystem { system in
      let missing = try await system.browser.get("/audit/999")
      #expect(missing.status == 404 && missing.says("None is ever removed"), "\(missing.text)")
      #expect(try await system.browser.get("/updates/999").says("Updates are never removed"))
      #expect(try await system.browser.get("/plans/999").says("One that nobody starts is kept for a day"))
    }
  }

  @Test("Every change of components, roots, trust store and settings has its entry, and what was refused has none")
  func changes() async throws {
    try await withSystem { system in
      let (browser, store) = (system.browser, system.store)
      let page = try await browser.get("/components/\(try system.id("web"))/edit")
      #expect(try await browser.submit(page, nil, ["description": "The front"]).status == 303)
      let changed = try await last(store, .componentChanged)
      #expect(changed.subject == "web" && changed.details["to"]?.contains("The front") == true)
      let count = try await entries(store).count
      #expect(try await browser.submit(page, nil, ["name": ""]).status == 422)
      #expect(try await entries(store).count == count)

      let remove = "/components/\(try system.id("web"))/remove"
      let removed = try await browser.submit(browser.get(remove), nil, ["reason": "Sold <b>off</b>"])
      #expect(removed.status == 303)
      let gone = try await last(store, .componentRemoved)
      #expect(gone.reason == "Sold <b>off</b>" && gone.details["component"]?.contains("web.example") == true)

      let settings = try await browser.get("/settings")
      #expect(try await browser.submit(settings, "/settings", ["parallel_components": "3"]).status == 303)
      #expect(try await last(store, .settingChanged).details == ["from": "64", "to": "3"])

      let root = "/roots/\(system.newID)/remove"
      #expect(try await browser.submit(browser.get(root), nil, ["reason": "Wrong one"]).status == 303)
      let rootGone = try await last(store, .rootRemoved)
      #expect(rootGone.subject == "New root" && rootGone.reason == "Wrong one")
      #expect(rootGone.details["fingerprint"] == system.new.certificate.fingerprint.hex)

      let user = try await system.console.user(.viewer)
      let home = "/users/\(user.id)"
      #expect(try await browser.submit(browser.get(home), home, ["name": "Vera"]).status == 303)
      let renamed = try await last(store, .userChanged)
      #expect(renamed.subject == "viewer" && renamed.details == ["name": "Vera"])
      #expect(try await entries(store).allSatisfy { $0.event != AuditEvent.userRoleChanged.rawValue })
      #expect(try await browser.submit(browser.get(home), home, ["role": "operator"]).status == 303)
      #expect(
        try await last(store, .userRoleChanged).details == ["name": "Vera", "was": "viewer", "role": "operator"])
      #expect(
        try await browser.submit(browser.get("\(home)/remove"), nil, ["reason": "Has left"]).status == 303)
      let left = try await last(store, .userRemoved)
      #expect(left.subject == "Vera" && left.reason == "Has left")

      let list = try await browser.get("/audit")
      #expect(list.says("Sold <b>off</b>") && !list.has("Sold <b>"))
      #expect(list.says("Component removed") && list.says("from 127.0.0.1"))
    }
  }

  @Test(
    "Without a reason, and with one that is too long, nothing is overridden or removed",
    arguments: ["", "  \n ", String(repeating: "x", count: 501)])
  func reasons(_ reason: String) async throws {
    try await withSystem { system in
      let (browser, store) = (system.browser, system.store)
      let authority = try TestRoot("Authority").certificate
      _ = try await store.addAuthorities([authority], by: "ada")
      let server = try system.old.child(["console.example"])
      _ = try await store.addServerCertificate(
        name: "Spare", chain: server.chain, key: try server.key.pkcs8PEM(), by: "ada")
      let paths = [
        "/components/1/remove", "/roots/\(system.newID)/remove", "/trust-store/authorities/1/remove",
        "/trust-store/certificates/1/remove", "/users/\(try await system.console.user(.viewer).id)/remove",
      ]
      let count = try await entries(store).count
      for path in paths {
        let answer = try await browser.submit(browser.get(path), path, ["reason": reason])
        #expect(answer.status == 422 && answer.errorFields == ["reason"], "\(path)")
      }
      #expect(try await entries(store).count == count)
      #expect(try await store.components().count == 2)
      #expect(try await store.roots().count == 2)
      #expect(try await store.authorities().count == 1)
      #expect(try await store.serverCertificates().count == 1)
      #expect(try await store.user(name: "viewer") != nil)

      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      let state = try await system.settled(id)
      let token = try await browser.token()
      let fields = [
        ("csrf", token), ("question", "\(state.question)"), ("decision", "override"), ("reason", reason),
      ]
      let refused = try await browser.post("/updates/\(id)/decisions", fields)
      #expect(refused.status == 422 && refused.says("REASON_NEEDED"))
      #expect(try await store.state(id) == state)
      // The longest that is allowed is taken.
      let longest = [("reason", String(repeating: "ü", count: 500))]
      #expect(try await browser.post("/updates/\(id)/decisions", Array(fields.dropLast()) + longest).status == 303)
    }
  }

  @Test("A failed sign-in is recorded by the name of a user, never by what was typed: it may be a password")
  func failedSignIns() async throws {
    try await withConsole { console in
      let stranger = console.stranger()
      func fail(_ name: String) async throws {
        let page = try await stranger.get("/sign-in")
        let answer = try await stranger.submit(page, nil, ["name": name, "password": "wrong, wrong, wrong"])
        #expect(answer.status == 422)
      }
      try await fail("ADA")
      try await fail("my secret passphrase 4711")
      let failed = try await entries(console.store).filter { $0.event == "sign-in.failed" }
      #expect(failed.map(\.author.name) == ["ada", "unknown name"])
      #expect(failed.allSatisfy { $0.author.kind == .stranger && $0.author.address == "127.0.0.1" })
      let rows = try await console.store.read { database in
        try Row.fetchAll(database, sql: "SELECT * FROM audit").map { "\($0)" }
      }
      #expect(!rows.contains { $0.contains("passphrase") || $0.contains("wrong, wrong") })
      let page = try await stranger.get("/sign-in")
      #expect(try await stranger.submit(page, nil, ["name": "ada", "password": TestConsole.password]).status == 303)
      #expect(try await last(console.store, .signedIn).author.name == "ada")
      let account = try await stranger.get("/account")
      #expect(try await stranger.submit(account, "/sign-out").status == 303)
      #expect(try await last(console.store, .signedOut).author.name == "ada")
    }
  }

  @Test("Attempts that are refused without a look are recorded at most once a minute for an address")
  func refusedSignIns() throws {
    let meter = RefusalMeter()
    let start = TestClock.start
    #expect(meter.count(from: "a", at: start) == 1)
    for second in 1..<60 { #expect(meter.count(from: "a", at: start + Double(second)) == nil) }
    #expect(meter.count(from: "b", at: start) == 1)
    #expect(meter.count(from: "a", at: start + 60) == 60)
    #expect(meter.count(from: "a", at: start + 61) == nil)
    // A clock that was set back far does not silence it.
    #expect(meter.count(from: "a", at: start - 86_400) == 2)
    for index in 0..<1000 { _ = meter.count(from: "\(index)", at: start) }
    #expect(meter.count(from: "999", at: start) == nil)
  }

  @Test("What a role does not allow is recorded, and somebody who tries again and again is counted")
  func refusedAccess() async throws {
    try await withConsole { console in
      let viewer = try await console.browser(.viewer)
      for _ in 0..<5 { #expect(try await viewer.get("/audit").status == 403) }
      console.clock.advance(60)
      #expect(try await viewer.get("/roots/import/" + String(repeating: "t", count: 43)).status == 403)
      let refused = try await entries(console.store).filter { $0.event == "access.refused" }
      #expect(refused.map(\.subject) == ["GET /audit", "GET /roots/import/:token"])
      #expect(refused.map { $0.details["attempts"] } == ["1", "5"])
      #expect(refused.allSatisfy { $0.author.kind == .user && $0.details["role"] == "viewer" })
      #expect(!(try await viewer.get("/roots").has("href=\"/audit\"")))
      #expect(try await console.browser().get("/roots").has("href=\"/audit\""))
    }
  }

  @Test("The page filters and pages; a day that is none is told")
  func page() async throws {
    try await withConsole { console in
      let author = AuditAuthor.user("eve", id: UserRecord.ID(rawValue: 9), from: "198.51.100.7")
      for index in 1...120 {
        try await console.store.record(AuditAct(.rootImported, by: author, on: "root number \(index)."))
      }
      let browser = try await console.browser()
      let first = try await browser.get("/audit?who=eve&topic=certificates")
      #expect(first.says("root number 120.") && first.says("root number 71.") && !first.says("root number 70."))
      let older = try #require(first.links.first { $0.contains("before=") })
      let second = try await browser.get(older)
      #expect(second.says("root number 70.") && second.says("root number 21.") && !second.says("root number 71."))
      let third = try await browser.get(try #require(second.links.first { $0.contains("before=") }))
      #expect(third.says("root number 1.") && !third.links.contains { $0.contains("before=") })
      #expect(try await browser.get("/audit?text=number+33").says("root number 33."))
      #expect(!(try await browser.get("/audit?text=number+33").says("root number 34.")))
      #expect(try await browser.get("/audit?from=2026-06-01&until=2026-06-01&who=eve").says("root number 120."))
      #expect(try await browser.get("/audit?until=2026-05-31").says("No entry passes the filter"))
      #expect(try await browser.get("/audit?topic=components").says("No entry passes the filter"))
      for (query, field) in [
        ("from=1.6.2026", "from"), ("until=2026-02-30", "until"), ("from=2026-06-02&until=2026-06-01", "until"),
        ("topic=x", "topic"),
      ] {
        let wrong = try await browser.get("/audit?\(query)")
        #expect(wrong.status == 422 && wrong.errorFields == [field], "\(query)")
      }
      let entry = try await browser.get(try #require(first.links.first { $0.hasPrefix("/audit/1") }))
      #expect(entry.says("198.51.100.7") && entry.says("root.imported") && entry.says("Seal"))
      for path in ["/audit/0", "/audit/99999", "/audit/x", "/audit/99999999999999999999"] {
        #expect(try await browser.get(path).status == 404, "\(path)")
      }
      #expect(try await console.stranger().get("/audit").status == 303)
    }
  }

  @Test("JSON Lines hold what verifies them, filtered or not; each kind of tampering with the file is found")
  func jsonLines() async throws {
    try await withConsole { console in
      let author = AuditAuthor.user("eve", id: UserRecord.ID(rawValue: 9), from: "198.51.100.7")
      for index in 1...1200 {
        try await console.store.record(
          AuditAct(.rootImported, by: author, on: "“\(index)” \\ \u{1F512}", ["a\"b": "ü"], reason: "r\(index % 7)"))
      }
      let browser = try await console.browser()
      let answer = try await browser.get("/audit/export.jsonl")
      #expect(answer.header("content-type") == "application/jsonl; charset=utf-8")
      #expect(answer.header("content-disposition") == "attachment; filename=\"reroot-audit-2026-06-01.jsonl\"")
      let lines = answer.html.split(separator: "\n").map(String.init)
      let total = Int(try await console.store.lastAuditNumber())
      #expect(lines.count == total + 1)
      let key = (path: console.folder.path + "/data", masterKey: MasterKeySource.file(nil))
      func verify(_ lines: [String], sealed: Bool = true) throws -> AuditVerification {
        try Store.verifyAudit(lines: lines, keyOf: sealed ? key : nil)
      }
      let whole = try verify(lines)
      #expect(whole.fault == nil && whole.good == total && whole.areSealsChecked)
      #expect(try verify(lines, sealed: false).fault == nil)
      let filtered = try await browser.get("/audit/export.jsonl?who=eve&text=r3").html
        .split(separator: "\n").map(String.init)
      #expect(filtered.count == 173)
      #expect(try verify(filtered).fault == nil)

      for lines in [lines, filtered] {
        let middle = lines.count / 2
        func changed(_ change: (inout [String]) -> Void) throws -> AuditFault? {
          var copy = lines
          change(&copy)
          return try verify(copy).fault
        }
        #expect(try changed { $0[middle] = $0[middle].replacing("\"eve\"", with: "\"ada\"") }?.kind == .changed)
        #expect(
          try changed { $0[middle] = $0[middle].replacing("\"at\":\"2026", with: "\"at\":\"2025") }?.kind == .changed)
        #expect(
          try changed { $0[middle] = $0[middle].replacing("{\"number\"", with: "{ \"number\"") }?.kind == .changed)
        #expect(try changed { $0[middle] += "{}" }?.kind == .changed)
        #expect(try changed { $0.remove(at: middle) } != nil)
        #expect(try changed { $0.swapAt(middle, middle + 1) } != nil)
        #expect(try changed { $0.insert($0[middle], at: middle) }?.kind == .reordered)
        #expect(try changed { $0.removeLast() }?.kind == .truncated)
        #expect(try changed { $0.remove(at: $0.count - 2) }?.kind == .truncated)
        #expect(try changed { $0.removeLast(5) }?.kind == .truncated)
        #expect(try changed { $0.append($0[middle]) }?.kind == .inserted)
        #expect(try changed { $0 = [] }?.kind == .truncated)
      }
      // A filtered export whose last line says that it is the whole.
      let claimed = filtered.dropLast() + [filtered[filtered.count - 1].replacing("false", with: "true")]
      #expect(try verify(Array(claimed)).fault != nil)
      #expect(try verify(Array(claimed), sealed: false).fault != nil)
      for text in ["x", "{}", "{\"end\":{}}", "\u{0}", "[]", "{\"number\":1}", String(repeating: "[", count: 5000)] {
        #expect(try verify([text]).fault != nil)
      }
    }
  }

  @Test("CSV is quoted (RFC 4180), and nothing in it is a formula")
  func csv() async throws {
    try await withConsole { console in
      let author = AuditAuthor.user("=cmd", id: UserRecord.ID(rawValue: 9), from: "::1")
      for text in ["=1+1", "+1", "-1", "@x", "a,b", "say \"hi\"", "two\nlines", "\tx", "plain"] {
        try await console.store.record(AuditAct(.rootImported, by: author, on: text))
      }
      let answer = try await console.browser().get("/audit/export.csv?who=%3Dcmd")
      #expect(answer.header("content-type") == "text/csv; charset=utf-8; header=present")
      let rows = answer.html.components(separatedBy: "\r\n")
      #expect(rows.count == 11 && rows.last == "")
      #expect(rows[0].hasPrefix("\"number\",\"time\",\"kind\",\"who\""))
      for (row, text) in zip(
        rows.dropFirst(),
        ["'=1+1", "'+1", "'-1", "'@x", "a,b", "say \"\"hi\"\"", "two\\u{A}lines", "\\u{9}x", "plain"])
      {
        #expect(row.contains("\"'=cmd\"") && row.contains(",\"\(text)\","), "\(row)")
      }
      #expect(try await last(console.store, .auditExported).details == ["format": "csv", "which": "filtered"])
      #expect(CSV.line(["\r=1", "\n", "＝1", "", "a"]) == #""\u{D}=1","\u{A}","'＝1","","a""# + "\r\n")
    }
  }

  @Test(
    "Moments are written as RFC 3339 has them, also far away",
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (1_780_315_200_123, "2026-06-01T12:00:00.123Z"),
      (-1, "1969-12-31T23:59:59.999Z"),
      (951_782_400_000, "2000-02-29T00:00:00.000Z"), (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
      (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ])
  func moments(_ milliseconds: Int, _ text: String) {
    #expect(AuditTime.text(Date(timeIntervalSince1970: Double(milliseconds) / 1000)) == text)
  }
}

extension AuditEntry {
  fileprivate var topic: String { AuditEvent(rawValue: event)?.topic.rawValue ?? "" }
}
