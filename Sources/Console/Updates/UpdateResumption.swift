import Logging
import Rotation
import Store

// Finding an update again that was under way when the program ended.

extension UpdateService {
  /// Finds an update that was under way when the program ended, looks at what it left, and asks. Returns at once; who
  /// wants to decide waits until it is done.
  func resume() {
    resumption = Task {
      while !isHalting {
        do {
          try await findInterrupted()
          break
        } catch {
          logger.error("an interrupted update could not be taken up", metadata: ["reason": "\(error)"])
          // Nobody can decide before it is, so it is tried until it can be.
          try? await Task.sleep(for: .seconds(1))
        }
      }
      resumption = nil
    }
  }

  private func findInterrupted() async throws {
    guard let record = try await store.unfinishedUpdate() else { return }
    let state = try await store.state(record.id)
    guard [.running, .stopping, .deciding].contains(state.standing) else { return }
    let found = try await look(at: record, state)
    // Not waited for: somebody may be waiting to decide, and a connection may hang.
    Task { await surroundings.targets.closeIdle() }
    // What was broken off has seen nothing, and the next start looks again.
    guard !isHalting else { return }
    // It asks already, and everything is as it was said to be.
    if found.isEmpty, state.standing == .deciding { return }
    logger.warning("update found interrupted", metadata: ["update": "\(record.id)", "actions": "\(found.count)"])
    try await runner(of: record.id).interrupt(found)
    interruptedQuestion = state.question
  }

  /// What an interrupted update has left, as far as it can be seen before ``hurry()``.
  private func look(at record: UpdateRecord, _ state: UpdateState) async throws -> [Event.InterruptedAction] {
    let plan = try await store.plan(record.plan)
    let look = InterruptionLook(
      update: record.id, plan: plan, store: store, access: surroundings.access, https: surroundings.https,
      clock: surroundings.clock)
    let undoneLook = UndoneLook(
      update: record, plan: plan, root: try await store.root(record.root).certificate, store: store,
      access: surroundings.access, clock: surroundings.clock)
    let looking = Task {
      async let lost = look.interruptions(state.actionsInFlight.keys.sorted { "\($0)" < "\($1)" })
      let undone = await InterruptionLook.inTime(orElse: []) { await undoneLook.undone(state) }
      return await lost + undone
    }
    self.look = looking
    defer { self.look = nil }
    // Somebody's patience may have ended while the store was still being read.
    if isHurried { looking.cancel() }
    return await looking.value
  }

  /// For how long a decision waits for the look at what an interrupted update has left.
  private static let patience = Duration.seconds(1)

  /// Waits until it is known, as far as it can be seen soon, what an interrupted update has left. An Abort that comes
  /// while that is being looked at, from a page that was drawn before, is one of the running update, and so one of the
  /// interrupted update too.
  ///
  /// - Parameter question: the question that Abort answers.
  /// - Returns: the question that it answers after the look.
  /// - Throws: ``UpdateRefusal/halting``.
  func whenLookedAt(abortAnswering question: Int) async throws -> Int {
    let isEarly = resumption != nil
    try await whenLookedAt()
    return isEarly && question == interruptedQuestion ? question + 1 : question
  }

  /// The same for what answers no question, or one that an interruption ends.
  func whenLookedAt() async throws {
    let impatience = Task {
      try? await Task.sleep(for: Self.patience)
      if !Task.isCancelled { hurry() }
    }
    defer { impatience.cancel() }
    try await whenResumed()
  }

  /// Lets the look at what an interrupted update has left end with what it has seen, now or as soon as it begins.
  func hurry() {
    isHurried = true
    look?.cancel()
  }

  /// Tells the update that was under way when a backup was made that its journal has been restored from it. It asks, and
  /// never goes on by itself.
  func journalWasRestored() async throws {
    try await whenResumed()
    guard let record = try await store.unfinishedUpdate(), try await store.state(record.id).standing == .deciding else {
      return
    }
    try await runner(of: record.id).journalWasRestored()
  }

  func whenResumed() async throws {
    await resumption?.value
    guard !isHalting else { throw UpdateRefusal.halting }
  }
}
