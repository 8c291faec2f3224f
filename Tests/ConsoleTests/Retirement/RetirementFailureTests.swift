import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("Retirements that meet something", .timeLimit(.minutes(2))) struct RetirementFailureTests {
  @Test("A peer that comes back on an old certificate meanwhile stops the next trust action before it changes anything")
  func guarded() async throws {
    try await withSystem { system in
      try await system.updateToNew()
      let plan = try await system.planRetirement()
      let former = system.targets.file("/srv/web/cert.pem")
      system.targets.hold("web")
      let id = try await system.started(plan)
      try await eventually("The command of web is waited for") { system.targets.isHeld("web") }
      try system.bringBackOldCertificate("web")
      system.targets.letGo("web")
      let asked = try await system.settled(id)
      let failed = ActionID(.trust, try system.id("broker"))
      #expect(asked.openFailures == [failed])
      #expect(asked.action(failed)?.failure?.code == "DEPENDS_ON_ROOT")
      #expect(try system.bundle("broker") == ["Old root", "New root"])
      let page = try await system.browser.get("/updates/\(id)")
      #expect(page.says("Taking the old root out of the trust bundle of broker failed"))
      #expect(page.says("“web”: /srv/web/cert.pem holds “CN=web.example” of this root."))
      #expect(page.says("No connection would break."))

      #expect(try await system.decide(id, .retry).openFailures == [failed])
      system.targets.put("/srv/web/cert.pem", try #require(former).text, owner: 100, group: 200)
      #expect(try await system.decide(id, .retry).outcome == .completed)
      #expect(try system.bundle("broker") == ["New root"])
    }
  }

  @Test("What is served under the old root at the start refuses the start, though no file has changed")
  func atTheStart() async throws {
    try await EndpointTests().withListener { system, listener in
      try await system.updateToNew()
      let plan = try await system.planRetirement()
      let old = try system.old.child(["edge.example", "127.0.0.1"])
      listener.load(old)
      let refused = try await system.browser.submit(plan, "/updates")
      #expect(refused.status == 409)
      #expect(refused.says("“Old root” is still needed, or may be."))
      #expect(refused.says("127.0.0.1:\(listener.port) serves “CN=edge.example” of this root."))
      #expect(try system.bundle("web") == ["Old root", "New root"])
      #expect(try await system.store.updates().count == 1)
    }
  }

  @Test("A component that does not serve what it served after its bundle was changed is a failure")
  func notAsBefore() async throws {
    try await EndpointTests().withListener { system, listener in
      try await system.updateToNew()
      let other = try system.new.child(["edge.example", "127.0.0.1"])
      let plan = try await system.planRetirement()
      system.targets.onActivation(of: "edge") { listener.load(other) }
      let id = try await system.started(plan)
      let asked = try await system.settled(id)
      let edge = ActionID(.trust, try system.id("edge"))
      #expect(asked.openFailures == [edge])
      #expect(asked.action(edge)?.failure?.code == "NOT_AS_BEFORE")
    }
  }

  @Test("Abort puts every bundle back byte for byte; the root is retiring again, and the earlier update can be aborted")
  func abort() async throws {
    try await withSystem { system in
      let first = try await system.start()
      try await system.settled(first)
      let before = system.targets.snapshot
      system.targets.arm(.trust, at: "broker")
      let id = try await system.started(try await system.planRetirement())
      #expect(try await system.settled(id).standing == .deciding)
      #expect(try system.bundle("web") == ["New root"])
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      #expect(system.targets.snapshot == before)
      #expect(try await system.store.retiringRoots().map(\.name) == ["Old root"])
      #expect(try await system.decide(first, .abort).outcome == .rolledBack)
      #expect(try system.bundle("web") == ["Old root"])
    }
  }

  @Test("Override leaves one component with the old root in its bundle, so that the root goes on retiring")
  func override() async throws {
    try await withSystem { system in
      try await system.updateToNew()
      let before = system.targets.snapshot
      system.targets.arm(.trust, at: "web")
      let id = try await system.started(try await system.planRetirement())
      try await system.settled(id)
      #expect(try await system.decide(id, .override).outcome == .completedWithErrors)
      #expect(system.targets.snapshot["/srv/web/bundle.pem"] == before["/srv/web/bundle.pem"])
      #expect(try system.bundle("broker") == ["New root"])
      #expect(try await system.store.retiringRoots().map(\.name) == ["Old root"])
      // A second one takes it out there too, and nothing is done where it has left already.
      let second = try await system.started(try await system.planRetirement())
      #expect(try await system.settled(second).outcome == .completed)
      #expect(try await system.store.retiringRoots().isEmpty)
      #expect(try system.bundle("web") == ["New root"])
    }
  }

  @Test("After a retirement the earlier update can be aborted no more, and its page says why")
  func earlierUpdate() async throws {
    try await withSystem { system in
      let first = try await system.start()
      try await system.settled(first)
      let id = try await system.started(try await system.planRetirement())
      try await system.settled(id)
      let why =
        "Update \(id) retired the root “Old root” after update \(first), which can therefore be neither retried nor "
        + "aborted: the certificates that Abort would put back would not be accepted any more."
      let page = try await system.browser.get("/updates/\(first)")
      #expect(page.says(why) && !page.has(">Abort</button>"))
      let question = try await system.store.state(first).question
      let refused = try await system.postForm(
        "/updates/\(first)/decisions", [("decision", "abort"), ("question", "\(question)")])
      #expect(refused.status == 409 && refused.says(why))
      #expect(try system.bundle("web") == ["New root"])
      // Once the retirement is taken back, it can be.
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      #expect(try await system.decide(first, .abort).outcome == .rolledBack)
    }
  }

  @Test("A retirement that a power cut interrupts asks; meanwhile the earlier update cannot be aborted")
  func interrupted() async throws {
    try await withSystem { system in
      let first = try await system.start()
      try await system.settled(first)
      let before = system.targets.snapshot
      system.targets.hold("web")
      let id = try await system.started(try await system.planRetirement())
      try await eventually("The command is waited for") { system.targets.isHeld("web") }
      let copy = try TemporaryFolder(copyOf: system.console.folder.path)
      let targets = FakeTargets(copyOf: system.targets)
      system.targets.letGo("web")
      let console = try await TestConsole(folder: copy, clock: system.console.clock, targets: targets)
      let next = try await TestSystem.taking(system, console)
      let state = try await next.settled(id)
      #expect(state.standing == .deciding && state.wasInterrupted)
      #expect(try await next.browser.get("/updates/\(id)").says("Its trust bundle does not hold “Old root” any more."))
      let question = try await next.store.state(first).question
      let refused = try await next.postForm(
        "/updates/\(first)/decisions", [("decision", "abort"), ("question", "\(question)")])
      #expect(refused.status == 409)
      #expect(try await next.decide(id, .abort).outcome == .rolledBack)
      #expect(targets.snapshot == before)
      try await console.stop()
      try await system.settled(id)
    }
  }
}

@Suite("The looks of a retirement") struct RetirementGuardTests {
  /// Looks that end when they are told to, and are counted.
  private actor Looks {
    var begun = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func look() async -> DependencyReport {
      begun += 1
      let number = begun
      await withCheckedContinuation { waiting.append($0) }
      return DependencyReport(dependencies: [], bundles: [], componentCount: number, at: .distantPast)
    }

    func endOne() -> Bool {
      guard !waiting.isEmpty else { return false }
      waiting.removeFirst().resume()
      return true
    }
  }

  @Test("Who asks while a look goes on waits for the next one, which others share")
  func shares() async throws {
    let looks = Looks()
    let guardian = RetirementGuard { await looks.look() }
    async let first = guardian.report()
    try await eventually("The first look begins") { await looks.begun == 1 }
    let others = (1...5).map { _ in Task { try await guardian.report().componentCount } }
    // They have asked once the second look is the one that everybody waits for.
    try await eventually("The others have asked") { await guardian.askers == 5 }
    #expect(await looks.endOne())
    #expect(try await first.componentCount == 1)
    try await eventually("The second look goes on") { await looks.endOne() }
    for other in others { #expect(try await other.value == 2) }
    #expect(await looks.begun == 2)
  }
}
