import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("What had succeeded is looked at after a restart", .timeLimit(.minutes(2))) struct UndoneTests {
  /// An update that asks because the second of two components cannot be activated; then something is changed while
  /// Reroot is not running, and another console starts on the same folder.
  private func afterRestart(
    _ change: (TestSystem) throws -> Void,
    _ body: (TestSystem, UpdateRecord.ID, _ before: [String: String]) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    let (clock, targets) = (TestClock(), FakeTargets())
    let first = try await TestConsole(folder: folder, clock: clock, targets: targets)
    let system = try await TestSystem(first)
    let before = targets.snapshot
    targets.arm(.activate, at: "broker")
    let id = try await system.start()
    #expect(try await system.settled(id).standing == .deciding)
    let next = try await restarted(system, change)
    do {
      try await body(next, id, before)
    } catch {
      try? await next.console.stop()
      throw error
    }
    try await next.console.stop()
  }

  private func restarted(_ system: TestSystem, _ change: (TestSystem) throws -> Void) async throws -> TestSystem {
    let console = system.console
    try await console.stop()
    try change(system)
    let second = try await TestConsole(folder: console.folder, clock: console.clock, targets: console.targets)
    return try await TestSystem.taking(system, second)
  }

  private func putOldCertificate(_ system: TestSystem) throws {
    let (path, child) = ("/srv/web/cert.pem", try system.old.child(["web.example", "127.0.0.1"]))
    system.targets.put(path, child.chainPEM, owner: 100, group: 200, mode: 0o644)
  }

  private func expectFailure(_ system: TestSystem, _ id: UpdateRecord.ID, of kind: ActionKind) async throws {
    let action = ActionID(kind, try system.id("web"))
    try await eventually("\(kind) is found undone") { try await system.store.state(id).openFailures.contains(action) }
  }

  @Test("A certificate that somebody replaced by hand is a failure now, and Retry deploys it again")
  func deployment() async throws {
    try await afterRestart(putOldCertificate) { system, id, _ in
      try await expectFailure(system, id, of: .deploy)
      let page = try await system.browser.get("/updates/\(id)")
      #expect(page.says("This had succeeded before Reroot was ended, but it is not so any more."))
      #expect(page.says("/srv/web/cert.pem holds another certificate"))
      #expect(page.says("Reroot started again and found undone what 1 action had done"))
      let commands = system.targets.log.count { $0 == "run web" }
      #expect(try await system.decide(id, .retry).outcome == .completed)
      for name in ["web", "broker"] { #expect(try system.issuer(name) == "New root") }
      #expect(system.targets.log.count { $0 == "run web" } == commands + 1, "it is activated again too")
    }
  }

  @Test("Abort puts back to the byte what somebody replaced by hand")
  func abort() async throws {
    try await afterRestart(putOldCertificate) { system, id, before in
      try await expectFailure(system, id, of: .deploy)
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      #expect(system.targets.snapshot == before)
    }
  }

  @Test("A trust bundle that lost the new root is a failure now, and Retry gives it back")
  func bundle() async throws {
    try await afterRestart { system in
      system.targets.put("/srv/web/bundle.pem", system.old.identity.chainPEM, owner: 0, group: 200, mode: 0o664)
    } _: { system, id, _ in
      try await expectFailure(system, id, of: .trust)
      #expect(try await system.browser.get("/updates/\(id)").says("does not hold “New root” any more"))
      #expect(try await system.decide(id, .retry).outcome == .completed)
      #expect(try system.bundle("web").contains("New root"))
    }
  }

  @Test("Where everything is as it was said to be, the question stays the same one")
  func unchanged() async throws {
    try await afterRestart { _ in
    } _: { system, id, _ in
      let question = try await system.store.state(id).question
      // Whoever decides waits until it was looked.
      #expect(try await system.press(id, .retry, question: question).status == 303)
      #expect(try await system.settled(id).outcome == .completed)
      let events = try await system.store.journal(id, after: 0, limit: 1000).compactMap { entry in
        if case .event(let event) = entry.content { event } else { nil }
      }
      #expect(events.contains(.decided(Decision(.retry, question: question, by: "ada"))))
      #expect(!events.contains { if case .interrupted = $0 { true } else { false } })
    }
  }

  @Test("What cannot be looked at is said in the log, and is no failure")
  func unseen() async throws {
    try await afterRestart { system in
      system.targets.setReadable(false, "/srv/web/key.pem")
    } _: { system, id, _ in
      try await eventually("It is noted") {
        try await system.journal(id).contains { $0.contains("could not be looked at: The host of") }
      }
      system.targets.setReadable(true, "/srv/web/key.pem")
      #expect(try await system.store.state(id).openFailures == [ActionID(.activate, try system.id("broker"))])
      #expect(try await system.decide(id, .retry).outcome == .completed)
    }
  }

  @Test("On the way back, files that are not as they were put back are put back again")
  func backward() async throws {
    let folder = try TemporaryFolder()
    let (clock, targets) = (TestClock(), FakeTargets())
    let first = try await TestConsole(folder: folder, clock: clock, targets: targets)
    let system = try await TestSystem(first)
    let before = targets.snapshot
    let id = try await system.start()
    #expect(try await system.settled(id).outcome == .completed)
    // The way back goes through the stages from the last to the first, so the broker is put back before.
    targets.arm(.restore, at: "web")
    #expect(try await system.decide(id, .abort).standing == .deciding)
    let next = try await restarted(system) { system in
      system.targets.put("/srv/broker/cert.pem", "something else", owner: 101, group: 201, mode: 0o644)
    }
    let broker = ActionID(.restore, try next.id("broker"))
    try await eventually("It is found") { try await next.store.state(id).openFailures.contains(broker) }
    #expect(try await next.decide(id, .retry).outcome == .rolledBack)
    #expect(targets.snapshot == before)
    try await next.console.stop()
  }
}
