import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("Retiring a root, over the pages", .timeLimit(.minutes(2))) struct RetirementTests {
  @Test("After an update the old root is retiring; retired, it is in no bundle, and can be removed")
  func wholeCourse() async throws {
    try await withSystem { system in
      try await system.updateToNew()
      let old = try #require(try await system.store.roots().first { $0.name == "Old root" })
      #expect(old.state == .retiring)
      let list = try await system.browser.get("/roots")
      #expect(list.says("Retiring") && list.links.contains(system.retiring))
      let kept = try await system.browser.get("/roots/\(old.id)/remove")
      #expect(kept.status == 409 && kept.links.contains(system.retiring))

      let page = try await system.browser.get(system.retiring)
      #expect(page.says("Nothing depends on it any more"))
      #expect(page.says("Looked at 2 components and at this console on 1 Jun 2026, 12:00 UTC."))
      #expect(page.says("web: /srv/web/bundle.pem"))
      let before = system.targets.snapshot
      let plan = try await system.planRetirement()
      #expect(plan.says("Plan to retire Old root") && plan.says("take “Old root” out of /srv/web/bundle.pem"))
      #expect(system.targets.snapshot == before)
      let id = try await system.started(plan)
      #expect(try await system.settled(id).outcome == .completed)

      for name in ["web", "broker"] { #expect(try system.bundle(name) == ["New root"]) }
      let after = system.targets.snapshot
      for path in before.keys where !path.hasSuffix("bundle.pem") { #expect(after[path] == before[path]) }
      #expect(try await system.journal(id).contains("web: Nothing depends on “Old root”: looked at 2 components"))
      #expect(try await system.browser.get("/updates").says("2: retire Old root"))
      #expect(try await system.store.root(old.id).state == .retired)
      #expect(try await system.browser.get(system.retiring).status == 404)
      let gone = try await system.browser.submit(
        system.browser.get("/roots/\(old.id)/remove"), "/roots/\(old.id)/remove", ["reason": "It is retired."])
      #expect(gone.status == 303)
      #expect(try await system.store.roots().map(\.name) == ["New root"])
    }
  }

  @Test("A root that only the bundles know is listed by its subject and fingerprint, and can be retired")
  func neverImported() async throws {
    try await withSystem(importsOld: false) { system in
      #expect(try await !system.browser.get("/roots").links.contains(system.retiring))
      try await system.updateToNew()
      let list = try await system.browser.get("/roots")
      #expect(list.says("CN=Old root \(String(system.old.certificate.fingerprint.description.prefix(23)))…"))
      #expect(list.links.contains(system.retiring))
      let id = try await system.started(try await system.planRetirement())
      #expect(try await system.settled(id).outcome == .completed)
      #expect(try system.bundle("web") == ["New root"])
      #expect(try await !system.browser.get("/roots").links.contains(system.retiring))
    }
  }

  @Test("A component with a certificate of the old root stands in the way; Look again sees that it is mended")
  func presents() async throws {
    try await withSystem { system in
      try await system.updateToNew()
      let new = system.targets.file("/srv/broker/cert.pem")
      try system.bringBackOldCertificate("broker")
      system.console.clock.advance(600)
      let page = try await system.browser.get(system.retiring)
      #expect(page.says("It cannot be retired yet") && page.says("Presenting a certificate of it"))
      #expect(page.says("/srv/broker/cert.pem holds “CN=broker.example” of this root. 1 Jun 2026, 12:10 UTC"))
      #expect(!page.has("id=\"retire\""))
      // Nor by any other way.
      let plan = try await system.postPlan()
      #expect(plan.says("Prevents the update") && plan.says("DEPENDS_ON_ROOT") && !plan.has("Retire Root"))
      let number = try #require(Int64(plan.path.split(separator: "/").last ?? ""))
      #expect(try await system.postForm("/updates", [("plan", "\(number)"), ("acceptProblems", "yes")]).status == 409)
      #expect(try system.bundle("web") == ["Old root", "New root"])

      system.targets.put("/srv/broker/cert.pem", try #require(new).text, owner: 101, group: 201)
      #expect(try await system.browser.get(system.retiring).says("It cannot be retired yet"))
      let again = try await system.browser.follow(
        system.browser.submit(system.browser.get(system.retiring), "\(system.retiring)/looks"))
      #expect(again.says("Nothing depends on it any more"))
    }
  }

  @Test("A look tells nothing any more after ten minutes, nor once a component was added or changed since")
  func age() async throws {
    try await withSystem { system in
      try await system.updateToNew()
      let isFree = { try await system.browser.get(system.retiring).says("Nothing depends on it any more") }
      #expect(try await isFree())
      let new = try #require(system.targets.file("/srv/broker/cert.pem")).text
      let change = { try system.bringBackOldCertificate("broker") }
      let mend = { system.targets.put("/srv/broker/cert.pem", new, owner: 101, group: 201) }
      try change()
      system.console.clock.advance(599)
      #expect(try await isFree())
      system.console.clock.advance(1)
      #expect(try await !isFree())
      #expect(try await system.browser.get(system.retiring).says("1 Jun 2026, 12:10 UTC. Look again"))

      mend()
      #expect(try await !isFree())
      var edge = TestSystem.component("edge")
      edge.files = TestSystem.component("web").files
      edge = try await system.store.addComponent(edge)
      #expect(try await isFree())
      try change()
      #expect(try await isFree())
      edge.stage = 7
      try await system.store.replaceComponent(edge)
      #expect(try await !isFree())
    }
  }

  @Test("A component that Override set aside, and one that nobody can see, stand in the way")
  func asideAndUnseen() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      try await system.settled(id)
      try await system.decide(id, .override)
      let silent = Endpoint(host: "127.0.0.1", port: 1)
      _ = try await system.store.addComponent(TestSystem.component("edge", endpoints: [silent]))
      let page = try await system.browser.get(system.retiring)
      #expect(page.says("2 parts of the system stand in the way"))
      #expect(page.says("Set aside by Override Component Where What was seen When web /srv/web/cert.pem"))
      #expect(page.says("Not seen Component Where What was seen When edge 127.0.0.1:1 Nothing answers at 127.0.0.1:1"))
      let plan = try await system.postPlan()
      #expect(plan.says("SET_ASIDE") && plan.says("NOT_SEEN") && plan.says("This update cannot be started."))
    }
  }

  @Test("The console’s own certificate counts too")
  func console() async throws {
    try await withSystem { system in
      let old = try #require(try await system.store.roots().first { $0.name == "Old root" })
      let first = try await system.start(https: "issue", root: old.id)
      #expect(try await system.settled(first).outcome == .completed)
      try await system.updateToNew()
      #expect(try await system.browser.get(system.retiring).says("This console serves “CN="))
      #expect(try await system.postPlan().says("Let the console serve another certificate first"))
      let id = try await system.start(https: "issue")
      #expect(try await system.settled(id).outcome == .completed)
      #expect(try await system.browser.get(system.retiring).says("Nothing depends on it any more"))
    }
  }

  @Test("The last root of a bundle is never taken out")
  func lastRoot() async throws {
    try await withSystem { system in
      try await system.updateToNew()
      system.targets.put("/srv/broker/bundle.pem", system.old.identity.chainPEM, owner: 0, group: 201, mode: 0o664)
      let plan = try await system.postPlan()
      #expect(plan.says("LAST_ROOT") && plan.says("This update cannot be started."))
    }
  }

  @Test("What the retirement of another root must not touch stays in the bundle")
  func foreignRoots() async throws {
    try await withSystem { system in
      try await system.updateToNew()
      let partner = try TestRoot("Partner")
      let text = [system.old, partner, system.new].map(\.identity.chainPEM).joined()
      system.targets.put("/srv/broker/bundle.pem", text, owner: 0, group: 201, mode: 0o664)
      let id = try await system.started(try await system.planRetirement())
      #expect(try await system.settled(id).outcome == .completed)
      #expect(try system.bundle("broker") == ["Partner", "New root"])
    }
  }

  @Test("An address without a root that is retiring leads nowhere")
  func unknown() async throws {
    try await withSystem { system in
      let new = system.new.certificate.fingerprint.hex
      for path in ["/retiring/\(new)", "/retiring/00", system.retiring] {
        let answers = [try await system.browser.get(path), try await system.postForm("\(path)/plans", [])]
        #expect(answers.map(\.status) == [404, 404])
      }
    }
  }
}

extension TestSystem {
  /// The page of what depends on the old root.
  var retiring: String { "/retiring/\(old.certificate.fingerprint.hex)" }

  func updateToNew() async throws {
    let id = try await start()
    try #require(try await settled(id).outcome == .completed)
  }

  /// Presses Retire… and gives back the page of the plan.
  func planRetirement() async throws -> Answer {
    try await browser.follow(browser.submit(browser.get(retiring), "\(retiring)/plans"))
  }

  /// Posts what no form of a page would, with the session's token.
  func postForm(_ path: String, _ fields: [(String, String)]) async throws -> Answer {
    try await browser.post(path, fields + [("csrf", try await browser.token())])
  }

  /// Asks for the plan as a button would that is not there.
  func postPlan() async throws -> Answer {
    let made = try await postForm("\(retiring)/plans", [])
    var page = try await browser.follow(made)
    page.path = made.location ?? ""
    return page
  }

  func started(_ plan: Answer) async throws -> UpdateRecord.ID {
    let started = try await browser.submit(plan, "/updates")
    let location = try #require(started.location, "\(started.text)")
    return UpdateRecord.ID(rawValue: try #require(Int64(location.split(separator: "/").last ?? "")))
  }

  /// Puts a new certificate of the old root into a component's file, as somebody's backup would.
  func bringBackOldCertificate(_ name: String) throws {
    let child = try old.child(["\(name).example", "127.0.0.1"])
    targets.put("/srv/\(name)/cert.pem", child.chainPEM, owner: 101, group: 201)
  }
}
