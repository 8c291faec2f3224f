import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("Administration over the API", .timeLimit(.minutes(2))) struct AdministrationTests {
  @Test("Users: add with a link that is shown once, change under If-Match, a new link, and remove with a reason")
  func users() async throws {
    try await withConsole { console in
      let program = try await Program(console)
      let key = [("Idempotency-Key", "grace")]
      let added = try await program.send("POST", "/users", ["name": "grace", "role": "viewer"], key)
      #expect(added.status == 201, "\(added)")
      let path = "/users/\(try #require(try added.json["user"]?["id"]?.whole))"
      #expect(added.header("location") == "/api/v1" + path)
      let link = try #require(try added.json["link"]?["path"]?.text)
      #expect(try added.json["link"]?["address"]?.text?.hasSuffix(link) == true)
      #expect(try await console.stranger().get(link).says("grace"))
      // The link is a secret: it is not kept for a repetition of the request, nor written down anywhere.
      let again = try await program.send("POST", "/users", ["name": "grace", "role": "viewer"], key)
      #expect(again.status == 201 && again.header("idempotent-replayed") == "true")
      #expect(try again.json["link"] == nil && again.json["user"] == added.json["user"])
      #expect(!console.log.all.contains { $0.contains(link) })

      let read = try await program.get(path)
      #expect(try read.json["hasPassword"] == false && read.json["linkExpiresAt"] != nil)
      let tag = [("If-Match", try #require(read.header("etag")))]
      let changed = try await program.send("PUT", path, ["name": "grace", "role": "operator"], tag)
      #expect(try changed.status == 200 && changed.json["role"] == "operator", "\(changed)")
      let late = try await program.send("PUT", path, ["name": "grace", "role": "viewer"], tag)
      #expect(late.status == 412 && late.problemCode == "CHANGED_MEANWHILE")
      let taken = try await program.send("PUT", path, ["name": "ADA", "role": "viewer"])
      #expect(taken.status == 409 && taken.problemCode == "NAME_TAKEN")
      let mixed = try await program.send("POST", "/users", ["name": "gr\u{430}ce", "role": "viewer"])
      #expect(try mixed.json["errors"]?.elements?.first?["pointer"] == "/name", "\(mixed)")

      let renewed = try await program.send("POST", path + "/password-links")
      let other = try #require(try renewed.json["link"]?["path"]?.text)
      #expect(renewed.status == 201 && other != link)
      #expect(try await console.stranger().get(link).status == 404)
      #expect(try await program.send("DELETE", path).status == 422)
      #expect(try await program.send("DELETE", path + "?reason=left").status == 204)
      #expect(try await program.get(path).problemCode == "NOT_FOUND")
      let audit = try await program.get("/audit?topic=users&limit=10").json["items"]?.elements ?? []
      let events = audit.compactMap { $0["event"]?.text }
      for event in ["user.added", "user.role", "user.link", "user.removed"] {
        #expect(events.contains(event), "\(event) in \(events)")
      }
    }
  }

  @Test("Nobody ends the last administrator, nor takes their own second factor or password away by a token")
  func own() async throws {
    try await withConsole { console in
      let program = try await Program(console)
      let path = "/users/\(try await console.user(.administrator).id)"
      let last = try await program.send("PUT", path, ["name": "ada", "role": "viewer"])
      #expect(last.status == 409 && last.problemCode == "LAST_ADMINISTRATOR")
      #expect(try await program.send("POST", path + "/password-links").problemCode == "OWN_ACCOUNT")
      #expect(try await program.send("DELETE", path + "/second-factor").status == 404)
      #expect(try await program.send("PUT", "/settings/second-factor", ["isRequired": true]).status == 409)
    }
  }

  @Test("Settings: read, change all or none, under If-Match; what holds is what the page shows, and it is audited")
  func settings() async throws {
    try await withConsole { console in
      let program = try await Program(console)
      let read = try await program.get("/settings")
      #expect(Shape.settings.schema.problems(try read.json) == [])
      #expect(try read.json["parallelComponents"] == 64 && read.json["forwardedHeader"] == "X-Forwarded-For")
      let tag = [("If-Match", try #require(read.header("etag")))]
      let none = try await program.send(
        "PATCH", "/settings", ["parallelComponents": 3, "trustedProxies": ["10.0.0.0/8", "proxy.example"]], tag)
      #expect(try none.status == 422 && none.json["errors"]?.elements?.first?["pointer"] == "/trustedProxies")
      #expect(try await console.store.parallelComponents() == 64)
      let body: JSONValue = ["parallelComponents": 3, "trustedProxies": ["10.0.0.0/8", "192.0.2.7"]]
      let changed = try await program.send("PATCH", "/settings", body, tag)
      #expect(changed.status == 200, "\(changed)")
      #expect(try changed.json["trustedProxies"] == ["10.0.0.0/8", "192.0.2.7"])
      #expect(try await program.send("PATCH", "/settings", body, tag).status == 412)
      let page = try await console.browser().get("/settings").form("/settings")
      #expect(page.value("parallel_components") == "3" && page.value("trusted_proxies") == "10.0.0.0/8\n192.0.2.7")
      let subjects = try await console.store.auditEntries(limit: 10).compactMap(\.subject)
      #expect(subjects.filter { ["parallel components", "trusted proxies"].contains($0) }.count == 2)
    }
  }

  @Test("A change that was read before somebody else's comes to nothing, whatever it is of")
  func settingsTogether() async throws {
    try await withConsole { console in
      let visit = Visit(
        services: console.console.services, visitor: nil, csrfToken: "", notice: nil, path: "/", address: "127.0.0.1")
      let read = try await SettingsDesk.standing(visit.services)
      try await SettingsDesk.change(["parallel_components": "4"], visit)
      let refused = await refusal { try await SettingsDesk.change(["trusted_proxies": "10.0.0.1"], since: read, visit) }
      #expect(refused == "CHANGED_MEANWHILE")
      #expect(try await SettingsDesk.value(.trustedProxies, console.store) == "")
    }
  }

  @Test("The switches of the settings change only what was read, where the request says what that was")
  func switches() async throws {
    try await withConsole { console in
      _ = try await console.user(.operator)
      let program = try await Program(console)
      func tag() async throws -> [(String, String)] {
        [("If-Match", try #require(try await program.get("/settings").header("etag")))]
      }
      let first = try await tag()
      #expect(try await program.send("PATCH", "/settings", ["expiryDays": 10]).status == 200)
      for (path, body) in [("second-person", "isOn"), ("second-factor", "isRequired")] {
        let late = try await program.send("PUT", "/settings/" + path, .object([body: true]), first)
        #expect(late.status == 412 && late.problemCode == "CHANGED_MEANWHILE", "\(path)")
      }
      #expect(try await !console.store.isSecondPersonOn())
      let on = try await program.send("PUT", "/settings/second-person", ["isOn": true], try await tag())
      #expect(on.status == 202, "\(on)")
      // What is read and what is written are one act of the store.
      let read = try await SettingsDesk.standing(console.console.services).asRead
      let user = try await console.user(.administrator).id
      try await console.store.set("expiry_days", to: "11")
      #expect(
        await refusal { _ = try await console.store.askToSwitchOff(by: user, expecting: read) } == "CHANGED_MEANWHILE")
      #expect(
        await refusal { try await console.store.requireSecondFactor(false, by: user, expecting: read) }
          == "CHANGED_MEANWHILE")
      #expect(await refusal { try await console.store.switchSecondPersonOn(expecting: read) } == "CHANGED_MEANWHILE")
    }
  }

  @Test("Removals under a tag: what has changed since it was read stays, what has not goes; a root among them")
  func removals() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      let id = try await TestSystem.add(TestRoot("Third root"), "Third root", to: system.store)
      func tagged(_ path: String) async throws -> [(String, String)] {
        [("If-Match", try #require(try await program.get(path).header("etag")))]
      }
      let paths = [
        "/roots/\(id)", "/components/\(try system.id("web"))", "/users/\(try await system.console.user(.viewer).id)",
      ]
      for path in paths {
        let late = try await program.send("DELETE", path + "?reason=x", nil, [("If-Match", "\"other\"")])
        #expect(late.status == 412 && late.problemCode == "CHANGED_MEANWHILE", "\(path)")
        let done = try await program.send("DELETE", path + "?reason=x", nil, try await tagged(path))
        #expect(done.status == 204, "\(path): \(done)")
        #expect(try await program.get(path).status == 404, "\(path)")
      }
      let removed = try await system.store.auditEntries(limit: 100).first { $0.event == "root.removed" }
      #expect(removed?.subject == "Third root" && removed?.reason == "x")
      // The root is looked at again in the act itself.
      let other = Self.retired(try #require(try await system.store.roots().first { $0.id == system.newID }))
      #expect(
        await refusal { try await system.store.removeRoot(system.newID, expecting: other) } == "CHANGED_MEANWHILE")
    }
  }

  private static func retired(_ root: RootRecord) -> RootRecord {
    RootRecord(
      id: root.id, name: root.name, certificate: root.certificate, warnings: root.warnings, importedAt: root.importedAt,
      importedBy: root.importedBy, state: .retired, componentsUsing: root.componentsUsing, module: root.module)
  }

  @Test("Syslog: where to, nowhere, and what is no address")
  func syslog() async throws {
    try await withConsole { console in
      let program = try await Program(console)
      #expect(try await program.get("/settings/syslog").json == ["address": .null, "waiting": 0, "problem": .null])
      let tag = [("If-Match", try #require(try await program.get("/settings/syslog").header("etag")))]
      let set = try await program.send("PUT", "/settings/syslog", ["address": "udp://127.0.0.1:5514"], tag)
      let late = try await program.send("PUT", "/settings/syslog", ["address": "udp://127.0.0.1:5515"], tag)
      #expect(late.status == 412 && late.problemCode == "CHANGED_MEANWHILE")
      #expect(
        await refusal { try await console.store.setSyslogAddress("udp://127.0.0.1:9", expecting: .some(nil)) }
          == "CHANGED_MEANWHILE")
      #expect(try set.json["address"] == "udp://127.0.0.1:5514", "\(set)")
      let wrong = try await program.send("PUT", "/settings/syslog", ["address": "http://x"])
      #expect(try wrong.json["errors"]?.elements?.first?["pointer"] == "/address")
      #expect(try await program.send("PUT", "/settings/syslog", ["address": .null]).status == 200)
      #expect(try await console.store.syslogAddress() == nil)
    }
  }

  @Test("The trust store: authorities from a file, a server certificate from a PFX file, downloads, removal")
  func trustStore() async throws {
    try await withConsole { console in
      let program = try await Program(console)
      let roots = try ["A", "B"].map { try TestRoot($0) }
      let file = FilePart("all.pem", roots.map(\.identity.chainPEM).joined())
      let added = try await program.upload("/trust-store/authorities", [], [("file", file)])
      #expect(try added.status == 201 && added.json["added"] == 2 && added.json["known"] == 0, "\(added)")
      let known = try await program.upload("/trust-store/authorities", [], [("file", file)])
      #expect(try known.json["added"] == 0 && known.json["known"] == 2)
      #expect(try known.json["authorities"] == added.json["authorities"])
      let key = FilePart("key.pem", try roots[0].identity.keyPEM)
      let refused = try await program.upload("/trust-store/authorities", [], [("file", key)])
      #expect(refused.status == 422 && refused.problemCode == "PRIVATE_KEY_GIVEN")
      let id = try #require(try added.json["authorities"]?.elements?.first?["id"]?.whole)
      let der = try await program.get("/trust-store/authorities/\(id)/certificate?format=der")
      #expect(der.body == Array(try #require(try await console.store.authorities().first).certificate.der))
      #expect(try await program.send("DELETE", "/trust-store/authorities/\(id)?reason=old").status == 204)
      #expect(try await program.get("/trust-store/authorities").json["total"] == 1)

      let served = try roots[0].child(["console.example"])
      let pfx = try PFX.make(identity: served, friendlyName: "x", password: SecretBytes(utf8: "geheim"))
      let fields = [("name", "Web"), ("password", "falsch")]
      let wrong = try await program.upload(
        "/trust-store/server-certificates", fields, [("file", FilePart("a.pfx", pfx))])
      #expect(try wrong.json["errors"]?.elements?.first?["pointer"] == "/password", "\(wrong)")
      let right = try await program.upload(
        "/trust-store/server-certificates", [("name", "Web"), ("password", "geheim")],
        [("file", FilePart("a.pfx", pfx))])
      #expect(try right.status == 201 && right.json["isServing"] == false, "\(right)")
      let path = "/trust-store/server-certificates/\(try #require(try right.json["id"]?.whole))"
      #expect(right.header("location") == "/api/v1" + path)
      #expect(try await !program.get(path + "/certificate").text.contains("PRIVATE KEY"))
      let https = try await program.get("/trust-store/https").json
      #expect(https["source"] == "own" && TrustStoreAPI.https.problems(https) == [])
      #expect(try await program.send("DELETE", path + "?reason=old").status == 204)
    }
  }

  @Test("The doctor tells over the API what it tells at the command line")
  func doctor() async throws {
    try await withSystem { system in
      let answer = try await Program(system.console, .operator).send("POST", "/doctor")
      #expect(answer.status == 200, "\(answer)")
      #expect(SettingsAPI.examined.problems(try answer.json) == [])
      let report = await Doctor(system.console.console.services).examine()
      let names = try answer.json["checks"]?.elements?.compactMap { $0["name"]?.text }
      #expect(names == report.checks.map(\.name))
      #expect(names?.contains("seals") == true && names?.contains("data folder") == true)
      #expect(report.checks.first { $0.name == "seals" }?.state == .ok)
    }
  }

  @Test("Whoever asks for an examination while one goes on gets its report, and begins no other")
  func oneExamination() async throws {
    try await withSystem { system in
      let held = "/srv/web/cert.pem"
      system.targets.hold(held)
      let examinations = system.console.console.services.examinations
      let programs = try await [Program(system.console, .operator), Program(system.console, .operator, number: 2)]
      let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
        for program in programs { group.addTask { try await program.send("POST", "/doctor") } }
        try await eventually("Both wait for one") { await examinations.callers == 2 && system.targets.isHeld(held) }
        system.targets.letGo(held)
        return try await group.reduce(into: [Answer]()) { $0.append($1) }
      }
      #expect(answers.map(\.status) == [200, 200] && answers[0].body == answers[1].body)
      #expect(await examinations.callers == 0)
    }
  }

  @Test("What depends on a retiring root, its plan, and that the last look is told until it is looked again")
  func retirement() async throws {
    try await withSystem { system in
      _ = try await system.settled(try await system.start())
      let program = try await Program(system.console, .operator)
      let list = try await program.get("/retiring-roots").json
      #expect(list["total"] == 1)
      let fingerprint = try #require(list["items"]?.elements?.first?["fingerprint"]?.text)
      #expect(fingerprint == system.old.certificate.fingerprint.hex)
      let path = "/retiring-roots/\(fingerprint)"
      let free = try await program.get(path + "/dependents")
      #expect(Shape.dependents.schema.problems(try free.json) == [])
      #expect(try free.json["isFree"] == true && free.json["components"] == 2)
      try TestSystem.placeFiles("broker", system.old, in: system.targets, number: 1)
      #expect(try await program.get(path + "/dependents").json["isFree"] == true)
      let looked = try await program.send("POST", path + "/looks")
      #expect(try looked.json["dependencies"]?.elements?.first?["kind"] == "presents", "\(looked)")
      let plan = try await program.send("POST", "/retirement-plans", ["fingerprint": .string(fingerprint)])
      #expect(try plan.status == 201 && plan.json["isBlocked"] == true)
      #expect(
        try await program.send("POST", "/retiring-roots/\(String(repeating: "0", count: 64))/looks").status == 404)
    }
  }

  @Test("Two people: one asks, nobody answers their own request, the other agrees to what was read, and it starts")
  func secondPerson() async throws {
    try await withSystem { system in
      let console = system.console
      let (ada, one, two) = try await (
        Program(console), Program(console, .operator), Program(console, .operator, number: 2)
      )
      #expect(try await ada.send("PUT", "/settings/second-person", ["isOn": true]).json["isTaken"] == true)
      #expect(try await ada.get("/settings").json["secondPerson"] == true)
      let planned = try await one.send("POST", "/plans", ["root": .integer(system.newID.rawValue), "months": 12])
      let plan = try #require(try planned.json["id"])
      let start: JSONValue = ["plan": plan, "acceptProblems": true]
      #expect(try await one.send("POST", "/updates", start).problemCode == "AGREEMENT_NEEDED")
      let path = "/plans/\(try #require(plan.whole))/agreements"
      let asked = try await one.send("POST", path, ["acceptProblems": true], [("Idempotency-Key", "a")])
      #expect(asked.status == 201, "\(asked)")
      #expect(Shape.agreement.schema.problems(try asked.json) == [])
      let (request, hash) = try (#require(asked.json["id"]?.whole), #require(asked.json["hash"]))
      let answers = "/agreements/\(request)/answers"
      #expect(try await one.send("POST", answers, ["answer": "agree", "hash": hash]).problemCode == "SAME_PERSON")
      #expect(try await two.send("POST", answers, ["answer": "agree", "hash": "0"]).problemCode == "PLAN_CHANGED")
      #expect(try await two.send("POST", answers, ["answer": "decline", "hash": hash]).problemCode == "REASON_NEEDED")
      let listed = try await two.get("/agreements").json
      #expect(listed["items"]?.elements?.first?["act"] == "start the update to New root")
      let agreed = try await two.send("POST", answers, ["answer": "agree", "hash": hash])
      #expect(try agreed.json["standing"] == "agreed" && agreed.json["answeredBy"] == "operator2", "\(agreed)")
      let begun = try await one.send("POST", "/updates", start)
      #expect(begun.status == 201, "\(begun)")
      _ = try await system.settled(UpdateRecord.ID(rawValue: try #require(try begun.json["id"]?.whole)))

      // Switched off only with another administrator; who has asked may take it back.
      let off = try await ada.send("PUT", "/settings/second-person", ["isOn": false])
      #expect(try off.json["isTaken"] == false)
      let withdrawal = "/agreements/\(try #require(try off.json["agreement"]?.whole))/withdrawal"
      #expect(try await two.send("POST", withdrawal).problemCode == "AGREEMENT_OVER")
      #expect(try await ada.send("POST", withdrawal).json["standing"] == "withdrawn")
    }
  }

  @Test("The export of the audit log over the API is the one that the command verifies, and is recorded")
  func export() async throws {
    try await withConsole { console in
      let program = try await Program(console, .operator)
      let lines = try await program.get("/audit-export")
      #expect(lines.status == 200 && lines.header("content-type")?.hasPrefix("application/jsonl") == true)
      #expect(String(decoding: lines.body, as: UTF8.self).split(separator: "\n").count >= 2)
      let csv = try await program.get("/audit-export?format=csv&topic=users")
      #expect(String(decoding: csv.body, as: UTF8.self).hasPrefix("\"number\",\"time\","))
      let last = try await program.get("/audit?limit=1").json["items"]?.elements?.first
      #expect(last?["event"] == "audit.exported")
      let number = try #require(last?["number"]?.whole)
      #expect(try await program.get("/audit/\(number)").json == last)
      #expect(try await program.get("/audit/999999").status == 404)
    }
  }
}
