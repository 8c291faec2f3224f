import Foundation
import PKI
import Rotation
import Store

/// Looks whether this machine's clock and the certificates agree.
struct ClockDesk: Sendable {
  private let store: Store
  private let https: HTTPSKeeper
  private let clock: @Sendable () -> Date
  private let startedAt: Date
  private let started: ContinuousClock.Instant

  /// Remembers the moment, by both clocks: the one that may be set, and the one that only ever goes on.
  init(store: Store, https: HTTPSKeeper, clock: @escaping @Sendable () -> Date) {
    self.store = store
    self.https = https
    self.clock = clock
    startedAt = clock()
    started = .now
  }

  /// Holds the clock against everything that is known now.
  func check() async throws -> ClockCheck {
    let now = clock()
    let passed = (ContinuousClock.now - started) / .seconds(1)
    let root = try await store.rootInForce()
    return ClockCheck(
      now: now, setBy: now.timeIntervalSince(startedAt) - passed, evidence: try await store.timeEvidence(),
      console: https.current.chain.first, root: root.map { ($0.name, $0.certificate) })
  }

  /// What the plan of an update says of it. A clock that was set and agrees with everything is no problem of a plan.
  func problems() async throws -> [Problem] {
    let check = try await check()
    let found = check.contradictions + check.endings
    guard !found.isEmpty else { return [] }
    return [
      Problem(
        code: "CLOCK_IN_DOUBT",
        sentence: "By this machine’s clock it is \(Display.moment(check.now)). "
          + ((check.jump.map { [$0] } ?? []) + found).joined(separator: " "),
        advice: "Compare the clock with one that you trust. If it is wrong, set it right and make a new plan, or the "
          + "new certificates get wrong dates. If it is right, go on.")
    ]
  }
}
