import Foundation
import GRDB
import Rotation
import Testing

@testable import Console
@testable import PKI
@testable import Store

@Suite("Updates that are interrupted", .timeLimit(.minutes(2))) struct InterruptionTests {
  /// Runs an update until a component's command is waited for, cuts the power, and gives the console that starts after
  /// it over what the power cut left: the folder and the components' files, byte for byte.
  private func afterPowerCut(
    at moment: String = "web", _ body: (TestSystem, UpdateRecord.ID, _ before: [String: String]) async throws -> Void
  ) async throws {
    try await withSystem { system in
      let before = system.targets.snapshot
      system.targets.hold(moment)
      let id = try await system.start()
      try await eventually("The command is waited for") { system.targets.isHeld(moment) }
      let copy = try TemporaryFolder(copyOf: system.console.folder.path)
      let targets = FakeTargets(copyOf: system.targets)
      system.targets.letGo(moment)
      let console = try await TestConsole(folder: copy, clock: system.console.clock, targets: targets)
      do {
        try await body(try await TestSystem.taking(system, console), id, before)
      } catch {
        try? await console.stop()
        throw error
      }
      try await console.stop()
      try await system.settled(id)
    }
  }

  @Test("A new console over the same folder finds the update, says what it sees, and asks")
  func found() async throws {
    try await afterPowerCut { system, id, _ in
      let state = try await system.settled(id)
      #expect(state.standing == .deciding)
      #expect(state.wasInterrupted)
      let failed = ActionID(.trust, try system.id("web"))
      #expect(state.openFailures.contains(failed))
      let page = try await system.browser.get("/updates/\(id)")
      #expect(page.says("Reroot was ended in the middle of this action."))
      #expect(page.says("On disk it has its previous certificate and key."))
      for kind in Decision.Kind.allCases { #expect(page.has(">\(kind.label)</button>")) }
    }
  }

  @Test("Retry after a power cut completes the update", arguments: [Decision.Kind.retry, .continueUpdate])
  func goesOn(_ kind: Decision.Kind) async throws {
    try await afterPowerCut { system, id, _ in
      try await system.settled(id)
      let state = try await system.decide(id, kind)
      #expect(state.outcome == (kind == .retry ? .completed : .completedWithErrors))
      for name in ["web", "broker"] { #expect(try system.issuer(name) == "New root") }
    }
  }

  @Test("Abort after a power cut puts everything back to the byte", arguments: ["web", "broker"])
  func abort(_ moment: String) async throws {
    try await afterPowerCut(at: moment) { system, id, before in
      try await system.settled(id)
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      #expect(system.targets.snapshot == before)
    }
  }

  @Test("A stop in the middle lets the actions in flight end, and the next start asks")
  func halt() async throws {
    let folder = try TemporaryFolder()
    let (clock, targets) = (TestClock(), FakeTargets())
    let first = try await TestConsole(folder: folder, clock: clock, targets: targets)
    let system = try await TestSystem(first)
    targets.hold("web")
    let id = try await system.start()
    try await eventually("The command is waited for") { targets.isHeld("web") }
    async let stopped: Void = first.stop()
    try await eventually("The stop is journaled") {
      try await system.journal(id).contains("Reroot is being ended: nothing new begins")
    }
    targets.letGo("web")
    try await stopped
    #expect(!targets.log.contains { $0.contains("key.pem") })

    let second = try await TestConsole(folder: folder, clock: clock, targets: targets)
    let next = try await TestSystem.taking(system, second)
    let state = try await next.settled(id)
    #expect(state.standing == .deciding)
    #expect(state.openFailures.isEmpty)
    #expect(try await next.browser.get("/updates/\(id)").says("Reroot was ended in the middle"))
    #expect(try await next.decide(id, .retry).outcome == .completed)
    try await second.stop()
  }

  @Test(
    "What does not end when Reroot is ended is found interrupted, and so is an Abort that waited for it",
    arguments: [false, true])
  func haltInTheMiddle(aborting: Bool) async throws {
    let folder = try TemporaryFolder()
    let (clock, targets) = (TestClock(), FakeTargets())
    let first = try await TestConsole(folder: folder, clock: clock, targets: targets)
    let system = try await TestSystem(first)
    targets.hold("web")
    let id = try await system.start()
    try await eventually("The command is waited for") { targets.isHeld("web") }
    if aborting { #expect(try await system.press(id, .abort).status == 303) }
    await first.console.stop(within: .milliseconds(50))
    try first.store.close()
    try await eventually("The command is told to end") { targets.wasCancelled("web") }
    targets.letGo("web")

    let second = try await TestConsole(folder: folder, clock: clock, targets: targets)
    let next = try await TestSystem.taking(system, second)
    let state = try await next.settled(id)
    #expect(state.wasInterrupted)
    #expect(state.openFailures == [ActionID(.trust, try next.id("web"))])
    let page = try await next.browser.get("/updates/\(id)")
    #expect(page.says("Abort had been chosen when Reroot was ended") == aborting)
    #expect(try await next.decide(id, .retry).outcome == .completed)
    try await second.stop()
  }

  @Test("A certificate that was signed before the interruption is found, and no second one is signed")
  func signsOnce() async throws {
    try await withSystem { system in
      let id = try await system.start()
      try await system.settled(id)
      let web = try system.id("web")
      let signer = RootSigner(
        try await system.store.root(system.newID), store: system.store,
        threads: system.console.console.services.workThreads, modules: .none, clock: { TestClock.start })
      let order = IssueOrder(
        update: id, component: web, names: [.dns("web.example")], usage: .both, key: .ecdsaP256,
        notAfter: TestClock.start + 86_400)
      let again = try await signer.issueOnce(order)
      #expect(!again.isNew)
      let rows = try await system.store.read {
        try Int.fetchOne($0, sql: "SELECT count(*) FROM issuances WHERE component = \(web)")
      }
      #expect(rows == 1)
    }
  }

  @Test("Generate that is interrupted between signature and journal signs no second certificate")
  func interruptedGenerate() async throws {
    try await withSystem { system in
      // Nothing can be journaled once the certificates are there, so generate never ends for the console.
      try await system.store.write {
        try $0.execute(
          sql: """
            CREATE TRIGGER no_journal BEFORE INSERT ON journal WHEN NEW.sequence > 1
            BEGIN SELECT raise(ABORT, 'no room'); END
            """)
      }
      let id = try await system.start()
      func issued(_ store: Store) async throws -> [String] {
        try await store.read {
          try String.fetchAll($0, sql: "SELECT serial FROM issuances WHERE finished_at IS NOT NULL ORDER BY component")
        }
      }
      try await eventually("Both are signed") { try await issued(system.store).count == 2 }
      let serials = try await issued(system.store)
      let copy = try TemporaryFolder(copyOf: system.console.folder.path)
      let targets = FakeTargets(copyOf: system.targets)
      try await system.store.write { try $0.execute(sql: "DROP TRIGGER no_journal") }
      try await system.settled(id)
      try await DatabaseQueue(path: copy.path + "/data/reroot.sqlite").write {
        try $0.execute(sql: "DROP TRIGGER no_journal")
      }
      let console = try await TestConsole(folder: copy, clock: system.console.clock, targets: targets)
      let next = try await TestSystem.taking(system, console)
      #expect(try await next.settled(id).wasInterrupted)
      try await next.decide(id, .retry)
      #expect(try await issued(next.store) == serials)
      #expect(try await next.journal(id).contains { $0.contains("Found, signed already, serial number") })
      try await console.stop()
    }
  }

  @Test("What ended while the store could not write is written once it can, and nothing is lost or done twice")
  func fullDisk() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      try await eventually("The command is waited for") { system.targets.isHeld("web") }
      try await system.store.write {
        try $0.execute(sql: "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT raise(ABORT, 'no room'); END")
      }
      system.targets.letGo("web")
      try await eventually("The console notices") {
        system.console.log.all.contains { $0.hasPrefix("journal not written") }
      }
      #expect(try await system.browser.get("/updates/\(id)").status == 200)
      try await system.store.write { try $0.execute(sql: "DROP TRIGGER full") }
      #expect(try await system.settled(id).outcome == .completed)
      #expect(system.targets.log.count { $0 == "run web" } == 2)
      let sequences = try await system.store.journal(id, after: 0, limit: 1000).map(\.sequence)
      #expect(sequences == Array(1...sequences.count))
    }
  }
}

extension TestSystem {
  /// The same system, seen through another console.
  static func taking(_ former: TestSystem, _ console: TestConsole) async throws -> TestSystem {
    TestSystem(former, console, try await console.browser())
  }

  private init(_ former: TestSystem, _ console: TestConsole, _ browser: Browser) {
    self.console = console
    self.browser = browser
    old = former.old
    new = former.new
    newID = former.newID
    components = former.components
  }
}
