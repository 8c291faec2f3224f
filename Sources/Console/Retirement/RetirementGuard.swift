import Rotation

/// Looks at the whole system before each action of a retirement. Actions that ask at the same time share a look; none
/// is answered by one that had begun before it asked.
actor RetirementGuard {
  private let look: @Sendable () async throws -> DependencyReport
  private var running: Task<DependencyReport, any Error>?
  private var upcoming: Task<DependencyReport, any Error>?
  /// How many wait for a look that has not begun.
  private(set) var askers = 0

  init(_ look: @escaping @Sendable () async throws -> DependencyReport) {
    self.look = look
  }

  /// What a look shows that begins after this was called.
  func report() async throws -> DependencyReport {
    askers += 1
    if let upcoming { return try await upcoming.value }
    let before = running
    let task = Task {
      _ = await before?.result
      begins()
      return try await look()
    }
    upcoming = task
    return try await task.value
  }

  private func begins() {
    running = upcoming
    upcoming = nil
    askers = 0
  }
}
