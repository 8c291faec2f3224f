import Delivery
import Foundation
import Logging
import Rotation
import Store

/// The operations on updates: plan, start, decide, and find again after a restart. The pages, the API and the command
/// line all come here.
actor UpdateService {
  private let store: Store
  private let threads: WorkThreads
  private let access: @Sendable (Component) -> TargetAccess
  private let https: HTTPSKeeper
  private let clock: @Sendable () -> Date
  private let logger: Logger
  /// Names this process in the claims of actions.
  private let worker: String
  private var runners: [UpdateRecord.ID: UpdateRunner] = [:]
  private var isHalting = false

  /// The live progress of the updates.
  nonisolated let events: UpdateEvents

  init(
    store: Store, threads: WorkThreads, access: @escaping @Sendable (Component) -> TargetAccess, https: HTTPSKeeper,
    events: UpdateEvents, clock: @escaping @Sendable () -> Date, logger: Logger
  ) {
    self.store = store
    self.threads = threads
    self.access = access
    self.https = https
    self.events = events
    self.clock = clock
    self.logger = logger
    worker = "\(ProcessInfo.processInfo.hostName)/\(ProcessInfo.processInfo.processIdentifier)"
  }

  /// Makes a plan from an administrator's choices. Nothing is changed by it.
  func plan(_ choices: UpdateChoices) async throws -> Plan.ID {
    try await planner().makePlan(choices)
  }

  /// Starts a planned update.
  ///
  /// - Parameter acceptsProblems: whether the administrator chose to start in spite of the problems found.
  /// - Throws: ``UpdateRefusal`` when the plan does not allow it, ``StoreError`` when another update runs.
  func start(_ id: Plan.ID, acceptsProblems: Bool, by user: String) async throws -> UpdateRecord.ID {
    guard !isHalting else { throw UpdateRefusal.halting }
    let plan = try await store.plan(id)
    guard !plan.isBlocked else { throw UpdateRefusal.blocked }
    guard plan.allProblems.isEmpty || acceptsProblems else { throw UpdateRefusal.problemsNotAccepted }
    let changed = try await planner().changedFiles(since: plan)
    guard changed.isEmpty else { throw UpdateRefusal.outdated(changed) }
    let started = try await store.startUpdate(
      plan: id, course: plan.course(parallel: planner().parallel), by: user, worker: worker)
    logger.info("update started", metadata: ["update": "\(started.id)", "by": "\(user)", "root": "\(plan.root.name)"])
    let runner = try await runner(of: started.id)
    await runner.perform(started.advance.effects, entries: started.advance.entries)
    return started.id
  }

  /// Takes an administrator's decision.
  ///
  /// - Throws: ``Refusal`` when it answers an earlier question or is not on offer; nothing has changed then.
  func decide(_ update: UpdateRecord.ID, _ decision: Decision) async throws {
    guard !isHalting else { throw UpdateRefusal.halting }
    let state = try await store.state(update)
    if state.outcome != nil, try await store.updates().first?.id != update { throw UpdateRefusal.notTheLatest }
    try await runner(of: update).decide(decision)
    logger.info(
      "decided", metadata: ["update": "\(update)", "decision": "\(decision.kind.rawValue)", "by": "\(decision.by)"])
  }

  /// Finds an update that was under way when the program ended, looks at what it left, and asks.
  func resume() async throws {
    guard let record = try await store.unfinishedUpdate() else { return }
    let state = try await store.state(record.id)
    guard state.standing == .running || state.standing == .stopping else { return }
    let plan = try await store.plan(record.plan)
    var found: [Event.InterruptedAction] = []
    for action in state.actionsInFlight.keys.sorted(by: { "\($0)" < "\($1)" }) {
      let look = InterruptionLook(
        update: record.id, plan: plan, store: store, threads: threads, access: access, clock: clock)
      found.append(Event.InterruptedAction(action: action, failure: await look.failure(of: action)))
    }
    logger.warning(
      "update found interrupted", metadata: ["update": "\(record.id)", "actions": "\(found.count)"])
    try await runner(of: record.id).interrupt(found)
  }

  /// Lets nothing new begin and waits for the actions in flight. What is left is found again at the next start.
  func halt() async {
    isHalting = true
    for runner in runners.values { await runner.halt() }
  }

  private func planner() async throws -> Planner {
    Planner(
      store: store, threads: threads, access: access, clock: clock,
      parallel: try await store.parallelComponents())
  }

  private func runner(of id: UpdateRecord.ID) async throws -> UpdateRunner {
    if let runner = runners[id] { return runner }
    let record = try await store.update(id)
    let plan = try await store.plan(record.plan)
    let signer = try await RootSigner(
      record: store.root(record.root), store: store, threads: threads, clock: clock)
    // Another call may have made it while this one waited.
    if let runner = runners[id] { return runner }
    let (store, events) = (store, events)
    let performer = ActionPerformer(
      update: record, plan: plan, store: store, threads: threads, access: access, https: https, signer: signer,
      clock: clock
    ) { action, text in
      if let entry = try? await store.note(id, action: action, text: text) { await events.publish([entry], of: id) }
    }
    let runner = UpdateRunner(
      id: id, store: store, performer: performer, events: events, logger: logger, worker: worker)
    runners[id] = runner
    return runner
  }
}

/// Why an update is not started, or a decision not taken, in words for a person.
enum UpdateRefusal: Error, Sendable, Equatable {
  /// A problem forbids the start.
  case blocked
  /// Problems were found and not accepted.
  case problemsNotAccepted
  /// Files have changed since the plan was made.
  case outdated([String])
  /// A later update has been started since.
  case notTheLatest
  /// The program is being ended.
  case halting

  /// What is wrong and what to do.
  var sentence: String {
    switch self {
    case .blocked: "This update cannot start: the plan names a problem that must be solved first. Make a new plan then."
    case .problemsNotAccepted:
      "The plan names problems. Tick the box that says that you want to start all the same, or solve them and make a "
        + "new plan."
    case .outdated(let paths):
      "Files have changed since the plan was made: \(paths.prefix(5).joined(separator: ", "))"
        + "\(paths.count > 5 ? " and \(paths.count - 5) more" : ""). Make a new plan."
    case .notTheLatest: "A later update has been started since; this one cannot be changed any more."
    case .halting: "Reroot is being ended. Try again when it runs again."
    }
  }
}
