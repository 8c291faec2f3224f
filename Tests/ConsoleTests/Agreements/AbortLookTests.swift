import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

/// Abort with a second person while the next start still looks at what an interrupted update has left.
@Suite("A second person agrees to Abort after a restart", .timeLimit(.minutes(3))) struct AbortLookTests {
  /// How long an answer to Abort may take.
  private static let limit = Duration.seconds(2)

  /// Cuts the power while a command of an update runs, and starts another console whose look at it hangs.
  ///
  /// - Parameter prepare: what is done before the power is cut.
  private func whileLooking<Prepared>(
    _ prepare: (SecondPersonSystem, UpdateRecord.ID) async throws -> Prepared,
    _ body: (TestSystem, UpdateRecord.ID, Prepared, SecondPersonSystem) async throws -> Void
  ) async throws {
    try await withSystem { system in
      let before = system.targets.snapshot
      system.targets.hold("web")
      let id = try await system.start()
      try await eventually("The command is waited for") { system.targets.isHeld("web") }
      let people = try await SecondPersonSystem(system)
      let prepared = try await prepare(people, id)
      let copy = try TemporaryFolder(copyOf: system.console.folder.path)
      let targets = FakeTargets(copyOf: system.targets)
      system.targets.letGo("web")
      targets.hold("/srv/web/cert.pem")
      let console = try await TestConsole(folder: copy, clock: system.console.clock, targets: targets)
      let next = try await TestSystem.taking(system, console)
      try await eventually("The look hangs") { targets.isHeld("/srv/web/cert.pem") }
      do {
        try await body(next, id, prepared, people)
        targets.letGo("/srv/web/cert.pem")
        #expect(try await next.settled(id).outcome == .rolledBack)
        #expect(targets.snapshot == before)
      } catch {
        targets.letGo("/srv/web/cert.pem")
        try? await console.stop()
        throw error
      }
      try await console.stop()
      try await system.settled(id)
    }
  }

  private func ask(_ browser: Browser, _ id: UpdateRecord.ID, question: Int) async throws -> Answer {
    try await browser.post(
      "/updates/\(id)/decisions",
      [("csrf", try await browser.token()), ("decision", "abort"), ("question", "\(question)")])
  }

  @Test("The agreement to a request from before is taken in time, for the interrupted update as for the running one")
  func agree() async throws {
    try await whileLooking { people, id in
      let asked = try await ask(people.one, id, question: people.store.state(id).question)
      return try #require(asked.location, "\(asked.text)")
    } _: { next, id, request, people in
      let two = try await next.console.browser(.operator, 2)
      let pressed = ContinuousClock.now
      let answer = try await people.answer(request, "agree", two)
      #expect(ContinuousClock.now - pressed < Self.limit)
      #expect(answer.location == "/updates/\(id)", "\(answer.text)")
      #expect(try await next.store.agreement(people.id(request)).standing == .used)
      #expect(try await next.journal(id).contains("operator decided: Abort"))
    }
  }

  @Test("What a page from before asks for is asked in time, and can be agreed to")
  func askAnew() async throws {
    try await whileLooking { people, id in
      try await people.store.state(id).question
    } _: { next, id, question, people in
      let one = try await next.console.browser(.operator)
      let pressed = ContinuousClock.now
      let asked = try await ask(one, id, question: question)
      #expect(ContinuousClock.now - pressed < Self.limit)
      let request = try #require(asked.location, "\(asked.text)")
      let two = try await next.console.browser(.operator, 2)
      #expect(try await people.answer(request, "agree", two).location == "/updates/\(id)")
    }
  }
}
