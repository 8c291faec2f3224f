import Delivery
import Foundation
import Logging
import PKI
import Rotation
import Store

/// What every part of an update works with.
struct UpdateSurroundings: Sendable {
  let store: Store
  let threads: WorkThreads
  let access: @Sendable (Component) -> TargetAccess
  /// Whose connections are closed at the end of a plan and of an update.
  let targets: Targets
  let https: HTTPSKeeper
  let clock: @Sendable () -> Date
  let logger: Logger
}

/// The operations on updates: plan, start, decide, and find again after a restart. Everybody who wants one comes here.
public actor UpdateService {
  private let surroundings: UpdateSurroundings
  /// Names this process in the claims of actions.
  private let worker: String
  private var runners: [UpdateRecord.ID: UpdateRunner] = [:]
  private var resumption: Task<Void, Never>?
  private var isHalting = false

  private var store: Store { surroundings.store }
  private var logger: Logger { surroundings.logger }

  /// The live progress of the updates.
  nonisolated let events: UpdateEvents

  init(_ surroundings: UpdateSurroundings, renderer: PageRenderer) {
    self.surroundings = surroundings
    let live = LiveUpdate(store: surroundings.store, renderer: renderer, clock: surroundings.clock)
    events = UpdateEvents(store: surroundings.store, logger: surroundings.logger) { try await live.draw($0, $1) }
    worker = "\(ProcessInfo.processInfo.hostName)/\(ProcessInfo.processInfo.processIdentifier)"
  }

  /// Makes a plan from an administrator's choices. Nothing is changed by it.
  func plan(_ choices: UpdateChoices) async throws -> Plan.ID {
    try await closingConnections { try await planner().makePlan(choices) }
  }

  /// Makes the plan of a retirement. Nothing is changed by it.
  ///
  /// - Throws: ``StoreError`` `NOT_FOUND` unless the root is retiring.
  func plan(retiring key: RootKey) async throws -> Plan.ID {
    let (root, kept) = try await retiring(key)
    return try await closingConnections { try await planner().makePlan(retiring: root, keeping: kept) }
  }

  /// Looks at what depends on a root that is retiring.
  func dependencies(on key: RootKey) async throws -> DependencyReport {
    let (root, kept) = try await retiring(key)
    return try await closingConnections {
      try await DependencyLook(surroundings).report(on: root.key, keeping: kept.planned.key)
    }
  }

  /// Closes the connections that nobody uses any more, however the work ends.
  private func closingConnections<Value: Sendable>(_ work: () async throws -> Value) async throws -> Value {
    let result: Result<Value, any Error>
    do {
      result = .success(try await work())
    } catch {
      result = .failure(error)
    }
    await surroundings.targets.closeIdle()
    return try result.get()
  }

  private func retiring(_ key: RootKey) async throws -> (root: RetiringRoot, kept: RootRecord) {
    guard let root = try await store.retiringRoots().first(where: { $0.key == key }),
      let set = try await store.currentSet()
    else { throw StoreError(code: "NOT_FOUND", sentence: "This root is not, or no longer, retiring.") }
    return (root, try await store.root(set.root))
  }

  /// Starts a planned update.
  ///
  /// - Parameters:
  ///   - acceptsProblems: whether the administrator chose to start in spite of the problems found.
  ///   - acceptsNamesake: whether the administrator chose a root whose name another one has that is trusted already.
  /// - Throws: ``UpdateRefusal`` when the plan does not allow it, ``StoreError`` when another update runs.
  func start(_ id: Plan.ID, acceptsProblems: Bool, acceptsNamesake: Bool, by user: String) async throws
    -> UpdateRecord.ID
  {
    try await whenResumed()
    return try await closingConnections {
      try await startNow(id, acceptsProblems: acceptsProblems, acceptsNamesake: acceptsNamesake, by: user)
    }
  }

  private func startNow(_ id: Plan.ID, acceptsProblems: Bool, acceptsNamesake: Bool, by user: String) async throws
    -> UpdateRecord.ID
  {
    let plan = try await store.plan(id)
    guard !plan.isBlocked else { throw UpdateRefusal.blocked }
    guard plan.allProblems.isEmpty || acceptsProblems else { throw UpdateRefusal.problemsNotAccepted }
    guard !plan.hasNamesake || acceptsNamesake else { throw UpdateRefusal.namesakeNotAccepted }
    let planner = try await planner()
    if let problem = try await planner.problems(of: plan.https).first {
      throw UpdateRefusal.https("\(problem.sentence) \(problem.advice)")
    }
    let (changed, unseen) = await planner.changedFiles(since: plan)
    guard changed.isEmpty else { throw UpdateRefusal.outdated(changed) }
    guard unseen.isEmpty else { throw UpdateRefusal.unseen(unseen) }
    if let retires = plan.retires {
      let found = try await dependencies(on: retires.key).dependencies
      guard found.isEmpty else { throw UpdateRefusal.needed(found.sentence(on: retires.name)) }
    }
    // Everything that can fail or take long comes before: once the start is written down somebody must carry it out.
    let root = try await store.root(RootRecord.ID(rawValue: plan.root.id))
    let inForce = rootsInForce(id, plan, root)
    let presented = await formerRoots(plan, inForce)
    guard !isHalting else { throw UpdateRefusal.halting }
    let started = try await store.startUpdate(
      plan: id, course: plan.course(parallel: planner.parallel), presented: presented, by: user, worker: worker)
    let update = started.update
    logger.notice("update started", metadata: ["update": "\(update.id)", "by": "\(user)", "root": "\(plan.root.name)"])
    // A decision may have come for it already. Nothing is waited for before its runner is known to everybody.
    let runner = runners[update.id] ?? runner(performer(update, plan, root, inForce))
    if isHalting { await runner.halt(within: .zero) }
    await runner.perform(started.advance.effects, entries: started.advance.entries)
    return update.id
  }

  /// The certificates of the roots that components present, so that one that was never imported is known while it
  /// retires. One that is missing is looked for in the kept bundles when it is wanted.
  private func formerRoots(_ plan: Plan, _ inForce: RootsInForce) async -> [Certificate] {
    guard plan.retires == nil else { return [] }
    do {
      let found = try await inForce.presented()
      let known = Set(found.map { RootKey($0.fingerprint.hex) })
      for key in Set(plan.components.compactMap(\.findings.presents)).subtracting(known) {
        logger.warning("former root not found", metadata: ["fingerprint": "\(key.fingerprint)"])
      }
      return found
    } catch {
      logger.warning("former roots not kept", metadata: ["reason": "\(error)"])
      return []
    }
  }

  /// Takes an administrator's decision.
  ///
  /// - Throws: ``Refusal`` when it answers an earlier question or is not on offer, ``StoreError`` when a later update
  ///   stands in its way; nothing has changed then.
  func decide(_ update: UpdateRecord.ID, _ decision: Decision) async throws {
    try await whenResumed()
    let runner = try await runner(of: update)
    // One that was made after the others were halted would begin actions.
    guard !isHalting else { throw UpdateRefusal.halting }
    try await runner.decide(decision)
    logger.notice(
      "decided", metadata: ["update": "\(update)", "decision": "\(decision.kind.rawValue)", "by": "\(decision.by)"])
  }

  /// Finds an update that was under way when the program ended, looks at what it left, and asks. Returns at once; who
  /// wants to decide waits until it is done.
  func resume() {
    resumption = Task {
      while !isHalting {
        do {
          return try await findInterrupted()
        } catch {
          logger.error("an interrupted update could not be taken up", metadata: ["reason": "\(error)"])
          // Nobody can decide before it is, so it is tried until it can be.
          try? await Task.sleep(for: .seconds(1))
        }
      }
    }
  }

  private func findInterrupted() async throws {
    guard let record = try await store.unfinishedUpdate() else { return }
    let state = try await store.state(record.id)
    guard state.standing == .running || state.standing == .stopping else { return }
    let look = InterruptionLook(
      update: record.id, plan: try await store.plan(record.plan), store: store, access: surroundings.access,
      https: surroundings.https, clock: surroundings.clock)
    let found = await look.interruptions(state.actionsInFlight.keys.sorted { "\($0)" < "\($1)" })
    logger.warning("update found interrupted", metadata: ["update": "\(record.id)", "actions": "\(found.count)"])
    try await runner(of: record.id).interrupt(found)
  }

  private func whenResumed() async throws {
    await resumption?.value
    guard !isHalting else { throw UpdateRefusal.halting }
  }

  /// Lets nothing new begin and waits for the actions in flight, up to a limit. What is left is found again at the next
  /// start.
  func halt(within limit: Duration) async {
    isHalting = true
    await resumption?.value
    await withTaskGroup(of: Void.self) { group in
      for runner in runners.values { group.addTask { await runner.halt(within: limit) } }
    }
  }

  private func planner() async throws -> Planner {
    Planner(surroundings, parallel: try await store.parallelComponents())
  }

  private func runner(of id: UpdateRecord.ID) async throws -> UpdateRunner {
    if let runner = runners[id] { return runner }
    let update = try await store.update(id)
    let plan = try await store.plan(update.plan)
    let root = try await store.root(update.root)
    // Another call may have made one while this one waited.
    return runners[id] ?? runner(performer(update, plan, root))
  }

  private func runner(_ performer: ActionPerformer) -> UpdateRunner {
    let id = performer.update.id
    let runner = UpdateRunner(
      id: id, store: store, performer: performer, events: events, logger: logger, worker: worker
    ) { [weak self] in await self?.forget(id) }
    runners[id] = runner
    return runner
  }

  /// With its runner an ended update lets go of the root's key. A later decision makes a new one.
  private func forget(_ id: UpdateRecord.ID) async {
    runners[id] = nil
    await surroundings.targets.closeIdle()
  }

  private func rootsInForce(_ id: Plan.ID, _ plan: Plan, _ root: RootRecord) -> RootsInForce {
    RootsInForce(planID: id, plan: plan, root: root.certificate, store: store, access: surroundings.access)
  }

  private func performer(
    _ update: UpdateRecord, _ plan: Plan, _ root: RootRecord, _ inForce: RootsInForce? = nil
  ) -> ActionPerformer {
    let (store, events, logger, id) = (store, events, logger, update.id)
    let look = DependencyLook(surroundings)
    let retirement = plan.retires.map { retires in
      RetirementGuard { try await look.report(on: retires.key, keeping: plan.root.key, patiently: true) }
    }
    return ActionPerformer(
      update: update, plan: plan, store: store,
      signer: RootSigner(root, store: store, threads: surroundings.threads, clock: surroundings.clock),
      inForce: inForce ?? rootsInForce(update.plan, plan, root),
      access: surroundings.access, https: surroundings.https, retirement: retirement, clock: surroundings.clock
    ) { action, text in
      do {
        await events.publish([try await store.note(id, action: action, text: text)], of: id)
      } catch {
        logger.error("observation not journaled", metadata: ["update": "\(id)", "reason": "\(error)"])
      }
    }
  }
}

/// Why an update is not started, or a decision not taken, in words for a person.
enum UpdateRefusal: Error, Sendable, Equatable {
  /// A problem forbids the start.
  case blocked
  /// Problems were found and not accepted.
  case problemsNotAccepted
  /// A root of the same name with another key is trusted, and the administrator has not chosen that.
  case namesakeNotAccepted
  /// What the console was to serve HTTPS with cannot be used any more.
  case https(String)
  /// Files have changed since the plan was made.
  case outdated([String])
  /// Files could not be looked at again, for these reasons.
  case unseen([String])
  /// The root that was to be retired is needed still.
  case needed(String)
  /// The program is being ended.
  case halting

  /// The status of the answer.
  var status: Int { self == .halting ? 503 : 409 }

  /// What is wrong and what to do.
  var sentence: String {
    switch self {
    case .blocked: "This update cannot start: the plan names a problem that must be solved first. Make a new plan then."
    case .problemsNotAccepted:
      "The plan names problems. Tick the box that says that you want to start all the same, or solve them and make a "
        + "new plan."
    case .namesakeNotAccepted:
      "A root of the same name with another key is trusted already. Tick the box that says that you want this one all "
        + "the same, or import a root certificate with a name of its own."
    case .https(let sentence): "\(sentence) Make a new plan."
    case .outdated(let paths):
      "Files have changed since the plan was made: \(paths.prefix(5).joined(separator: ", "))"
        + "\(paths.count > 5 ? " and \(paths.count - 5) more" : ""). Make a new plan."
    case .unseen(let reasons):
      "Whether files have changed since the plan was made cannot be seen. \(reasons.prefix(5).joined(separator: " "))"
        + "\(reasons.count > 5 ? " And \(reasons.count - 5) more." : "") Start again once that is mended."
    case .needed(let sentence): "\(sentence) Nothing was changed. See to it, then make a new plan."
    case .halting: "Reroot is being ended. Try again when it runs again."
    }
  }
}
