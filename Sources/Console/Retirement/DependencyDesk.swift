import Foundation
import Rotation
import Store

/// Remembers the last look at what depends on each root: a look may take seconds, and a page says when it was.
actor DependencyDesk {
  /// For how long a look is shown again, in seconds. Components change by other hands than Reroot's, too.
  static let lifetime: TimeInterval = 600

  private let store: Store
  private let updates: UpdateService
  private let clock: @Sendable () -> Date
  private var reports: [RootKey: Entry] = [:]

  private struct Entry {
    let report: DependencyReport
    let grounds: Grounds
  }

  /// What a look stands on: once an update has begun or ended since, or a component has been added, changed or removed, it
  /// tells nothing any more.
  private struct Grounds: Equatable {
    let update: UpdateRecord?
    let components: Set<Component>
  }

  init(store: Store, updates: UpdateService, clock: @escaping @Sendable () -> Date) {
    self.store = store
    self.updates = updates
    self.clock = clock
  }

  /// The last look; a new one where there is none that still tells something.
  func report(on key: RootKey) async throws -> DependencyReport {
    if let known = reports[key], isRecent(known.report), known.grounds == (try await grounds()) { return known.report }
    return try await lookAgain(at: key)
  }

  /// A new look.
  @discardableResult
  func lookAgain(at key: RootKey) async throws -> DependencyReport {
    let grounds = try await grounds()
    let report = try await updates.dependencies(on: key)
    reports[key] = Entry(report: report, grounds: grounds)
    return report
  }

  /// Not one of a clock that has been set back since, either.
  private func isRecent(_ report: DependencyReport) -> Bool {
    (0..<Self.lifetime).contains(clock().timeIntervalSince(report.at))
  }

  private func grounds() async throws -> Grounds {
    Grounds(update: try await store.updates(limit: 1).first, components: Set(try await store.components()))
  }
}
