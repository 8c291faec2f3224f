import Foundation
import Rotation
import Synchronization
import Testing

@testable import Console
@testable import Store

@Suite("A decision right after the end", .timeLimit(.minutes(2))) struct RetiredRunnerTests {
  /// Keeps everybody from writing into a store until it is opened.
  private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let closed = Mutex(false)
    var isClosed: Bool { closed.withLock { $0 } }

    func close(_ store: Store) -> Task<Void, any Error> {
      Task {
        try await store.write { _ in
          self.closed.withLock { $0 = true }
          self.semaphore.wait()
        }
      }
    }

    func open() { semaphore.signal() }
  }

  /// An update that has ended with errors, of which something is still being cleared away; broker's commands are held.
  private func ended(_ system: TestSystem) async throws -> UpdateRecord.ID {
    system.targets.arm(.activate, at: "broker", times: .max)
    system.targets.hold("broker")
    let id = try await system.start(policy: .continue)
    try await eventually("Its plan is made, and it runs") { system.targets.isHeld("broker") }
    system.targets.hold("recover web")
    system.targets.letGo("broker")
    #expect(try await system.settled(id).outcome == .completedWithErrors)
    try await eventually("Something is being cleared away") { system.targets.isHeld("recover web") }
    system.targets.disarm()
    system.targets.hold("broker")
    return id
  }

  @Test("A Retry that is being written when everything is cleared away keeps its runner, which Abort then reaches")
  func whileWriting() async throws {
    try await withSystem { system in
      let before = system.targets.snapshot
      let id = try await ended(system)
      let updates = system.console.console.services.updates
      let runner = try #require(await updates.runners[id])
      let question = try await system.store.state(id).question
      let gate = Gate()
      let closing = gate.close(system.store)
      try await eventually("Nobody can write") { gate.isClosed }
      let retry = Task { try await updates.decide(id, Decision(.retry, question: question, by: "ada")) }
      try await eventually("The decision is being written") { await runner.decisions == 1 }
      system.targets.letGo("recover web")
      try await eventually("Everything is cleared away") { await runner.ending == .cleared }
      gate.open()
      try await closing.value
      try await retry.value
      try await eventually("The command hangs") { system.targets.isHeld("broker") }
      #expect(await updates.runners[id] === runner)
      #expect(try await system.press(id, .abort).status == 303)
      try await eventually("It is told to end") { system.targets.wasCancelled("broker") }
      system.targets.letGo("broker")
      #expect(try await system.settled(id).outcome == .rolledBack)
      #expect(system.targets.snapshot == before)
    }
  }

  @Test("The end of Reroot waits until the end of an action is written, though another entry is being written then")
  func halting() async throws {
    try await withSystem(["web"]) { system in
      system.targets.hold("web")
      let id = try await system.start()
      try await eventually("Its command runs") { system.targets.isHeld("web") }
      let runner = try #require(await system.console.console.services.updates.runners[id])
      let attempt = try #require(await runner.inFlight.keys.first)
      let gate = Gate()
      let closing = gate.close(system.store)
      try await eventually("Nobody can write") { gate.isClosed }
      let settling = Task { await runner.settles(attempt) }
      // What it waits for now is the store.
      try await eventually("It is being written") { await runner.isWriting }
      system.targets.letGo("web")
      try await eventually("The action has ended") { await runner.inFlight.isEmpty }
      let halting = Task {
        await runner.halt(within: .seconds(60))
        return try await system.store.state(id).action(attempt.action)?.status
      }
      gate.open()
      #expect(try await halting.value == .succeeded)
      try await closing.value
      await settling.value
    }
  }

  @Test("A target that cannot clear away at the end is asked again")
  func clearedLater() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      try await eventually("Its plan is made, and it runs") { system.targets.isHeld("web") }
      system.targets.leave(at: "web", times: 1)
      system.targets.letGo("web")
      #expect(try await system.settled(id).outcome == .completed)
      try await eventually("Nothing is left") { system.targets.isCleared("web") }
    }
  }

  @Test("What is told to end before its beginning has arrived is told so once it begins")
  func endedEarly() async throws {
    try await withSystem { system in
      let id = try await ended(system)
      let updates = system.console.console.services.updates
      let runner = try #require(await updates.runners[id])
      let state = try await system.store.state(id)
      let failed = try #require(state.allActions.first { $0.id.kind == .activate && $0.state.status == .failed })
      await runner.perform([.end(failed.id, attempt: failed.state.attempts + 1)], entries: [])
      try await updates.decide(id, Decision(.retry, question: state.question, by: "ada"))
      try await eventually("The command hangs") { system.targets.isHeld("broker") }
      try await eventually("It is told to end") { system.targets.wasCancelled("broker") }
      system.targets.letGo("broker")
      system.targets.letGo("recover web")
    }
  }

  @Test("A runner whose update has ended takes no decision any more, and another one does")
  func retired() async throws {
    try await withSystem { system in
      let id = try await ended(system)
      let updates = system.console.console.services.updates
      let runner = try #require(await updates.runners[id])
      let question = try await system.store.state(id).question
      system.targets.letGo("recover web")
      try await eventually("It is let go") { await updates.runners[id] == nil }
      let retry = Decision(.retry, question: question, by: "ada")
      #expect(try await !runner.decide(retry))
      #expect(try await system.store.state(id).outcome == .completedWithErrors)
      // As if its end had not come to the service yet.
      await updates.keep(runner, of: id)
      try await updates.decide(id, retry)
      #expect(await updates.runners[id] !== runner)
      system.targets.letGo("broker")
      #expect(try await system.settled(id).outcome == .completed)
    }
  }

  @Test("A decision that is refused while everything is cleared away leaves no runner behind")
  func refused() async throws {
    try await withSystem { system in
      let id = try await ended(system)
      let updates = system.console.console.services.updates
      let runner = try #require(await updates.runners[id])
      let question = try await system.store.state(id).question
      let gate = Gate()
      let closing = gate.close(system.store)
      try await eventually("Nobody can write") { gate.isClosed }
      let stale = Task { try await updates.decide(id, Decision(.retry, question: question - 1, by: "ada")) }
      try await eventually("The decision is being written") { await runner.decisions == 1 }
      system.targets.letGo("recover web")
      try await eventually("Everything is cleared away") { await runner.ending == .cleared }
      gate.open()
      try await closing.value
      await #expect(throws: Refusal.self) { try await stale.value }
      try await eventually("It is let go") { await updates.runners[id] == nil }
      system.targets.letGo("broker")
    }
  }
}

extension UpdateService {
  fileprivate func keep(_ runner: UpdateRunner, of id: UpdateRecord.ID) { runners[id] = runner }
}
