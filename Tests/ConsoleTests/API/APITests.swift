import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("The API", .timeLimit(.minutes(2))) struct APITests {
  @Test("A whole update over the API: import, plan, start, a failure, Retry, the end, and the set that it made")
  func wholeUpdate() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      let root = try TestRoot("Third root")
      let imported = try await program.upload(
        "/roots", [("password", "geheim"), ("name", "Third")], [("file", FilePart("third.pfx", try root.pfx()))])
      #expect(imported.status == 201, "\(imported)")
      let id = try #require(try imported.json["id"]?.whole)
      #expect(imported.header("location") == "/api/v1/roots/\(id)")

      let planned = try await program.send("POST", "/plans", ["root": .integer(id), "months": 3])
      #expect(planned.status == 201, "\(planned)")
      let plan = try #require(try planned.json["id"])
      #expect(try planned.json["isBlocked"] == false)

      system.targets.arm(.deploy, at: "web")
      let begun = try await program.send("POST", "/updates", ["plan": plan, "acceptProblems": true])
      #expect(begun.status == 201, "\(begun)")
      let update = "/updates/\(try #require(try begun.json["id"]?.whole))"
      #expect(begun.header("location") == "/api/v1" + update)
      let asked = try await standing(program, update, "deciding")
      #expect(
        asked["decisions"]?.elements?.compactMap { $0["decision"]?.text } == ["abort", "override", "retry", "continue"])
      let failures = try await program.get(update + "/actions?status=failed").json
      #expect(failures["total"] == 1)
      #expect(failures["items"]?.elements?.first?["component"] == "web")

      let question = try #require(asked["question"])
      let decided = try await program.send("POST", update + "/decisions", ["decision": "retry", "question": question])
      #expect(decided.status == 202, "\(decided)")
      _ = try await standing(program, update, "completed")
      let again = try await program.send("POST", update + "/decisions", ["decision": "retry", "question": question])
      #expect(again.status == 409 && again.problemCode == "DECISION_STALE")

      let sets = try await program.get("/sets").json
      #expect(sets["items"]?.elements?.first?["isCurrent"] == true)
      #expect(sets["items"]?.elements?.first?["root"] == .integer(id))
      let standing = try await program.get("/components?name=WEB").json
      #expect(standing["total"] == 1 && standing["items"]?.elements?.first?["root"] == "Third")
      let audit = try await program.get("/audit?topic=updates&limit=5").json
      let events = audit["items"]?.elements?.compactMap { $0["event"]?.text } ?? []
      #expect(events.contains("update.ended") && events.contains("update.decided"), "\(events)")
      #expect(audit["items"]?.elements?.contains { $0["details"]?["with token"] != nil } == true)
    }
  }

  @Test("Warnings about a root are told each, with the member that accepts them, and nothing is imported before")
  func warnings() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      func upload(_ fields: [(String, String)]) async throws -> Answer {
        let file = FilePart("twin.pfx", try TestRoot("Twin").pfx())
        return try await program.upload("/roots", [("password", "geheim")] + fields, [("file", file)])
      }
      #expect(try await upload([]).status == 201)
      let refused = try await upload([])
      #expect(refused.status == 422 && refused.problemCode == "WARNINGS_NOT_ACCEPTED", "\(refused)")
      #expect(try refused.json["detail"]?.text?.contains("Send `acceptWarnings` with the value true") == true)
      #expect(try refused.json["errors"]?.elements?.count == 1)
      #expect(try await upload([("acceptWarnings", "true")]).status == 201)
    }
  }

  private func standing(_ program: Program, _ update: String, _ wanted: String) async throws -> JSONValue {
    var last = JSONValue.null
    try await eventually("\(update) stands \(wanted)") {
      last = try await program.get(update).json
      return last["standing"]?.text == wanted
    }
    return last
  }

  @Test("Lists of components and of actions are filtered and cut as the query says, and tell how many there are in all")
  func filters() async throws {
    try await withSystem { system in
      let id = try await system.start()
      try await system.settled(id)
      let program = try await Program(system.console, .viewer)
      func list(_ path: String, _ member: String) async throws -> Listed {
        let answer = try await program.get(path)
        #expect(answer.status == 200, "\(path): \(answer)")
        let items = try answer.json["items"]?.elements ?? []
        return Listed(items.compactMap { $0[member]?.text }, try answer.json["total"]?.whole ?? -1)
      }
      for (query, expected) in [
        ("", Listed(["web", "broker"], 2)), ("?stage=2", Listed(["broker"], 1)), ("?stage=9", Listed([], 0)),
        ("?name=ROK", Listed(["broker"], 1)), ("?state=deployed", Listed(["web", "broker"], 2)),
        ("?state=inUse", Listed([], 0)), ("?state=deployed&stage=1", Listed(["web"], 1)),
        ("?limit=1", Listed(["web"], 2)), ("?offset=1&limit=1", Listed(["broker"], 2)), ("?offset=2", Listed([], 2)),
      ] {
        #expect(try await list("/components" + query, "name") == expected, "\(query)")
      }
      let actions = "/updates/\(id)/actions"
      let web = try system.id("web")
      let all = try await list(actions, "id")
      #expect(all.total == Int64(all.names.count) && all.names.count > 5)
      #expect(try await list(actions + "?kind=deploy", "component") == Listed(["web", "broker"], 2))
      #expect(try await list(actions + "?kind=deploy&component=web", "id") == Listed(["deploy:\(web)"], 1))
      #expect(Set(try await list(actions + "?component=web", "component").names) == ["web"])
      #expect(try await list(actions + "?component=WEB", "id") == Listed([], 0))
      #expect(try await list(actions + "?status=failed", "id") == Listed([], 0))
      let (first, second) = try await (list(actions + "?limit=3", "id"), list(actions + "?offset=3&limit=3", "id"))
      #expect(first.names + second.names == Array(all.names.prefix(6)) && second.total == all.total)
    }
  }

  /// What a page of a list names, and how many there are in all.
  private struct Listed: Equatable {
    let names: [String]
    let total: Int64

    init(_ names: [String], _ total: Int64) { (self.names, self.total) = (names, total) }
  }

  @Test("The list of updates plays back no journal of an update that has ended, and counts those of one that goes on")
  func listing() async throws {
    try await withSystem { system in
      let ended = try await system.start()
      try await system.settled(ended)
      system.targets.arm(.deploy, at: "web")
      let open = try await system.start()
      #expect(try await system.settled(open).standing == .deciding)
      // What cannot be played back is not asked for.
      try await system.store.write { database in
        try database.execute(
          sql: "UPDATE courses SET course = '-' WHERE update_id IN (SELECT id FROM updates WHERE outcome IS NOT NULL)")
      }
      let program = try await Program(system.console, .viewer)
      let list = try await program.get("/updates")
      #expect(try list.status == 200 && list.json["total"] == 2, "\(list)")
      #expect(Shape<UpdateListing>.listing.list.problems(try list.json) == [])
      let items = try list.json["items"]?.elements ?? []
      #expect(items.map { $0["standing"]?.text } == ["deciding", "completed"])
      #expect(items.map { $0["counts"]?["failed"]?.whole } == [1, nil])
      #expect(items.allSatisfy { $0["root"] == "New root" && $0["purpose"] == "update" })
      let second = try await program.get("/updates?offset=1&limit=1").json
      #expect(second["items"]?.elements?.compactMap { $0["id"]?.whole } == [ended.rawValue] && second["total"] == 2)
    }
  }

  @Test("The event stream gives every entry once, in order, and goes on behind the last one that a client knows")
  func events() async throws {
    try await withSystem { system in
      let update = try await system.start()
      _ = try await system.settled(update)
      let program = try await Program(system.console, .viewer)
      let entries = try await system.store.journal(update, after: 0, limit: 1000)
      let stream = try await program.events("/updates/\(update)/events")
      #expect(stream.status == 200)
      let all = try await read(stream, count: entries.count)
      #expect(all.compactMap { $0["sequence"]?.whole } == entries.map { Int64($0.sequence) })
      #expect(all.first?["kind"] == "started")
      let middle = entries.count / 2
      let rest = try await program.events("/updates/\(update)/events", [("Last-Event-ID", "\(middle)")])
      let behind = try await read(rest, count: entries.count - middle)
      #expect(behind.compactMap { $0["sequence"]?.whole } == entries.dropFirst(middle).map { Int64($0.sequence) })
      // Who has every entry is told how the update stands all the same.
      let none = try await program.events("/updates/\(update)/events", [("Last-Event-ID", "\(entries.count)")])
      try await eventually("How it stands is told") { none.messages.contains { $0.event == "update" } }
      #expect(!none.messages.contains { $0.event == "entry" })
      none.close()
    }
  }

  @Test("The newest certificate set comes first")
  func sets() async throws {
    try await withSystem { system in
      for _ in 1...2 { _ = try await system.settled(system.start()) }
      let sets = try await Program(system.console, .viewer).get("/sets").json["items"]?.elements ?? []
      let numbers = sets.compactMap { $0["number"]?.whole }
      #expect(numbers.count >= 2 && numbers == numbers.sorted(by: >), "\(numbers)")
    }
  }

  private func read(_ stream: EventReader, count: Int) async throws -> [JSONValue] {
    defer { stream.close() }
    var found: [JSONValue] = []
    try await eventually("\(count) entries") {
      found = try stream.messages.filter { $0.event == "entry" }.map { try JSONValue(parsing: Array($0.data.utf8)) }
      return found.count >= count
    }
    return found
  }

  @Test("Components: create, read, replace under If-Match, test, apply with a dry run, remove with a reason")
  func components() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      let given: JSONValue = [
        "name": "adapter", "names": ["adapter.example"], "stage": 3,
        "files": ["certificate": "/srv/adapter/cert.pem", "key": "/srv/adapter/key.pem"],
        "activation": ["command": ["/bin/true", "*not an alias", "a: b # c"]],
      ]
      let added = try await program.send("POST", "/components", given)
      #expect(added.status == 201, "\(added)")
      let path = "/components/\(try #require(try added.json["id"]?.whole))"
      let read = try await program.get(path)
      let tag = try #require(read.header("etag"))
      #expect(added.header("etag") == tag)
      #expect(try read.json["component"]?["activation"]?["command"] == ["/bin/true", "*not an alias", "a: b # c"])

      // What was read can be sent back, and is the same then.
      let same = try await program.send("PUT", path, try #require(try read.json["component"]), [("If-Match", tag)])
      #expect(same.status == 200 && same.header("etag") == tag, "\(same)")
      var other = try #require(try read.json["component"])
      if case .object(var members) = other {
        members["stage"] = 4
        other = .object(members)
      }
      #expect(try await program.send("PUT", path, other, [("If-Match", tag)]).status == 200)
      let late = try await program.send("PUT", path, other, [("If-Match", tag)])
      #expect(late.status == 412 && late.problemCode == "CHANGED_MEANWHILE")

      let yaml =
        "components:\n  - name: adapter\n    names: [adapter.example]\n    stage: 5\n    files: {certificate: /a, key: /b}\n"
      let dry = try await program.text("POST", "/component-lists?dryRun=true", yaml, type: "application/yaml")
      #expect(dry.status == 200, "\(dry)")
      #expect(try dry.json["components"]?.elements?.first?["change"] == "changed")
      #expect(try dry.json["components"]?.elements?.first?["added"]?.elements?.contains("stage: 5") == true)
      #expect(try await program.get(path).json["component"]?["stage"] == 4)
      #expect(try await program.text("POST", "/component-lists", yaml, type: "application/yaml").status == 200)
      #expect(try await program.get(path).json["component"]?["stage"] == 5)

      let tested = try await program.send("POST", path + "/test")
      #expect(try tested.json == ["isFine": true, "problems": [], "endpoints": []], "\(tested)")
      #expect(try await program.send("DELETE", path).status == 422)
      #expect(try await program.send("DELETE", path + "?reason=gone").status == 204)
      #expect(try await program.get(path).problemCode == "NOT_FOUND")
    }
  }

  @Test("A body that will not do is told where: unknown members, wrong kinds, what does not fit together")
  func refusals() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      let unknown = try await program.send(
        "POST", "/components", ["name": "x", "names": [], "colour": "red", "stage": "1"])
      #expect(unknown.status == 422 && unknown.problemCode == "INVALID_INPUT")
      let pointers = try unknown.json["errors"]?.elements?.compactMap { $0["pointer"]?.text } ?? []
      #expect(Set(pointers) == ["/colour", "/stage"])
      let plan = try await program.send("POST", "/plans", ["root": .integer(system.newID.rawValue), "months": 900])
      #expect(try plan.json["errors"]?.elements?.first?["pointer"] == "/months", "\(plan)")
      #expect(try await program.text("POST", "/plans", "{", type: "application/json").problemCode == "NOT_JSON")
      #expect(try await program.text("POST", "/plans", "{}", type: "text/plain").status == 415)
      let deep = String(repeating: "[", count: 100_000)
      #expect(try await program.text("POST", "/plans", deep, type: "application/json").status == 400)
      #expect(try await program.get("/components?stat=inUse").problemCode == "INVALID_INPUT")
      #expect(try await program.get("/components?stage=x").problemCode == "INVALID_INPUT")
      let put = try await program.send("PUT", "/plans", ["root": 1])
      #expect(put.status == 405 && put.header("allow") == "POST")
    }
  }

  @Test("A component with peers is added and replaced as it was read")
  func peers() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      let component: JSONValue = [
        "name": "adapter", "names": ["adapter.example"], "files": ["certificate": "/z/c", "key": "/z/k"],
        "peers": ["web"],
      ]
      let added = try await program.send("POST", "/components", component)
      #expect(added.status == 201, "\(added)")
      let id = try added.json["id"]?.whole ?? 0
      let read = try await program.send("GET", "/components/\(id)")
      let again = try await program.send("PUT", "/components/\(id)", try #require(try read.json["component"]))
      #expect(again.status == 200, "\(again)")
    }
  }

  @Test("What does not fit together in components sent as JSON is told by pointers, and in no line of a text")
  func pointers() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      func component(_ changes: [String: JSONValue]) -> JSONValue {
        let usual: [String: JSONValue] = [
          "name": "adapter", "names": ["adapter.example"], "files": ["certificate": "/z/c", "key": "/z/k"],
        ]
        return .object(usual.merging(changes) { _, new in new })
      }
      let rows: [([String: JSONValue], String)] = [
        (["files": ["certificate": "/z/c", "key": "relative"]], "/files/key"),
        (["names": ["not a name!"]], "/names"),
        (["endpoints": [["host": "a.example", "port": 1], ["host": "b.example"]]], "/endpoints/1"),
        (["activation": ["signal": "HUP"]], "/activation"), (["group": "web"], "/group"),
        (
          ["target": ["ssh": ["host": "h", "user": "u", "identity_file": "i", "host_key": "x"]]],
          "/target/ssh/identity_file"
        ),
        // With the other components.
        (["name": "web"], "/name"), (["peers": ["nobody"]], "/peers"),
        (["files": ["certificate": "/srv/web/cert.pem", "key": "/z/k"]], "/files/certificate"),
      ]
      let other = component(["name": "other", "files": ["certificate": "/y/c", "key": "/y/k"]])
      for (changes, pointer) in rows {
        let refused = try await program.send("POST", "/components", component(changes))
        #expect(refused.status == 422, "\(changes): \(refused)")
        let errors = try refused.json["errors"]?.elements ?? []
        #expect(errors.contains { $0["pointer"]?.text == pointer }, "\(changes): \(refused)")
        #expect(!errors.contains { $0["detail"]?.text?.hasPrefix("line ") == true }, "\(changes): \(refused)")
        // In a list what is there already is changed by its name.
        if changes["name"] != nil { continue }
        let list: JSONValue = ["components": [other, component(changes)]]
        let listed = try await program.send("POST", "/component-lists?dryRun=true", list)
        let found = try listed.json["errors"]?.elements?.compactMap { $0["pointer"]?.text } ?? []
        #expect(found.contains("/components/1" + pointer), "\(changes): \(listed)")
      }
    }
  }

  private static let hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIvsl9sc1xpEbwJSLjWPOGoaaFKs2ZSZVgEDjRkrnkYd"

  @Test("The answer to an applied list says what it has changed of what was there then")
  func appliedDifference() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      let component = try #require(try await program.get("/components/\(system.id("web"))").json["component"])
      guard case .object(var members) = component else { return }
      members["stage"] = 7
      let list: JSONValue = ["components": [.object(members)]]
      let applied = try await program.send("POST", "/component-lists", list).json["components"]?.elements?.first
      #expect(applied?["change"] == "changed")
      #expect(applied?["added"] == ["stage: 7"] && applied?["removed"] == ["stage: 1"])
      let again = try await program.send("POST", "/component-lists", list).json["components"]?.elements?.first
      #expect(again?["change"] == "unchanged" && again?["added"] == [])
      // Each line says where: also where the value stands at another place, too.
      members["files"] = ["certificate": "/srv/new/cert.pem", "key": "/srv/new/key.pem"]
      members["target"] = .object([
        "ssh": [
          "host": "a.example", "user": "reroot", "identity_file": "/k", "host_key": .string(Self.hostKey), "port": 2,
        ]
      ])
      members["endpoints"] = [["host": "a.example", "port": 1], ["host": "a.example", "port": 2]]
      let before: JSONValue = ["components": [.object(members)]]
      let first = try await program.send("POST", "/component-lists", before)
      #expect(first.status == 200, "\(first)")
      members["endpoints"] = [["host": "a.example", "port": 1], ["host": "a.example", "port": 3]]
      members["target"] = .object([
        "ssh": [
          "host": "a.example", "user": "reroot", "identity_file": "/k", "host_key": .string(Self.hostKey), "port": 1,
        ]
      ])
      members["files"] = ["certificate": "/srv/new/cert.pem", "key": "/srv/new/other.pem"]
      let dry = try await program.send("POST", "/component-lists?dryRun=true", ["components": [.object(members)]])
      #expect(dry.status == 200, "\(dry)")
      let change = try dry.json["components"]?.elements?.first
      #expect(
        change?["removed"] == ["target.ssh.port: 2", "files.key: \"/srv/new/key.pem\"", "endpoints[1].port: 2"],
        "\(dry)")
      #expect(
        change?["added"] == ["target.ssh.port: 1", "files.key: \"/srv/new/other.pem\"", "endpoints[1].port: 3"])
    }
  }

  @Test("What is wrong with one value is told with its name, and a reason that says nothing in one sentence everywhere")
  func oneValue() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      let wrong = try await program.send("PATCH", "/settings", ["expiryDays": 1, "watchMinutes": 99_999_999])
      #expect(try wrong.json["detail"] == "watchMinutes: It must be from 0 to 10080.", "\(wrong)")
      let windows = try await program.send("PATCH", "/settings", ["maintenanceWindows": "Mon 09:00-10:00"])
      #expect(try windows.json["detail"] == "maintenanceWindows: It must be an array.", "\(windows)")
      let path = try "/components/\(system.id("web"))"
      let page = try await system.browser.submit(
        try await system.browser.get(path + "/remove"), nil, ["reason": "\u{200B}"])
      let sentence = try #require(page.error(of: "reason"), "\(page)")
      for reason in ["?reason=", "?reason=%20", "?reason=%E2%80%8B", ""] {
        let refused = try await program.send("DELETE", path + reason)
        #expect(refused.status == 422, "\(refused)")
        guard !reason.isEmpty else { continue }
        #expect(
          try refused.problemCode == "REASON_NEEDED" && refused.json["detail"]?.text == "reason: \(sentence)",
          "\(refused)")
      }
    }
  }

  @Test("A day that is none is refused in one way, whatever is asked of the audit log")
  func days() async throws {
    try await withConsole { console in
      let program = try await Program(console)
      for query in ["from=2026-02-30", "from=2026-02-02&until=2026-02-01"] {
        let (listed, exported) = try await (program.get("/audit?" + query), program.get("/audit-export?" + query))
        #expect(listed.status == 422 && listed.body == exported.body, "\(listed) \(exported)")
        let field = query.contains("until") ? "until" : "from"
        #expect(try listed.json["errors"]?.elements?.first?["pointer"]?.text == field)
        let page = try await console.browser().get("/audit/export.csv?" + query)
        let sentence = try #require(try listed.json["cause"]?.text)
        #expect(try listed.json["detail"]?.text == "\(field): \(sentence)")
        #expect(page.status == 422 && page.says(sentence) && page.says("INVALID_INPUT"))
      }
    }
  }

  @Test("A request with a key is done once: again it gets the same answer, another one with it is refused")
  func idempotency() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      let (path, key) = ("/components", [("Idempotency-Key", "k-1")])
      func body(_ name: String) -> JSONValue {
        ["name": .string(name), "names": ["a.example"], "files": ["certificate": "/z/c", "key": "/z/k"]]
      }
      let first = try await program.send("POST", path, body("one"), key)
      #expect(first.status == 201, "\(first)")
      let again = try await program.send("POST", path, body("one"), key)
      #expect(again.status == 201 && again.body == first.body)
      #expect(again.header("location") == first.header("location") && again.header("idempotent-replayed") == "true")
      #expect(try await program.send("POST", path, body("two"), key).problemCode == "KEY_USED")
      #expect(try await system.store.components().count(where: { $0.name == "one" || $0.name == "two" }) == 1)
      // A refusal has changed nothing, so the same key may be tried again.
      let wrong = [("Idempotency-Key", "k-2")]
      #expect(try await program.send("POST", path, body("web"), wrong).status == 422)
      #expect(try await program.send("POST", path, body("web"), wrong).status == 422)
      // Another token's key is another key.
      #expect(try await Program(system.console).send("POST", path, body("one"), key).status == 422)
    }
  }

  @Test("An import, a plan and a start that are sent again with their keys happen once, and are answered alike")
  func repeatedStart() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      let file = FilePart("third.pfx", try TestRoot("Third root").pfx())
      func twice(_ send: () async throws -> Answer) async throws -> JSONValue {
        let (first, second) = (try await send(), try await send())
        #expect(first.status == 201 && first.header("idempotent-replayed") == nil, "\(first)")
        #expect(second.status == 201 && second.header("idempotent-replayed") == "true", "\(second)")
        #expect(second.body == first.body && second.header("location") == first.header("location"))
        return try first.json
      }
      let imported = try await twice {
        try await program.upload("/roots", [("password", "geheim")], [("file", file)], [("Idempotency-Key", "i")])
      }
      let root = try #require(imported["id"])
      #expect(try await system.store.roots().count(where: { $0.id.rawValue == root.whole }) == 1)
      #expect(try await system.store.roots().count == 3)
      let plan = try await twice {
        try await program.send("POST", "/plans", ["root": root, "months": 3], [("Idempotency-Key", "p")])
      }
      let start: JSONValue = ["plan": try #require(plan["id"]), "acceptProblems": true]
      let begun = try await twice { try await program.send("POST", "/updates", start, [("Idempotency-Key", "u")]) }
      _ = try await system.settled(UpdateRecord.ID(rawValue: try #require(begun["id"]?.whole)))
      #expect(try await system.store.updates().count == 1)
      let events = try await system.store.auditEntries(limit: 100).map(\.event)
      for event in ["root.imported", "plan.made", "update.started"] {
        #expect(events.count(where: { $0 == event }) == 1, "\(event)")
      }
    }
  }
}
