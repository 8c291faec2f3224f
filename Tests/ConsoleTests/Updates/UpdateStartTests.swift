import Foundation
import GRDB
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("Plans and starts", .timeLimit(.minutes(2))) struct UpdateStartTests {
  @Test("The list of updates shows fifty at a time, the newest first, and leads to the older ones and back")
  func list() async throws {
    try await withSystem(["web"]) { system in
      let first = try await system.start()
      #expect(try await system.settled(first).outcome == .completed)
      let length = UpdatesPage.pageLength
      try await system.store.write { database in
        for _ in 0..<length {
          try database.execute(
            sql: """
              INSERT INTO updates (plan, root, started_at, started_by, ended_at, outcome)
              SELECT plan, root, started_at, started_by, ended_at, outcome FROM updates WHERE id = ?
              """, arguments: [first.rawValue])
        }
      }
      let newest = try await system.browser.get("/updates")
      #expect(newest.has("/updates/\(first.rawValue + Int64(length))\"") && !newest.has("Newest"))
      #expect(!newest.has("/updates/\(first)\""))
      let older = try await system.browser.get("/updates?before=\(first.rawValue + 1)")
      #expect(newest.has("href=\"/updates?before=\(first.rawValue + 1)\""))
      #expect(older.has("/updates/\(first)\"") && older.has("Newest"))
      #expect(!older.has("Older"))
      // Beyond the oldest there is no page of its own, and a number that is none is none.
      for query in ["before=1", "before=x"] {
        #expect(try await system.browser.get("/updates?\(query)").text == newest.text)
      }
    }
  }

  @Test("A plan changes nothing, and names what it would do to each component")
  func plan() async throws {
    try await withSystem { system in
      let before = system.targets.snapshot
      let page = try await system.plan()
      #expect(page.status == 200)
      for name in ["web", "broker"] {
        #expect(page.says("Put the old and the new roots into /srv/\(name)/bundle.pem"))
        #expect(page.says("Replace /srv/\(name)/cert.pem and /srv/\(name)/key.pem, as one"))
      }
      #expect(page.says("No connection between the components would break at any moment of the planned course."))
      #expect(system.targets.snapshot == before)
      #expect(system.targets.log.isEmpty)
      #expect(try await system.store.updates().isEmpty)
    }
  }

  @Test("With problems an update starts only when they are accepted")
  func acceptance() async throws {
    try await withSystem { system in
      // A key that does not belong to its certificate is a problem, but no reason to forbid the update.
      system.targets.put(
        "/srv/web/key.pem",
        try PrivateKey.generate(.ecdsaP256).pkcs8PEM().withBytes { String(decoding: $0, as: UTF8.self) })
      let page = try await system.plan()
      #expect(page.says("KEY_DOES_NOT_MATCH"))
      let refused = try await system.browser.submit(page, "/updates")
      #expect(refused.status == 409)
      #expect(refused.says("The plan names problems. Tick the box") && refused.says("PROBLEMS_NOT_ACCEPTED"))
      let program = try await Program(system.console)
      let number = try #require(page.form("/updates").value("plan").flatMap { Int64($0) })
      let told = try await program.send("POST", "/updates", ["plan": .integer(number)])
      #expect(told.problemCode == "PROBLEMS_NOT_ACCEPTED")
      #expect(try told.json["cause"] == "The plan names problems.")
      #expect(
        try told.json["detail"]?.text?.hasPrefix("The plan names problems. Send `acceptProblems` as true") == true)
      #expect(try await system.store.updates().isEmpty)
      let started = try await system.browser.submit(page, "/updates", ["acceptProblems": "yes"])
      #expect(started.status == 303)
      let id = try #require(try await system.store.updates().first).id
      #expect(try await system.settled(id).outcome == .completed)
    }
  }

  @Test("A start is refused when the server certificate that was chosen has expired since the plan")
  func serverCertificateExpired() async throws {
    try await withSystem { system in
      let server = try system.old.child(["console.example"], until: 60)
      _ = try await system.store.addServerCertificate(
        name: "Short", chain: server.chain, key: try server.key.pkcs8PEM(), by: "ada")
      let id = try #require(try await system.store.serverCertificates().first?.id)
      let form = try await system.browser.get("/roots/\(system.newID)/update")
      let plan = try await system.browser.follow(
        system.browser.submit(form, "/plans", ["https": "trustStore", "serverCertificate": "\(id)"]))
      system.console.clock.advance(61)
      let refused = try await system.browser.submit(plan, "/updates")
      #expect(refused.status == 409)
      #expect(refused.says("The server certificate “Short” has expired. Choose another one. Make a new plan."))
      #expect(refused.says("HTTPS_CERTIFICATE_UNUSABLE"))
      #expect(try await system.store.updates().isEmpty)
    }
  }

  /// Changes that make a plan old.
  enum Change: String, CaseIterable { case content, owner, mode, gone, added, componentAdded, componentChanged }

  @Test("A start is refused when anything has changed since the plan", arguments: Change.allCases)
  func outdated(_ change: Change) async throws {
    try await withSystem { system in
      let page = try await system.plan()
      let path = "/srv/web/bundle.pem"
      let text = try #require(system.targets.file(path)).content.withBytes { String(decoding: $0, as: UTF8.self) }
      switch change {
      case .content: system.targets.put(path, text + "\n", owner: 0, group: 200, mode: 0o664)
      case .owner: system.targets.put(path, text, owner: 1, group: 200, mode: 0o664)
      case .mode: system.targets.put(path, text, owner: 0, group: 200, mode: 0o644)
      case .gone: system.targets.remove(path)
      case .added, .componentAdded:
        try TestSystem.placeFiles("late", system.old, in: system.targets, number: 9)
        _ = try await system.store.addComponent(TestSystem.component("late"))
      case .componentChanged:
        var component = system.components[0]
        component.description = "Another"
        try await system.store.replaceComponent(component)
      }
      let before = system.targets.snapshot
      let answer = try await system.browser.submit(page, "/updates")
      #expect(answer.status == 409)
      let isList = [.added, .componentAdded, .componentChanged].contains(change)
      #expect(answer.says(isList ? "The list of components has changed" : "Files have changed since the plan was made"))
      #expect(isList || answer.says(path))
      #expect(system.targets.snapshot == before)
      #expect(try await system.store.updates().isEmpty)
    }
  }

  @Test("A start is refused with the reason where a file cannot be looked at again, and works once it can")
  func unseen() async throws {
    try await withSystem { system in
      let page = try await system.plan()
      system.targets.setReadable(false, "/srv/web/key.pem")
      let answer = try await system.browser.submit(page, "/updates")
      #expect(answer.status == 409 && answer.says("“web”: The host of /srv/web/key.pem does not answer."))
      #expect(!answer.says("Files have changed"))
      system.targets.setReadable(true, "/srv/web/key.pem")
      #expect(try await system.browser.submit(page, "/updates").status == 303)
    }
  }

  @Test("One update at a time, and one start for each plan")
  func oneAtATime() async throws {
    try await withSystem { system in
      let (first, second) = (try await system.plan(), try await system.plan())
      system.targets.hold("web")
      #expect(try await system.browser.submit(first, "/updates").status == 303)
      let id = try #require(try await system.store.unfinishedUpdate()).id
      try await eventually("The command of web is waited for") { system.targets.isHeld("web") }
      let other = try await system.browser.submit(second, "/updates")
      #expect(other.status == 409 && other.says("UPDATE_RUNS"))
      #expect(other.says("Update \(id) is under way; another one can be started once it has ended."))
      system.targets.letGo("web")
      #expect(try await system.settled(id).outcome == .completed)
      let again = try await system.browser.submit(first, "/updates")
      #expect(again.status == 409 && again.says("PLAN_USED"))
      #expect(try await system.store.updates().count == 1)
    }
  }

  @Test(
    "The form says what is wrong with each value",
    arguments: [
      ("months", "0", "months"), ("months", "61", "months"), ("months", "", "months"), ("months", "1e3", "months"),
      ("months", "99999999999999999999", "months"), ("https", "none", "https"), ("https", "", "https"),
      ("policy", "maybe", "policy"), ("https", "trustStore", "serverCertificate"),
    ])
  func form(_ field: String, _ value: String, _ at: String) async throws {
    try await withSystem { system in
      let form = try await system.browser.get("/roots/\(system.newID)/update")
      let answer = try await system.browser.submit(form, "/plans", [field: value])
      #expect(answer.status == 422)
      #expect(answer.says(at == "months" ? "month" : "Choose"))
      #expect(answer.links.contains("#\(at)"))
    }
  }

  @Test("Months are taken up to the root's own end, to the second", arguments: [(0.0, 12, true), (-1.0, 12, false)])
  func months(_ seconds: TimeInterval, _ months: Int, _ fits: Bool) async throws {
    try await withSystem { system in
      let end = Validity.end(of: months, from: TestClock.start).timeIntervalSince(TestClock.start)
      let root = try TestRoot("Short root", to: end + seconds)
      let id = try await TestSystem.add(root, "Short root", to: system.store)
      let form = try await system.browser.get("/roots/\(id)/update")
      let answer = try await system.browser.submit(form, "/plans", ["months": "\(months)"])
      #expect(answer.status == (fits ? 303 : 422))
    }
  }

  @Test("The bundles hold the old and the new root, also an old one that was only ever found in a bundle")
  func bundles() async throws {
    try await withSystem(importsOld: false) { system in
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      for name in ["web", "broker"] {
        #expect(try system.bundle(name) == ["Old root", "New root"])
        #expect(try system.issuer(name) == "New root")
      }
    }
  }

  @Test("One component's unimported root reaches the bundle of the other, which did not have it")
  func foreignRoot() async throws {
    try await withSystem(importsOld: false) { system in
      let foreign = try TestRoot("Foreign root")
      try TestSystem.placeFiles("broker", foreign, in: system.targets, number: 1)
      let page = try await system.plan()
      let accepted = try await system.browser.submit(page, "/updates", ["acceptProblems": "yes"])
      let id = UpdateRecord.ID(rawValue: try #require(Int64(accepted.location?.split(separator: "/").last ?? "")))
      #expect(try await system.settled(id).outcome == .completed)
      #expect(Set(try system.bundle("web")) == ["Old root", "Foreign root", "New root"])
      #expect(Set(try system.bundle("broker")) == ["Foreign root", "Old root", "New root"])
    }
  }

  @Test("Under the policy Continue Update nobody is asked, and the failure is offered for Retry at the end")
  func continuePolicy() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start(policy: .continue)
      let ended = try await system.settled(id)
      #expect(ended.outcome == .completedWithErrors)
      #expect(ended.offers == [.retry, .abort])
      #expect(try system.issuer("broker") == "New root")
      #expect(try await !system.journal(id).contains { $0.contains("decided") })
      #expect(try await system.decide(id, .retry).outcome == .completed)
      #expect(try system.issuer("web") == "New root")
    }
  }

  @Test("Every bundle has both roots before the first certificate is replaced")
  func trustFirst() async throws {
    try await withSystem { system in
      try await system.settled(try await system.start())
      let log = system.targets.log
      let firstDeploy = try #require(log.firstIndex { $0.contains("key.pem") })
      let lastTrust = try #require(log.lastIndex { $0.hasPrefix("replace") && !$0.contains("key.pem") })
      #expect(lastTrust < firstDeploy)
      #expect(
        log.filter { $0.contains("key.pem") } == [
          "replace web bundle.pem key.pem cert.pem", "replace broker bundle.pem key.pem cert.pem",
        ])
    }
  }

  @Test("The console takes a certificate of the new root for itself, keeps streams open, and gives it back on Abort")
  func https() async throws {
    try await withSystem { system in
      let own = try #require(system.console.console.services.https.current.chain.first)
      system.targets.hold("web")
      let id = try await system.start(https: "issue")
      let reader = try await system.browser.events("/updates/\(id)/events")
      system.targets.letGo("web")
      #expect(try await system.settled(id).outcome == .completed)
      // The stream that was opened under the former certificate brings the end.
      try await eventually("The end has come") { reader.text.contains("\"hasEnded\":true") }
      #expect(!reader.hasEnded)
      reader.close()
      let issued = try #require(system.console.console.services.https.current.chain.first)
      #expect(issued.isSigned(by: system.new.certificate))
      #expect(try await system.browser.get("/roots").status == 200)
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      #expect(system.console.console.services.https.current.chain.first == own)
      #expect(try await system.browser.get("/roots").status == 200)
    }
  }
}
