import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

/// A console with four components in two stages, two roots, and two administrators; it can be started again.
final class SequenceStage: @unchecked Sendable {
  // Sendable holds: one sequence at a time is played on a stage, and only its task touches it.
  private(set) var console: TestConsole
  private(set) var ada: KeptBrowser
  private(set) var bob: KeptBrowser
  let targets: FakeTargets
  let components: [Component]
  let roots: [RootRecord.ID]
  private let folder: TemporaryFolder
  private let clock = TestClock()
  private let sessions: [String]

  init() async throws {
    folder = try TemporaryFolder(inMemory: true)
    targets = FakeTargets()
    console = try await TestConsole(folder: folder, clock: clock, targets: targets)
    let system = try await TestSystem(console, names: [])
    var added: [Component] = []
    for (index, name) in ["web", "api", "broker", "worker"].enumerated() {
      try TestSystem.placeFiles(name, system.old, in: targets, number: UInt32(index))
      var component = TestSystem.component(name, stage: index / 2 + 1)
      if name == "worker" { component.files.trustBundle = nil }
      added.append(try await console.store.addComponent(component))
    }
    components = added
    let old = try #require(try await console.store.roots().first { $0.name == "Old root" })
    roots = [old.id, system.newID]
    sessions = [
      try await console.store.createSession(console.user(.administrator)),
      try await console.store.createSession(console.user(.operator)),
    ]
    ada = KeptBrowser(console, session: sessions[0])
    bob = KeptBrowser(console, session: sessions[1])
  }

  /// Ends the console as SIGTERM does, and starts another one over the same folder.
  func restart(letting go: () -> Void) async throws {
    await console.console.stop(within: .milliseconds(20))
    try console.store.close()
    go()
    console = try await TestConsole(folder: folder, clock: clock, targets: targets)
    ada = KeptBrowser(console, session: sessions[0])
    bob = KeptBrowser(console, session: sessions[1])
  }

  func stop() async throws { try await console.stop() }
}

/// A share of the sequences runs at every gate; `REROOT_SEQUENCES=10000` runs as many as are promised, `REROOT_SEED` begins
/// them elsewhere.
@Suite("Random sequences against the running server", .timeLimit(.minutes(60))) struct SequenceTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let count = environment["REROOT_SEQUENCES"].flatMap { Int($0) } ?? 250
  private static let firstSeed = environment["REROOT_SEED"].flatMap { UInt64($0) } ?? 1
  /// How many consoles are played on at once, and how many sequences each sees before another one takes its place.
  private static let stages = 2
  private static let perStage = 125

  @Test("The model of DESIGN's table and the server agree after every random sequence")
  func agree() async throws {
    let start = ContinuousClock.now
    var tally = SequenceTally()
    let all = Array(Self.firstSeed..<Self.firstSeed + UInt64(Self.count))
    let shares = stride(from: 0, to: all.count, by: Self.perStage).map {
      Array(all[$0..<min($0 + Self.perStage, all.count)])
    }
    try await withThrowingTaskGroup(of: SequenceTally.self) { group in
      var waiting = shares.makeIterator()
      for _ in 0..<Self.stages {
        if let share = waiting.next() { group.addTask { try await Self.play(share) } }
      }
      while let done = try await group.next() {
        tally.add(done)
        if let share = waiting.next() { group.addTask { try await Self.play(share) } }
      }
    }
    let seconds = Int((ContinuousClock.now - start) / .seconds(1))
    print("Random sequences, seeds \(Self.firstSeed)…\(all.last ?? 0): \(tally.line); \(seconds) s")
    for disagreement in tally.disagreements.prefix(20) { Issue.record("\(disagreement)") }
    #expect(tally.disagreements.isEmpty)
    #expect(tally.sequences == Self.count)
    #expect(tally.refusals > Self.count && tally.simultaneous > Self.count / 4 && tally.underWay > 0)
    #expect((Self.count / 10..<Self.count).contains(tally.trustKept), "some lay the trust bundles, some do not")
    #expect(tally.outcomes.count == Outcome.allCases.count, "every way to end was reached")
  }

  private static func play(_ seeds: [UInt64]) async throws -> SequenceTally {
    let stage = try await SequenceStage()
    var tally = SequenceTally()
    do {
      for seed in seeds {
        var player = SequencePlayer(seed: seed, on: stage)
        try await player.play()
        tally.add(player.tally)
      }
    } catch {
      try? await stage.stop()
      throw error
    }
    try await stage.stop()
    return tally
  }
}
