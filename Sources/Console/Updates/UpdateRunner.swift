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
  private let meter: ActionMeter
  private let unwritten: UnwrittenUpdates
  private let logger: Logger
  private let worker: String
  private let whenRetired: @Sendable (UpdateRunner) async -> Void
  private var waiting: [Event] = []
  private(set) var isWriting = false
  /// How many of those that wait are written one by one, because together they were refused.
  private var alone = 0
  private var isHalted = false
  private var hasGivenUp = false
  private(set) var inFlight: [Attempt: ActionRun] = [:]
  /// Those in flight whose end waits to be written.
  private var landing: Set<Attempt> = []
  /// What was told to end before it has begun: two transactions may be answered in another order than they were written.
  private var endedEarly: Set<Attempt> = []
  private var idle: [CheckedContinuation<Void, Never>] = []
  /// How many decisions are being taken: what they bring may be on disk, and not begun yet.
  private(set) var decisions = 0
  private(set) var ending = Ending.none
  /// Whether it takes no decision any more; another runner does.
  private var isRetired = false

  init(
    id: UpdateRecord.ID, store: Store, performer: ActionPerformer, events: UpdateEvents, meter: ActionMeter,
    unwritten: UnwrittenUpdates, logger: Logger, worker: String,
    whenRetired: @escaping @Sendable (UpdateRunner) async -> Void
  ) {
    self.id = id
    self.store = store
    self.performer = performer
    self.events = events
    self.meter = meter
    self.unwritten = unwritten
    self.logger = UpdateLog.logger(logger, of: id)
    self.worker = worker
    self.whenRetired = whenRetired
  }

  /// Writes a decision, with the consent of the second person where it is needed, and performs what follows from it.
  ///
  /// - Returns: whether it was taken; false once the update has ended and this runner is not the one to ask any more.
  /// - Throws: ``Refusal`` when it is stale or not on offer; ``StoreError`` when it could not be written. Nothing has
  ///   changed then.
  func decide(_ decision: Decision, consent: AgreementAnswer? = nil) async throws -> Bool {
    guard !isRetired else { return false }
    decisions += 1
    let result: Result<Advance, any Error>
    do {
      result = .success(try await store.advance(id, [.decided(decision)], consent: consent, worker: worker))
    } catch {
      result = .failure(error)
    }
    if case .success(let advance) = result { await perform(advance.effects, entries: advance.entries) }
    decisions -= 1
    await retire()
    _ = try result.get()
    return true
  }

  /// Writes what a restart found, and asks.
  func interrupt(_ actions: [Event.InterruptedAction]) async throws {
    try await write([.interrupted(actions)])
  }

  /// Writes that the journal is that of a backup, and asks anew.
  func journalWasRestored() async throws {
    try await write([.journalRestored])
  }

  /// Performs the effects of a transition that was written elsewhere, such as the start.
  func perform(_ effects: [Effect], entries: [JournalEntry]) async {
    await events.publish(entries, of: id)
    for effect in effects {
      switch effect {
      case .perform(let action, let attempt): begin(action, attempt: attempt)
      case .end(let action, let attempt):
        end(Attempt(action: action, number: attempt))
      case .ask(let question): logger.warning("update waits for a decision", metadata: ["question": "\(question)"])
      // Not waited for: the decision that brought the end is to be answered, whatever hangs.
      case .finish(let outcome):
        logger.notice("update ended", metadata: ["outcome": "\(outcome.rawValue)"])
        ending = .clearing
        Task { await clearAway() }
      }
    }
  }

  private func end(_ attempt: Attempt) {
    guard let run = inFlight[attempt] else {
      endedEarly.insert(attempt)
      return
    }
    run.end(.abort, after: attempt.action.kind.courtesy)
  }

  private func clearAway() async {
    await performer.clearAway()
    guard ending == .clearing else { return }
    ending = .cleared
    await retire()
  }

  /// Lets go of an update that has ended, unless a decision is taking it up again.
  private func retire() async {
    guard ending == .cleared, decisions == 0, inFlight.isEmpty, !isRetired else { return }
    isRetired = true
    await whenRetired(self)
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
      logger.error("halt not journaled", metadata: ["reason": "\(error)"])
    }
    let timer = Task {
      try? await Task.sleep(for: limit)
      if !Task.isCancelled { giveUpWaiting() }
    }
    while !inFlight.isEmpty || isWriting, !hasGivenUp {
      await withCheckedContinuation { idle.append($0) }
    }
    timer.cancel()
  }

  private func giveUpWaiting() {
    hasGivenUp = true
    for run in inFlight.values { run.end(.halt, after: .zero) }
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
    ending = .none
    let begun = Attempt(action: action, number: attempt)
    let settles: @Sendable () -> Void = { [weak self] in
      Task { [weak self] in await self?.settles(begun) }
    }
    let run = ActionRun(limit: performer.timeLimit(of: action)) { [performer] in
      try await performer.perform(action, settles: settles)
    }
    inFlight[begun] = run
    if endedEarly.remove(begun) != nil { end(begun) }
    let log = UpdateLog(logger: logger, action: action, attempt: attempt, component: performer.name(of: action))
    log.begun()
    let start = ContinuousClock.now
    Task {
      let event: Event
      do {
        try await run.outcome()
        event = .actionSucceeded(action, attempt: attempt)
      } catch {
        event = .actionFailed(action, attempt: attempt, Failure(describing: error))
      }
      let took = ContinuousClock.now - start
      meter.add(action.kind, succeeded: log.ended(event, after: took), took: took)
      await ended(begun, event)
    }
  }

  /// What the attempt was to bring about has been seen: somebody else may begin, where the update lets others be beside it.
  func settles(_ attempt: Attempt) async {
    guard (try? await store.state(id))?.course.settling != nil else { return }
    guard !hasGivenUp, inFlight[attempt] != nil, !landing.contains(attempt) else { return }
    waiting.append(.actionSettles(attempt.action, attempt: attempt.number))
    if !isWriting { await drain() }
  }

  private func ended(_ attempt: Attempt, _ event: Event) async {
    // How it ended after it was told to says nothing of the component; the next start looks for itself.
    guard !hasGivenUp else { return }
    waiting.append(event)
    landing.insert(attempt)
    if !isWriting { await drain() }
    landing.remove(attempt)
    inFlight[attempt] = nil
    if inFlight.isEmpty { endWaiting() }
  }

  /// Writes what is waiting until nothing is. What cannot be written is kept and tried again: an action that has
  /// ended must not be forgotten because the disk is full for a moment.
  private func drain() async {
    isWriting = true
    defer {
      isWriting = false
      endWaiting()
    }
    while !waiting.isEmpty {
      let batch = Array(waiting.prefix(alone > 0 ? 1 : waiting.count))
      waiting.removeFirst(batch.count)
      alone = max(0, alone - 1)
      do {
        try await write(batch)
        await tell(nil)
      } catch let refusal as Refusal {
        if batch.count > 1 {
          // One event that nobody expected must not take the others with it.
          waiting = batch + waiting
          alone = batch.count
        } else {
          logger.error("event refused", metadata: ["reason": "\(refusal)"])
          await tell(nil)
        }
      } catch {
        logger.error("journal not written", metadata: ["reason": "\(error)"])
        waiting = batch + waiting
        await tell(error)
        guard !isHalted else { return }
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }

  /// Tells whoever watches that something cannot be written, or that all is written again.
  private func tell(_ problem: (any Error)?) async {
    let reason = problem.map { Failure(describing: $0).sentence }
    if unwritten.set(reason, of: id) { await events.redraw(id) }
  }

  /// How far it is with the end of the update.
  enum Ending {
    /// It has not ended.
    case none
    /// What it has left beside the components' files is being removed.
    case clearing
    /// Nothing is left to be done.
    case cleared
  }

  /// One attempt at an action.
  struct Attempt: Hashable {
    let action: ActionID
    let number: Int
  }
}
