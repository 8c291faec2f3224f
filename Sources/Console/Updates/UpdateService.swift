import Delivery
import Foundation
import Logging
import Rotation
import Store

/// The operations on updates: plan, start, decide, and find again after a restart. Everybody who wants one comes here.
public actor UpdateService {
  let surroundings: UpdateSurroundings
  /// Names this process in the claims of actions.
  let worker: String
  var runners: [UpdateRecord.ID: UpdateRunner] = [:]
  /// The search for an interrupted update, while it goes on.
  var resumption: Task<Void, Never>?
  /// The look at what an interrupted update has left, while it goes on.
  var look: Task<[Event.InterruptedAction], Never>?
  /// Whether somebody waits for that look, and has waited long enough.
  var isHurried = false
  /// The question that an interruption was found after, and that is not asked any more since.
  var interruptedQuestion: Int?
  var isHalting = false

  /// Makes keys while a plan is read.
  nonisolated let earlyKeys: EarlyKeyMaker

  var store: Store { surroundings.store }
  var logger: Logger { surroundings.logger }

  /// The live progress of the updates.
  nonisolated let events: UpdateEvents

  init(_ surroundings: UpdateSurroundings, renderer: PageRenderer) {
    self.surroundings = surroundings
    earlyKeys = EarlyKeyMaker(store: surroundings.store, logger: surroundings.logger)
    let live = LiveUpdate(
      store: surroundings.store, renderer: renderer, clock: surroundings.clock, unwritten: surroundings.unwritten)
    events = UpdateEvents(store: surroundings.store, logger: surroundings.logger) {
      try await live.messages($0, $1, for: $2)
    }
    worker = "\(ProcessInfo.processInfo.hostName)/\(ProcessInfo.processInfo.processIdentifier)"
  }

  /// Makes a plan from an administrator's choices. Nothing is changed by it.
  func plan(_ choices: UpdateChoices) async throws -> Plan.ID {
    let plan = try await keepingConnections { try await planner().makePlan(choices) }
    if !isHalting { await earlyKeys.begin(plan) }
    return plan
  }

  /// Makes the plan of a retirement. Nothing is changed by it.
  ///
  /// - Throws: ``StoreError`` `NOT_FOUND` unless the root is retiring.
  func plan(retiring key: RootKey) async throws -> Plan.ID {
    let (root, kept) = try await retiring(key)
    return try await keepingConnections { try await planner().makePlan(retiring: root, keeping: kept) }
  }

  /// Looks at what depends on a root that is retiring.
  func dependencies(on key: RootKey) async throws -> DependencyReport {
    let (root, kept) = try await retiring(key)
    return try await keepingConnections {
      try await DependencyLook(surroundings).report(on: root.key, keeping: kept.planned.key)
    }
  }

  /// Keeps the connections for what is likely to come next, as far as they are not too many, however the work ends.
  func keepingConnections<Value: Sendable>(_ work: () async throws -> Value) async throws -> Value {
    let result: Result<Value, any Error>
    do {
      result = .success(try await work())
    } catch {
      result = .failure(error)
    }
    await surroundings.targets.keepIdle()
    return try result.get()
  }

  private func retiring(_ key: RootKey) async throws -> (root: RetiringRoot, kept: RootRecord) {
    guard let root = try await store.retiringRoots().first(where: { $0.key == key }),
      let set = try await store.currentSet()
    else { throw StoreError(code: "NOT_FOUND", sentence: "This root is not, or no longer, retiring.") }
    return (root, try await store.root(set.root))
  }

  /// Takes an administrator's decision.
  ///
  /// - Throws: ``Refusal`` when it answers an earlier question or is not on offer, ``StoreError`` when a later update
  ///   stands in its way; nothing has changed then.
  func decide(_ update: UpdateRecord.ID, _ decision: Decision) async throws {
    var decision = decision
    if decision.kind == .abort {
      decision.question = try await whenLookedAt(abortAnswering: decision.question)
    } else {
      try await whenLookedAt()
    }
    try await deliver(decision, to: update)
    logger.notice(
      "decided", metadata: ["update": "\(update)", "decision": "\(decision.kind.rawValue)", "by": "\(decision.by)"])
  }

  /// Hands a decision to the runner of its update, with the consent of the second person where it is needed.
  func deliver(
    _ decision: Decision, consent: AgreementAnswer? = nil, to update: UpdateRecord.ID
  ) async throws {
    while true {
      let runner = try await runner(of: update)
      // One that was made after the others were halted would begin actions.
      guard !isHalting else { throw UpdateRefusal.halting }
      if try await runner.decide(decision, consent: consent) { return }
      forget(update, runner)
    }
  }

  /// From now on nothing begins, and no look at what an interrupted update has left goes on.
  func beginHalt() async {
    isHalting = true
    await earlyKeys.end()
    hurry()
  }

  /// Lets nothing new begin and waits for the actions in flight, up to a limit. What is left is found again at the next
  /// start.
  func halt(within limit: Duration) async {
    await beginHalt()
    await resumption?.value
    await withTaskGroup(of: Void.self) { group in
      for runner in runners.values { group.addTask { await runner.halt(within: limit) } }
    }
  }

  func planner() async throws -> Planner {
    Planner(surroundings, parallel: try await store.parallelComponents())
  }

  func runner(of id: UpdateRecord.ID) async throws -> UpdateRunner {
    if let runner = runners[id] { return runner }
    let update = try await store.update(id)
    let plan = try await store.plan(update.plan)
    let root = try await store.root(update.root)
    // Another call may have made one while this one waited.
    return runners[id] ?? runner(performer(update, plan, root))
  }

  func runner(_ performer: ActionPerformer) -> UpdateRunner {
    let id = performer.update.id
    let runner = UpdateRunner(
      id: id, store: store, performer: performer, events: events, meter: surroundings.meter,
      unwritten: surroundings.unwritten, logger: logger,
      worker: worker
    ) { [weak self] runner in await self?.forget(id, runner) }
    runners[id] = runner
    return runner
  }

  /// With its runner an ended update lets go of the root's key. A later decision makes a new one.
  private func forget(_ id: UpdateRecord.ID, _ runner: UpdateRunner) {
    // There may be a new one already.
    guard runners[id] === runner else { return }
    runners[id] = nil
    // Not waited for: the decision that brought the end is to be answered, whatever hangs at the other ends.
    Task { await surroundings.targets.closeIdle() }
  }

  func rootsInForce(_ id: Plan.ID, _ plan: Plan, _ root: RootRecord) -> RootsInForce {
    RootsInForce(planID: id, plan: plan, root: root.certificate, store: store, access: surroundings.access)
  }

  func performer(
    _ update: UpdateRecord, _ plan: Plan, _ root: RootRecord, _ inForce: RootsInForce? = nil
  ) -> ActionPerformer {
    let (store, events, logger, id) = (store, events, logger, update.id)
    let look = DependencyLook(surroundings)
    let retirement = plan.retires.map { retires in
      RetirementGuard { try await look.report(on: retires.key, keeping: plan.root.key, patiently: true) }
    }
    return ActionPerformer(
      update: update, plan: plan,
      places: Dictionary(
        plan.components.indices.map { (plan.components[$0].id, $0) }, uniquingKeysWith: { first, _ in first }),
      store: store,
      signer: RootSigner(
        root, store: store, threads: surroundings.threads, modules: surroundings.modules,
        clock: surroundings.clock),
      inForce: inForce ?? rootsInForce(update.plan, plan, root),
      access: surroundings.access, https: surroundings.https, retirement: retirement,
      reserve: surroundings.actionReserve, clock: surroundings.clock
    ) { action, text in
      // Not waited for: the entry of the action's end comes after it.
      store.note(id, action: action, text: text) { written in
        switch written {
        case .success(let entry): Task { await events.publish([entry], of: id) }
        case .failure(let error):
          logger.error("observation not journaled", metadata: ["update": "\(id)", "reason": "\(error)"])
        }
      }
    }
  }
}
