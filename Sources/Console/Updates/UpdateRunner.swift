import Delivery
import Foundation
import Logging
import Rotation
import Store

/// Performs what the state machine asks for in one update, and reports back what came of it.
///
/// Events that arrive while the store is writing wait and are written together, in one transaction.
actor UpdateRunner {
  let id: UpdateRecord.ID
  private let store: Store
  private let performer: ActionPerformer
  private let events: UpdateEvents
  private let logger: Logger
  private let worker: String
  private let whenEnded: @Sendable () async -> Void
  private var waiting: [Event] = []
  private var isWriting = false
  /// How many of those that wait are written one by one, because together they were refused.
  private var alone = 0
  private var isHalted = false
  private var hasGivenUp = false
  private var inFlight: [Attempt: Task<Void, Never>] = [:]
  private var idle: [CheckedContinuation<Void, Never>] = []

  init(
    id: UpdateRecord.ID, store: Store, performer: ActionPerformer, events: UpdateEvents, logger: Logger,
    worker: String, whenEnded: @escaping @Sendable () async -> Void
  ) {
    self.id = id
    self.store = store
    self.performer = performer
    self.events = events
    self.logger = logger
    self.worker = worker
    self.whenEnded = whenEnded
  }

  /// Writes a decision, and performs what follows from it.
  ///
  /// - Throws: ``Refusal`` when it is stale or not on offer; ``StoreError`` when it could not be written. Nothing has
  ///   changed then.
  func decide(_ decision: Decision) async throws {
    try await write([.decided(decision)])
  }

  /// Writes what a restart found, and asks.
  func interrupt(_ actions: [Event.InterruptedAction]) async throws {
    try await write([.interrupted(actions)])
  }

  /// Performs the effects of a transition that was written elsewhere, such as the start.
  func perform(_ effects: [Effect], entries: [JournalEntry]) async {
    await events.publish(entries, of: id)
    for case .perform(let action, let attempt) in effects { begin(action, attempt: attempt) }
    if effects.contains(where: { if case .finish = $0 { true } else { false } }) { await whenEnded() }
  }

  /// Lets nothing new begin and waits until the actions in flight have ended, up to a limit. Those that take longer are
  /// told to end, and the next start finds them interrupted.
  func halt(within limit: Duration) async {
    isHalted = true
    do {
      try await write([.halted])
    } catch is Refusal {
      // Nothing runs: it waits for a decision, or has ended.
    } catch {
      logger.error("halt not journaled", metadata: ["update": "\(id)", "reason": "\(error)"])
    }
    let timer = Task {
      try? await Task.sleep(for: limit)
      if !Task.isCancelled { giveUpWaiting() }
    }
    while !inFlight.isEmpty, !hasGivenUp {
      await withCheckedContinuation { idle.append($0) }
    }
    timer.cancel()
  }

  private func giveUpWaiting() {
    hasGivenUp = true
    for task in inFlight.values { task.cancel() }
    endWaiting()
  }

  private func endWaiting() {
    for continuation in idle { continuation.resume() }
    idle = []
  }

  private func write(_ batch: [Event]) async throws {
    let advance = try await store.advance(id, batch, worker: worker)
    await perform(advance.effects, entries: advance.entries)
  }

  private func begin(_ action: ActionID, attempt: Int) {
    // What was claimed and not begun is found interrupted at the next start.
    guard !isHalted else { return }
    let begun = Attempt(action: action, number: attempt)
    inFlight[begun] = Task {
      let event: Event
      do {
        try await performer.perform(action)
        event = .actionSucceeded(action, attempt: attempt)
      } catch {
        event = .actionFailed(action, attempt: attempt, Failure(describing: error))
      }
      await ended(begun, event)
    }
  }

  private func ended(_ attempt: Attempt, _ event: Event) async {
    // How it ended after it was told to says nothing of the component; the next start looks for itself.
    guard !hasGivenUp else { return }
    waiting.append(event)
    if !isWriting { await drain() }
    inFlight[attempt] = nil
    if inFlight.isEmpty { endWaiting() }
  }

  /// Writes what is waiting until nothing is. What cannot be written is kept and tried again: an action that has
  /// ended must not be forgotten because the disk is full for a moment.
  private func drain() async {
    isWriting = true
    defer { isWriting = false }
    while !waiting.isEmpty {
      let batch = Array(waiting.prefix(alone > 0 ? 1 : waiting.count))
      waiting.removeFirst(batch.count)
      alone = max(0, alone - 1)
      do {
        try await write(batch)
      } catch let refusal as Refusal {
        if batch.count > 1 {
          // One event that nobody expected must not take the others with it.
          waiting = batch + waiting
          alone = batch.count
        } else {
          logger.error("event refused", metadata: ["update": "\(id)", "reason": "\(refusal)"])
        }
      } catch {
        logger.error("journal not written", metadata: ["update": "\(id)", "reason": "\(error)"])
        waiting = batch + waiting
        guard !isHalted else { return }
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }

  private struct Attempt: Hashable {
    let action: ActionID
    let number: Int
  }
}
