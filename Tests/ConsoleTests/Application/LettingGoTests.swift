import Testing

@testable import Console

/// A process has one console, and tests have many: what each leaves behind would hide what is really lost.
@Suite("A console that has stopped", .timeLimit(.minutes(1))) struct LettingGoTests {
  private final class Weak<Object: AnyObject>: @unchecked Sendable {
    weak var object: Object?
  }

  @Test("is let go with everything that it had, also after an update")
  func letGo() async throws {
    let (updates, https) = (Weak<UpdateService>(), Weak<HTTPSKeeper>())
    try await withSystem { system in
      updates.object = system.console.console.services.updates
      https.object = system.console.console.services.https
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
    }
    try await eventually("The updates are let go") { updates.object == nil }
    try await eventually("The certificate's keeper is let go") { https.object == nil }
  }
}
