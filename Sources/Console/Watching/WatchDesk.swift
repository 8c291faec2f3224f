import Delivery
import Foundation
import Logging
import PKI
import Rotation
import Store

/// Looks at every endpoint between updates, on a schedule and when somebody asks, and reports what differs from what Reroot
/// deployed: once when it begins to differ, and once when it does not any more.
///
/// What is known is kept in the store, so a restart neither forgets nor repeats a report. While an update runs or waits for a
/// decision nothing is looked at: what is deployed changes then, and the update looks for itself.
public actor WatchDesk {
  /// What became of a look at everything.
  enum Outcome: Sendable, Hashable {
    /// Every component with an endpoint was looked at.
    case looked(components: Int)
    /// It was not begun, or was broken off, for the reason in the sentence.
    case skipped(String)
  }

  /// How many components are looked at at once; each costs a thread that waits for its endpoint.
  private static let parallel = 64
  /// How many are written in one transaction.
  private static let batch = 200
  /// How long one sleeps before the setting is read again.
  private static let slice = Duration.seconds(30)

  let store: Store
  /// What was done since the start of the program.
  nonisolated let meter = WatchMeter()
  private let access: @Sendable (Component) -> TargetAccess
  private let restoration: RestorationDesk
  private let clock: @Sendable () -> Date
  private let timing: WatchTiming
  private let logger: Logger
  private var schedule: Task<Void, Never>?
  private var looking: Task<Outcome, any Error>?
  /// How many have joined the look that goes on.
  private(set) var joined = 0
  private var isStopped = false

  init(
    store: Store, access: @escaping @Sendable (Component) -> TargetAccess, restoration: RestorationDesk,
    clock: @escaping @Sendable () -> Date, timing: WatchTiming, logger: Logger
  ) {
    (self.store, self.access, self.restoration) = (store, access, restoration)
    (self.clock, self.timing, self.logger) = (clock, timing, logger)
  }

  /// Whether a look goes on.
  var isLooking: Bool { looking != nil }

  /// Begins the schedule.
  func begin() {
    guard timing.isScheduled else { return }
    schedule = Task { await keepLooking() }
  }

  /// Ends the schedule, and breaks off a look that goes on.
  func stop() async {
    isStopped = true
    schedule?.cancel()
    looking?.cancel()
    _ = await looking?.result
    await schedule?.value
  }

  /// Looks at everything; joins a look that goes on already.
  ///
  /// - Throws: ``StoreError``.
  func look() async throws -> Outcome {
    if let looking {
      joined += 1
      defer { joined -= 1 }
      return try await Self.outcome(of: looking)
    }
    guard !isStopped else { return .skipped("Reroot is being ended.") }
    let task = Task { try await round() }
    looking = task
    defer { looking = nil }
    return try await Self.outcome(of: task)
  }

  /// Whoever has joined a look is told of its end as whoever has begun it.
  private static func outcome(of look: Task<Outcome, any Error>) async throws -> Outcome {
    do {
      return try await look.value
    } catch is CancellationError {
      return .skipped("Reroot is being ended.")
    }
  }

  // MARK: The schedule

  private func keepLooking() async {
    var (waited, spread) = (await waitedAlready(), 0.9 + timing.jitter() / 5)
    while !Task.isCancelled {
      // A database that does not answer now is asked again.
      let minutes = (try? await minutes()) ?? 0
      let interval = Duration.seconds(minutes * 60) * spread
      if minutes > 0, waited >= interval {
        do {
          _ = try await look()
        } catch {
          logger.error("endpoints not looked at", metadata: ["reason": "\(error)"])
        }
        (waited, spread) = (.zero, 0.9 + timing.jitter() / 5)
        continue
      }
      let pause = minutes > 0 ? min(Self.slice, interval - waited) : Self.slice
      guard (try? await timing.sleep(pause)) != nil else { return }
      waited += pause
    }
  }

  /// How much of the interval has passed when the program starts: whoever starts it often is looked at all the same, and
  /// nobody at once, since a whole machine may be starting.
  private func waitedAlready() async -> Duration {
    let pause = timing.first * (1 + timing.jitter())
    guard let minutes = try? await minutes(), let state = try? await state() else { return .zero }
    let interval = Duration.seconds(minutes * 60)
    let passed = state.lastLookedAt.map { Duration.seconds(max(0, clock().timeIntervalSince($0))) } ?? interval
    return max(.zero, min(passed, interval - pause))
  }

  // MARK: A look at everything

  private func round() async throws -> Outcome {
    let start = ContinuousClock.now
    if restoration.open != nil {
      return .skipped(
        "The database was restored from a backup, and nobody has confirmed yet to have read what differs from it.")
    }
    if let reason = try await update() { return .skipped(reason) }
    let look = try await ground()
    let known = try await store.watchRecords()
    let components = try await store.components().filter { !$0.endpoints.isEmpty }.shuffled()
    for first in stride(from: 0, to: components.count, by: Self.batch) {
      if Task.isCancelled { return .skipped("Reroot is being ended.") }
      if let reason = try await update() { return .skipped(reason) }
      let batch = components[first..<min(first + Self.batch, components.count)]
      let results = try await results(Array(batch), look.at(clock()), known)
      guard !Task.isCancelled, let changes = try await store.recordWatch(results, against: look.set?.number) else {
        return .skipped("An update has begun meanwhile, so what was seen does not count.")
      }
      meter.add(looks: results.count, changes)
      tell(changes)
    }
    meter.ended(after: ContinuousClock.now - start)
    let different = try await store.differingCount()
    logger.info(
      "endpoints looked at", metadata: ["components": "\(components.count)", "different": "\(different)"])
    return .looked(components: components.count)
  }

  private func update() async throws -> String? {
    try await store.unfinishedUpdate().map {
      "Update \($0.id) is under way. It looks for itself at what it changes; the rest is looked at once it has ended."
    }
  }

  /// What everything is held against.
  private func ground() async throws -> WatchLook {
    let retired = try await store.retiredRoots()
    var known = try await store.roots().map(\.certificate) + (try await store.authorities().map(\.certificate))
    known += try await store.retiringRoots().map(\.certificate) + retired
    return WatchLook(
      set: try await store.currentSet(), retired: retired, known: known, days: try await days(), now: clock())
  }

  /// What differs from the look before is looked at once more before it is believed.
  private func results(
    _ components: [Component], _ look: WatchLook, _ known: [Component.ID: WatchRecord]
  ) async throws -> [WatchResult] {
    var results = await looks(components, look)
    let again = results.indices.filter { index in
      let before = known[results[index].component.id]?.findings ?? []
      return results[index].findings.contains { finding in !before.contains { $0.isSame(as: finding) } }
    }
    guard !again.isEmpty else { return results }
    try await timing.sleep(timing.again)
    let renewed = await looks(again.map { results[$0].component }, look.at(clock()))
    for (index, result) in zip(again, renewed) { results[index] = result }
    return results
  }

  private func looks(_ components: [Component], _ look: WatchLook) async -> [WatchResult] {
    let (access, clock) = (access, clock)
    return await ManyAtOnce.each(components, atOnce: Self.parallel) { component in
      let delivery = ComponentDelivery(component: component, access: access(component), now: clock)
      return look.judge(component, await delivery.servedChains())
    }
  }

  // MARK: What is told

  /// In the log. The entries of the audit log are written already, and notifications follow that.
  private func tell(_ changes: [WatchChange]) {
    for change in changes {
      let name = change.component.name
      for finding in change.appeared {
        logger.warning(
          "endpoint differs",
          metadata: [
            "component": "\(name)", "endpoint": "\(finding.endpoint)", "finding": "\(finding.kind.rawValue)",
            "reason": "\(finding.sentence)",
          ])
      }
      for finding in change.vanished {
        logger.notice(
          "endpoint differs no more",
          metadata: [
            "component": "\(name)", "endpoint": "\(finding.endpoint)", "finding": "\(finding.kind.rawValue)",
          ])
      }
    }
  }
}

extension WatchLook {
  /// The same at a later moment.
  fileprivate func at(_ moment: Date) -> WatchLook {
    WatchLook(set: set, retired: retired, known: known, days: days, now: moment)
  }
}
