import Delivery
import Foundation
import PKI
import Rotation
import Store

/// Looks, after a restart, whether what succeeded before is still so: the targets and the wire decide, not the journal.
struct UndoneLook: Sendable {
  let update: UpdateRecord
  let plan: Plan
  /// The certificate of the update's root.
  let root: Certificate
  let store: Store
  let access: @Sendable (Component) -> TargetAccess
  let clock: @Sendable () -> Date

  /// For how long a component may not show what it had shown before, in seconds: it may be starting too, when a whole
  /// machine is.
  private static let patience = 10

  /// The actions that had succeeded and whose work is not found, with what is found instead. What cannot be looked at is
  /// noted in the journal: nobody knows then.
  func undone(_ state: UpdateState) async -> [Event.InterruptedAction] {
    let looked = Dictionary(grouping: state.undoableActions, by: \.component)
    // By their places: to copy all of them at once takes tens of megabytes where there are thousands.
    let places = plan.components.indices.filter { looked[plan.components[$0].id] != nil }
    return await ManyAtOnce.each(places, atOnce: Self.lookedAtAtOnce) { place in
      let planned = plan.components[place]
      return await undone(looked[planned.id] ?? [], at: planned)
    }.flatMap(\.self)
  }

  /// At how many components at once: a whole machine of them may be silent, each for as long as the patience lasts.
  private static let lookedAtAtOnce = 256

  private func undone(_ actions: [ActionID], at planned: PlannedComponent) async -> [Event.InterruptedAction] {
    let component = planned.component
    do {
      let access = access(component)
      _ = try await access.recover(component.files.paths.map(\.path))
      _ = try await access.states(component.files.paths.map(\.path))
    } catch {
      await note(planned, "What was done here could not be looked at: \(Failure(describing: error).sentence)")
      return []
    }
    var found: [Event.InterruptedAction] = []
    for action in actions {
      // Without its files the wire shows nothing new.
      if action.kind == .verify, found.contains(where: { $0.action.kind == .deploy }) { continue }
      do {
        try await check(action, at: planned)
      } catch {
        // A look that was broken off has seen nothing.
        guard !Task.isCancelled else { break }
        found.append(.init(action: action, failure: Self.failure(Failure(describing: error))))
      }
    }
    return found
  }

  private static func failure(_ found: Failure) -> Failure {
    Failure(
      code: "UNDONE",
      sentence: "This had succeeded before Reroot was ended, but it is not so any more. \(found.sentence)",
      advice: "\(found.advice) Retry does it again.")
  }

  /// Throws what is found otherwise.
  private func check(_ action: ActionID, at planned: PlannedComponent) async throws {
    var component = planned.component
    component.verificationTimeLimit = min(component.verificationTimeLimit, Self.patience)
    let delivery = ComponentDelivery(component: component, access: access(component), now: clock)
    switch action.kind {
    case .trust: try checkBundle(await delivery.bundleNow(), of: component)
    case .deploy: try await delivery.requireFiles(issued(to: planned))
    case .verify:
      guard !component.endpoints.isEmpty else { return }
      _ = try await delivery.verify(
        expected: issued(to: planned), root: root,
        previous: planned.findings.served.first.flatMap { Fingerprint(hex: $0.fingerprint) })
    case .restore:
      try await delivery.verifyRestored(kept(planned, FileLayout.Role.identity), served: planned.findings.served)
    case .restoreTrust: try await delivery.verifyRestored(kept(planned, FileLayout.Role.trust), served: [])
    case .generate, .activate, .https, .restoreHTTPS: return
    }
  }

  private func checkBundle(_ bundle: [Certificate], of component: Component) throws {
    let roots = Set(bundle.map { RootKey($0.fingerprint.hex) })
    if let retires = plan.retires {
      guard roots.contains(retires.key) else { return }
      throw ActionError(
        code: "UNDONE", sentence: "The trust bundle of “\(component.name)” holds “\(retires.name)” again.",
        advice: "Find out who put it back.")
    }
    guard !roots.contains(plan.root.key) else { return }
    throw ActionError(
      code: "UNDONE", sentence: "The trust bundle of “\(component.name)” does not hold “\(plan.root.name)” any more.",
      advice: "Find out which program changed it.")
  }

  private func issued(to planned: PlannedComponent) async throws -> Certificate {
    guard let issued = try await store.newestIssued(update.id, component: planned.id) else {
      throw ActionError(code: "NO_CERTIFICATE", sentence: "No certificate has been generated for this component.")
    }
    return issued.certificate
  }

  private func kept(_ planned: PlannedComponent, _ roles: Set<FileLayout.Role>) async throws -> [SnapshotFile] {
    try await store.keptFiles(update.id, component: planned.id)
      .map { SnapshotFile(file: $0.file, content: $0.content) }.filter { roles.contains($0.file.role) }
  }

  private func note(_ planned: PlannedComponent, _ text: String) async {
    // What cannot be written down is seen again at the next start.
    _ = try? await store.note(update.id, action: ActionID(.verify, planned.id), text: text)
  }
}
