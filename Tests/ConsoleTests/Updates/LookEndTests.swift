import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

extension UpdateService {
  /// Decides in the moment in which the search for an interrupted update begins, before it has read anything.
  fileprivate func resume(deciding decision: Decision, on update: UpdateRecord.ID) async throws {
    resume()
    try await decide(update, decision)
  }

  /// Waits for a look that was to end before it had begun.
  fileprivate func resumeHurried() async {
    resume()
    hurry()
    await resumption?.value
  }
}

/// The look after a start, which may wait for targets that hang, keeps nobody who decides or ends Reroot.
@Suite("The look after a start ends when it must", .timeLimit(.minutes(2))) struct LookEndTests {
  private static let limit = Duration.seconds(2)

  @Test("An Abort that comes before the look has begun waits no longer than one that comes later")
  func beforeTheLook() async throws {
    try await withSystem { system in
      let before = system.targets.snapshot
      system.targets.arm(.deploy, at: "broker")
      let id = try await system.start()
      let state = try await system.settled(id)
      #expect(state.standing == .deciding)
      system.targets.hold("/srv/web/cert.pem")
      let services = system.console.console.services
      let next = UpdateService(await services.updates.surroundings, renderer: services.renderer)
      let pressed = ContinuousClock.now
      await next.resumeHurried()
      try await next.resume(deciding: Decision(.abort, question: state.question, by: "ada"), on: id)
      #expect(ContinuousClock.now - pressed < Self.limit)
      system.targets.letGo("/srv/web/cert.pem")
      #expect(try await system.settled(id).outcome == .rolledBack)
      #expect(system.targets.snapshot == before)
    }
  }

  @Test("Reroot is ended in time while it looks, writes down nothing unseen, and the next start looks again")
  func halted() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      try await eventually("The command is waited for") { system.targets.isHeld("web") }
      let copy = try TemporaryFolder(copyOf: system.console.folder.path)
      let targets = FakeTargets(copyOf: system.targets)
      system.targets.letGo("web")
      targets.hold("/srv/web/cert.pem")
      let console = try await TestConsole(folder: copy, clock: system.console.clock, targets: targets)
      try await eventually("The look hangs") { targets.isHeld("/srv/web/cert.pem") }
      let last = try await console.store.lastSequence(id)
      let told = ContinuousClock.now
      await console.console.stop(within: .milliseconds(50))
      #expect(ContinuousClock.now - told < Self.limit)
      #expect(try await console.store.lastSequence(id) == last)
      try console.store.close()
      targets.letGo("/srv/web/cert.pem")
      let other = try await TestConsole(folder: copy, clock: system.console.clock, targets: targets)
      let next = try await TestSystem.taking(system, other)
      let failed = ActionID(.trust, try next.id("web"))
      #expect(try await next.settled(id).openFailures == [failed])
      #expect(try await next.browser.get("/updates/\(id)").says("On disk it has its previous certificate and key."))
      try await other.stop()
      try await system.settled(id)
    }
  }
}
