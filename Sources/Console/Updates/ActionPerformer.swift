import Delivery
import Foundation
import PKI
import Rotation
import Store

/// Carries out the single actions of one update: what each kind of action really does.
struct ActionPerformer: Sendable {
  let update: UpdateRecord
  let plan: Plan
  let store: Store
  let threads: WorkThreads
  let access: @Sendable (Component) -> TargetAccess
  let https: HTTPSKeeper
  let signer: RootSigner
  let clock: @Sendable () -> Date
  /// Says in words what is being observed; journaled.
  let note: @Sendable (ActionID, String) async -> Void

  /// Carries out an action.
  ///
  /// - Throws: why it failed, as ``Failure(describing:)`` reads it.
  func perform(_ action: ActionID) async throws {
    switch action.kind {
    case .generate: try await generate(action)
    case .trust: try await trust(action)
    case .deploy: try await deploy(action)
    case .activate: try await activate(action)
    case .verify: try await verify(action)
    case .https: try await exchangeHTTPS(action)
    case .restore: try await restore(action, roles: [.certificateChain, .key, .combined])
    case .restoreTrust: try await restore(action, roles: [.trustBundle])
    case .restoreHTTPS: try await restoreHTTPS()
    }
  }

  private func planned(_ action: ActionID) throws -> PlannedComponent {
    guard let id = action.component, let planned = plan.components.first(where: { $0.id == id }) else {
      throw ActionError(code: "NO_COMPONENT", sentence: "The plan does not hold the component of \(action).")
    }
    return planned
  }

  private func delivery(_ component: Component) -> ComponentDelivery {
    ComponentDelivery(component: component, access: access(component), threads: threads)
  }

  // MARK: Forward

  private func generate(_ action: ActionID) async throws {
    let component = try planned(action).component
    let issued = try await signer.issue(
      IssueOrder(
        update: update.id, component: component.id, names: component.names.map(\.alternativeName),
        usage: component.usage.certificateUsage, key: component.key.algorithm, notAfter: plan.childNotAfter))
    await note(
      action,
      "Signed serial \(issued.serialNumber), valid until \(issued.notAfter.formatted(.iso8601)), and checked it")
  }

  private func trust(_ action: ActionID) async throws {
    let planned = try planned(action)
    let delivery = delivery(planned.component)
    let bundle = try await roots(with: delivery.bundleNow())
    try await delivery.deployTrust(bundle: bundle)
    await note(action, "The trust bundle holds \(bundle.count) roots")
    try await noteOutput(action, delivery.activate())
    // A component that does not come back with its certificate must stop the update here, not at its deployment.
    try await delivery.verifyRestored(
      keptFiles(action).filter { $0.file.role != .trustBundle }, served: planned.findings.served)
  }

  private func deploy(_ action: ActionID) async throws {
    let component = try planned(action).component
    let issued = try await issuedChild(action)
    let delivery = delivery(component)
    var bundle: [Certificate]?
    if component.files.trustBundle != nil { bundle = try await roots(with: delivery.bundleNow()) }
    try await delivery.deploy(chain: [issued.certificate], key: issued.key, bundle: bundle)
  }

  private func activate(_ action: ActionID) async throws {
    try await noteOutput(action, delivery(planned(action).component).activate())
  }

  private func verify(_ action: ActionID) async throws {
    let planned = try planned(action)
    let issued = try await issuedChild(action)
    let seen = try await delivery(planned.component).verify(
      expected: issued.certificate, root: signer.root,
      previous: planned.findings.served.first.flatMap { Fingerprint(hex: $0.fingerprint) })
    try await store.recordSightings(planned.id, seen)
    for served in seen { await note(action, "\(served.endpoint) serves the new certificate") }
  }

  private func exchangeHTTPS(_ action: ActionID) async throws {
    try await https.exchange(plan.https, update: update.id, signer: signer, notAfter: plan.childNotAfter)
    await note(action, "The console serves its new certificate")
  }

  // MARK: Backward

  private func restore(_ action: ActionID, roles: Set<FileLayout.Role>) async throws {
    let planned = try planned(action)
    let kept = try await keptFiles(action)
    let delivery = delivery(planned.component)
    try await delivery.restore(kept, roles: roles)
    await note(action, "The previous files are back, byte for byte")
    try await noteOutput(action, delivery.activate())
    try await delivery.verifyRestored(
      kept.filter { roles.contains($0.file.role) }, served: planned.findings.served)
    let seen = await delivery.look().compactMap { try? $0.1.get() }
    try await store.recordSightings(planned.id, seen)
  }

  private func restoreHTTPS() async throws {
    try await https.restore(update: update.id)
  }

  // MARK: What the actions share

  private func issuedChild(_ action: ActionID) async throws -> (certificate: Certificate, key: SecretBytes) {
    guard let issued = try await store.newestIssued(update.id, component: action.component) else {
      throw ActionError(code: "NO_CERTIFICATE", sentence: "No certificate has been generated for this component.")
    }
    return issued
  }

  private func keptFiles(_ action: ActionID) async throws -> [SnapshotFile] {
    guard let component = action.component else { return [] }
    return try await store.keptFiles(update.id, component: component)
      .map { SnapshotFile(file: $0.file, content: $0.content) }
  }

  /// The roots that a component accepts from now on: those that it accepts already, the one in force, the new one.
  private func roots(with found: [Certificate]) async throws -> [Certificate] {
    var inForce: [Certificate] = []
    if let set = try await store.currentSet(), let root = try await store.root(set.root) {
      inForce = [root.certificate]
    }
    var seen: Set<Fingerprint> = []
    return (found + inForce + [signer.root]).filter { seen.insert($0.fingerprint).inserted }
  }

  private func noteOutput(_ action: ActionID, _ output: String) async throws {
    let text = output.trimmingCharacters(in: .whitespacesAndNewlines)
    if !text.isEmpty { await note(action, "Output of the activation: \(text)") }
  }
}
