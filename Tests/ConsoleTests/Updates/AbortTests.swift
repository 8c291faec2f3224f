import Foundation
import Rotation
import Testing

@testable import Console
@testable import PKI
@testable import Store

@Suite("Abort while something hangs", .timeLimit(.minutes(2))) struct AbortTests {
  /// How long an answer to Abort may take.
  private static let limit = Duration.seconds(2)

  @Test("Abort answers at once, says what it waits for, ends what hangs, and puts everything back to the byte")
  func hangingCommand() async throws {
    try await withSystem { system in
      let before = system.targets.snapshot
      system.targets.hold("web")
      let id = try await system.start()
      try await eventually("The command hangs") { system.targets.isHeld("web") }
      let pressed = ContinuousClock.now
      #expect(try await system.press(id, .abort).status == 303)
      let page = try await system.browser.get("/updates/\(id)")
      #expect(ContinuousClock.now - pressed < Self.limit)
      #expect(page.says("Stopping, to roll back"))
      #expect(
        page.says(
          "Abort is chosen; waiting for 1 action in flight: Adding the new root to the trust bundle of web. What takes "
            + "longer than 5 seconds is told to end."))
      // The command of the test never ends by itself, so it is left alone after a while.
      try await eventually("It is told to end, and not waited for") {
        try await system.journal(id).contains { $0.contains("was told to end. It has not ended even so") }
      }
      #expect(system.targets.wasCancelled("web"))
      system.targets.letGo("web")
      #expect(try await system.settled(id).outcome == .rolledBack)
      #expect(system.targets.snapshot == before)
    }
  }

  @Test("What ends by itself in time is not told to end")
  func inTime() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      try await eventually("The command is waited for") { system.targets.isHeld("web") }
      #expect(try await system.press(id, .abort).status == 303)
      system.targets.letGo("web")
      #expect(try await system.settled(id).outcome == .rolledBack)
      #expect(!system.targets.wasCancelled("web"))
      #expect(try await system.journal(id).contains("web trusts the old and the new root"))
    }
  }

  @Test("While one hangs after another has failed, Abort is on offer and ends the wait")
  func besideFailure() async throws {
    try await withConsole { console in
      var system = try await TestSystem(console, names: [])
      for (index, name) in ["web", "api"].enumerated() {
        try TestSystem.placeFiles(name, system.old, in: console.targets, number: UInt32(index))
        system.components.append(try await console.store.addComponent(TestSystem.component(name)))
      }
      let before = system.targets.snapshot
      system.targets.hold("web")
      system.targets.arm(.trust, at: "api")
      let id = try await system.start()
      try await eventually("It stops, and waits for web") {
        try await system.store.state(id).standing == .stopping && system.targets.isHeld("web")
      }
      let pressed = ContinuousClock.now
      #expect(try await system.press(id, .abort).status == 303)
      #expect(ContinuousClock.now - pressed < Self.limit)
      system.targets.letGo("web")
      #expect(try await system.settled(id).outcome == .rolledBack)
      #expect(system.targets.snapshot == before)
    }
  }

  @Test("Abort is answered in time also while the next start still looks at targets that hang")
  func duringTheLook() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      try await eventually("The command is waited for") { system.targets.isHeld("web") }
      let question = try await system.store.state(id).question
      let copy = try TemporaryFolder(copyOf: system.console.folder.path)
      let targets = FakeTargets(copyOf: system.targets)
      system.targets.letGo("web")
      targets.hold("/srv/web/cert.pem")
      let console = try await TestConsole(folder: copy, clock: system.console.clock, targets: targets)
      let next = try await TestSystem.taking(system, console)
      try await eventually("The look hangs") { targets.isHeld("/srv/web/cert.pem") }
      let pressed = ContinuousClock.now
      #expect(try await next.press(id, .abort, question: question).status == 303)
      #expect(ContinuousClock.now - pressed < Self.limit)
      #expect(try await next.journal(id).contains("ada decided: Abort"))
      let failure = try #require(
        try await next.store.state(id).action(ActionID(.trust, next.id("web"))).map { "\($0.status)" })
      #expect(failure == "failed")
      targets.letGo("/srv/web/cert.pem")
      #expect(try await next.settled(id).outcome == .rolledBack)
      try await console.stop()
      try await system.settled(id)
    }
  }

  // MARK: One attempt

  private struct Nothing: Error {}

  @Test("An action comes to an end within its limit, and says so")
  func limit() async throws {
    let run = ActionRun(limit: .milliseconds(30), grace: .milliseconds(30)) {
      try? await Task.sleep(for: .seconds(3600))
      throw Nothing()
    }
    let failure = await failure { try await run.outcome() }
    #expect(failure?.code == "ACTION_TOO_SLOW")
    #expect(failure?.sentence == "It had not come to its end after 0 s, and was told to end.")
  }

  @Test("What nothing ends is not waited for, and the failure says that it may go on")
  func leftAlone() async throws {
    let targets = FakeTargets()
    targets.hold("web")
    let component = TestSystem.component("web")
    let run = ActionRun(limit: .seconds(3600), grace: .milliseconds(30)) {
      _ = try await targets.access(to: component).run(["/bin/activate"], .seconds(1))
    }
    try await eventually("It hangs") { targets.isHeld("web") }
    run.end(.abort, after: .zero)
    let failure = await failure { try await run.outcome() }
    #expect(failure?.code == "ENDED_BY_ABORT")
    #expect(failure?.sentence.hasSuffix("It has not ended even so, and is not waited for any longer.") == true)
    targets.letGo("web")
  }

  @Test("A failure of its own is told as it is, and a success counts however late")
  func own() async throws {
    let failed = ActionRun(limit: .seconds(60)) { throw ActionError(code: "OWN", sentence: "Its own.") }
    #expect(await failure { try await failed.outcome() }?.code == "OWN")
    let good = ActionRun(limit: .seconds(60)) {}
    #expect(await failure { try await good.outcome() } == nil)
  }

  private func failure(_ body: () async throws -> Void) async -> Failure? {
    do {
      try await body()
      return nil
    } catch {
      return Failure(describing: error)
    }
  }
}
