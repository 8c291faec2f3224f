import Delivery
import Foundation
import PKI
import Rotation
import Store

/// Looks at what an action left behind that was in flight when the program ended. The world is believed, not the
/// journal.
struct InterruptionLook: Sendable {
  let update: UpdateRecord.ID
  let plan: Plan
  let store: Store
  let access: @Sendable (Component) -> TargetAccess
  let https: HTTPSKeeper
  let clock: @Sendable () -> Date

  /// For how long one is looked at, at most.
  private static let limit = Duration.seconds(60)

  /// Looks at what every one of the actions left, all at once, in the order of the actions. What could not be seen in
  /// time, or before the task was cancelled because somebody wants to decide, is said to be so.
  func interruptions(_ actions: [ActionID]) async -> [Event.InterruptedAction] {
    await withTaskGroup(of: (Int, Event.InterruptedAction).self) { group in
      for (index, action) in actions.enumerated() {
        group.addTask { (index, Event.InterruptedAction(action: action, failure: await failureInTime(of: action))) }
      }
      return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  private func failureInTime(of action: ActionID) async -> Failure {
    await Self.inTime(orElse: Self.unseen) { await failure(of: action) }
  }

  /// What a look finds, or something else where its time is over or its task is cancelled first.
  static func inTime<Found: Sendable>(orElse other: Found, _ look: @escaping @Sendable () async -> Found) async -> Found
  {
    let answer = FirstAnswer<Found>()
    let work = Task { answer.give(.success(await look())) }
    let timer = Task {
      try? await Task.sleep(for: limit)
      if !Task.isCancelled { answer.give(.success(other)) }
    }
    defer {
      work.cancel()
      timer.cancel()
    }
    let found = try? await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { answer.wait($0) }
    } onCancel: {
      answer.give(.success(other))
    }
    return found ?? other
  }

  private static let unseen = interruption(
    ["What it has left could not be seen in time, because its target or its endpoint does not answer."])

  private static func interruption(_ sentences: [String]) -> Failure {
    Failure(
      code: "INTERRUPTED",
      sentence: (["Reroot was ended in the middle of this action."] + sentences).joined(separator: " "),
      advice: "Retry carries it out again from the beginning, which does no harm if it was finished.",
      isInterruption: true)
  }

  /// The action as a failure awaiting a decision, saying what is on disk and what is on the wire.
  func failure(of action: ActionID) async -> Failure {
    var sentences: [String] = []
    if let planned = plan.components.first(where: { $0.id == action.component }) {
      sentences += await look(at: planned)
    } else if action.component == nil {
      sentences.append("The console serves “\(https.current.chain.first?.subject ?? "no certificate")” now.")
    }
    return Self.interruption(sentences)
  }

  private func look(at planned: PlannedComponent) async -> [String] {
    let delivery = ComponentDelivery(component: planned.component, access: access(planned.component), now: clock)
    let known = (try? await store.roots().map(\.certificate)) ?? []
    let (findings, _) = await delivery.inspect(knownRoots: known, now: clock())
    do {
      try await store.recordSightings(planned.id, findings.served)
      let issued = try await store.newestIssued(update, component: planned.id)
      return [
        await onDisk(findings, planned, delivery, issued?.certificate), inTheBundle(findings),
        onTheWire(findings, planned, issued?.certificate.fingerprint.hex),
      ].compactMap { $0 }
    } catch {
      return ["What it was to get could not be read from the database: \(Failure(describing: error).sentence)"]
    }
  }

  private func onDisk(
    _ findings: Findings, _ planned: PlannedComponent, _ delivery: ComponentDelivery, _ new: Certificate?
  ) async -> String? {
    let identity = findings.files.filter { !$0.role.isTrust }
    guard !identity.isEmpty else { return nil }
    if identity.allSatisfy({ planned.findings.files.contains($0) }) {
      return "On disk it has its previous certificate and key."
    }
    if let new, (try? await delivery.requireFiles(new)) != nil { return "On disk it has its new certificate and key." }
    return "On disk it has other files than before the update."
  }

  /// With a retirement it is the bundle that tells how far the action came.
  private func inTheBundle(_ findings: Findings) -> String? {
    guard let retires = plan.retires, let accepts = findings.accepts else { return nil }
    return accepts.contains(retires.key)
      ? "Its trust bundle still holds “\(retires.name)”." : "Its trust bundle does not hold “\(retires.name)” any more."
  }

  private func onTheWire(_ findings: Findings, _ planned: PlannedComponent, _ new: String?) -> String? {
    guard !planned.component.endpoints.isEmpty else { return nil }
    let served = Set(findings.served.map(\.fingerprint))
    if served.isEmpty { return "It does not answer with a certificate." }
    if served == [new] { return "On the wire it serves the new certificate." }
    if served.isSubset(of: planned.findings.served.map(\.fingerprint)) {
      return "On the wire it serves its previous certificate."
    }
    return "On the wire it serves a certificate that is neither the previous nor the new one."
  }
}
