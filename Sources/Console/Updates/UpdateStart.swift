import Delivery
import Foundation
import Logging
import PKI
import Rotation
import Store

// Starting a plan, which is only done when everything is as it was when the plan was made.

extension UpdateService {
  /// Starts a planned update.
  ///
  /// - Parameters:
  ///   - starter: who starts it, and with the setting “Second person” has asked for the agreement.
  ///   - acceptsProblems: whether the administrator chose to start in spite of the problems found.
  ///   - acceptsNamesake: whether the administrator chose a root whose name another one has that is trusted already.
  /// - Throws: ``UpdateRefusal`` when the plan does not allow it, ``StoreError`` when another update runs.
  func start(
    _ id: Plan.ID, acceptsProblems: Bool, acceptsNamesake: Bool, by user: String, starter: UserRecord.ID? = nil
  ) async throws -> UpdateRecord.ID {
    try await whenResumed()
    return try await keepingConnections {
      let (plan, planner) = try await startable(id, acceptsProblems, acceptsNamesake)
      return try await startNow(id, plan, planner, by: user, starter: starter)
    }
  }

  /// A plan that may start as things are now. What has changed since it was made makes an agreement to it void.
  func startable(
    _ id: Plan.ID, _ acceptsProblems: Bool, _ acceptsNamesake: Bool
  ) async throws -> (Plan, Planner) {
    // First, since an update that runs changes what a plan was made of.
    try await store.checkStart(of: id)
    let plan = try await store.plan(id)
    guard !plan.isBlocked else { throw UpdateRefusal.blocked }
    guard plan.allProblems.isEmpty || acceptsProblems else { throw UpdateRefusal.problemsNotAccepted }
    guard !plan.hasNamesake || acceptsNamesake else { throw UpdateRefusal.namesakeNotAccepted }
    // What ends at a date of the plan would be valid for longer, or shorter, than was chosen.
    guard plan.madeAt.timeIntervalSince(surroundings.clock()) < ClockCheck.tolerance else { throw UpdateRefusal.clock }
    let planner = try await planner()
    if let problem = try await planner.problems(of: plan.https).first {
      throw UpdateRefusal.https("\(problem.sentence) \(problem.advice)")
    }
    let (changed, unseen) = await planner.changedFiles(since: plan)
    guard changed.isEmpty else {
      try await store.voidAgreements(on: id)
      throw UpdateRefusal.outdated(changed)
    }
    guard unseen.isEmpty else { throw UpdateRefusal.unseen(unseen) }
    if let retires = plan.retires {
      let found = try await dependencies(on: retires.key).dependencies
      guard found.isEmpty else { throw UpdateRefusal.needed(found.sentence(on: retires.name)) }
    }
    return (plan, planner)
  }

  private func startNow(
    _ id: Plan.ID, _ plan: Plan, _ planner: Planner, by user: String, starter: UserRecord.ID?
  ) async throws -> UpdateRecord.ID {
    // Everything that can fail or take long comes before: once the start is written down somebody must carry it out.
    let root = try await store.root(RootRecord.ID(rawValue: plan.root.id))
    let inForce = rootsInForce(id, plan, root)
    let presented = await formerRoots(plan, inForce)
    guard !isHalting else { throw UpdateRefusal.halting }
    let started = try await store.startUpdate(
      plan: id, course: plan.course(parallel: planner.parallel), presented: presented, by: user, starter: starter,
      worker: worker)
    let update = started.update
    // What planning, and telling a program of the plan, has left.
    HeapMemory.giveBack()
    logger.notice("update started", metadata: ["update": "\(update.id)", "by": "\(user)", "root": "\(plan.root.name)"])
    // A decision may have come for it already. Nothing is waited for before its runner is known to everybody.
    let runner = runners[update.id] ?? runner(performer(update, plan, root, inForce))
    if isHalting { await runner.halt(within: .zero) }
    await runner.perform(started.advance.effects, entries: started.advance.entries)
    await earlyKeys.end()
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
}
