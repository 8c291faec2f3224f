import Rotation
import Store

/// Remembers the last look at what depends on each root: a look may take seconds, and a page says when it was.
actor DependencyDesk {
  private let store: Store
  private let updates: UpdateService
  private var reports: [RootKey: Entry] = [:]

  /// A look tells nothing any more once an update has begun or ended since.
  private struct Entry {
    let report: DependencyReport
    let update: UpdateRecord?
  }

  init(store: Store, updates: UpdateService) {
    self.store = store
    self.updates = updates
  }

  /// The last look, or a new one where there is none since the last update.
  func report(on key: RootKey) async throws -> DependencyReport {
    if let known = reports[key], known.update == (try await store.updates().first) { return known.report }
    return try await lookAgain(at: key)
  }

  /// A new look.
  @discardableResult
  func lookAgain(at key: RootKey) async throws -> DependencyReport {
    let update = try await store.updates().first
    let report = try await updates.dependencies(on: key)
    reports[key] = Entry(report: report, update: update)
    return report
  }
}
