import Delivery
import Foundation
import PKI
import Rotation
import Store

/// Carries out the single actions of one update: what each kind of action really does.
struct ActionPerformer: Sendable {
  let update: UpdateRecord
  let plan: Plan
  /// The places of the plan's components, by their numbers.
  let places: [Component.ID: Int]
  let store: Store
  let signer: RootSigner
  let inForce: RootsInForce
  let access: @Sendable (Component) -> TargetAccess
  let https: HTTPSKeeper
  /// Looks for what depends on the root of a retirement; nil for every other update.
  let retirement: RetirementGuard?
  /// How long an action may take beyond what its component's settings allow.
  let reserve: Duration
  let clock: @Sendable () -> Date
  /// What is known of those that wait to be verified.
  let underway = UnderwayComponents()
  /// Says in words what is being observed; journaled.
  let note: @Sendable (ActionID, String) async -> Void

  /// Carries out an action.
  ///
  /// - Parameter settles: called once what it was to bring about was seen, and is only watched for a while to see that it
  ///   lasts; not called by actions that are not watched.
  /// - Throws: why it failed, as ``Failure(describing:)`` reads it.
  func perform(_ action: ActionID, settles: @escaping @Sendable () -> Void) async throws {
    switch action.kind {
    case .generate: try await generate(action)
    case .trust: try await trust(action, settles)
    case .deploy: try await deploy(action)
    case .activate: try await activate(action)
    case .verify: try await verify(action, settles)
    case .https: try await exchangeHTTPS(action)
    case .restore: try await restore(action, roles: FileLayout.Role.identity, settles)
    case .restoreTrust: try await restore(action, roles: FileLayout.Role.trust, settles)
    case .restoreHTTPS: try await restoreHTTPS(action)
    }
  }

  /// The component of an action; nil for the console's own, and for one that the plan does not hold.
  func found(_ action: ActionID) -> PlannedComponent? {
    action.component.flatMap { places[$0] }.map { plan.components[$0] }
  }

  func planned(_ action: ActionID) throws -> PlannedComponent {
    guard let planned = found(action) else {
      throw ActionError(code: "NO_COMPONENT", sentence: "The plan does not hold the component of \(action).")
    }
    return planned
  }

  /// What people call the component of an action; nil for the console's own.
  func name(of action: ActionID) -> String? {
    found(action)?.component.name
  }

  func delivery(_ component: Component) -> ComponentDelivery {
    ComponentDelivery(component: component, access: access(component), now: clock)
  }

  // MARK: Forward

  private func generate(_ action: ActionID) async throws {
    let component = try planned(action).component
    try requireClock()
    // What was deployed before is not what is to be verified.
    _ = underway.take(component.id)
    let (issued, isNew) =
      component.keepsKey
      ? try await issueOnceForKeptKey(component) : try await signer.issueOnce(order(component))
    await note(
      action,
      "\(isNew ? "Signed" : "Found, signed already,") serial number \(issued.serialNumber), valid until "
        + "\(Display.moment(issued.notAfter)), and checked it")
  }

  /// Throws once the clock was set back to before the plan was made: certificates end at a date of the plan, so they
  /// would be valid for longer than was chosen.
  private func requireClock() throws {
    let now = clock()
    guard plan.madeAt.timeIntervalSince(now) >= ClockCheck.tolerance else { return }
    throw ActionError(
      code: "CLOCK_SET_BACK",
      sentence: "By this machine's clock it is \(Display.moment(now)), but this update was planned at "
        + "\(Display.moment(plan.madeAt)): the clock was set back since, and no certificate is signed by it.",
      advice: "Set the clock right, then Retry. If it is right now, Abort and make a new plan.")
  }

  private func trust(_ action: ActionID, _ settles: @escaping @Sendable () -> Void) async throws {
    if let retiring = plan.retires { return try await withdrawTrust(action, in: retiring) }
    let planned = try planned(action)
    let delivery = delivery(planned.component)
    let served = await servedNow(delivery, orElse: planned.findings.served)
    let bundle = try await inForce.bundle(adding: delivery.bundleNow())
    try await delivery.deployTrust(bundle: bundle)
    await note(action, "The trust bundle holds \(Display.count(bundle.count, "root"))")
    let activated = try await delivery.activate()
    await noteOutput(action, activated.output)
    let former = activated.former
    // Beside the look whether it came back, since each settles for a while. That it did not is told first, and ends both.
    let first = FirstSight(of: 2, whenSeen: settles)
    async let proof: Void = proveTrust(action, planned, delivery, former, whenSeen: first.look())
    // After Continue Update the component may have its new files already, which this activation makes it load.
    if let issued = try await store.newestIssued(update.id, component: planned.id),
      try await delivery.deployedLeaf() == issued.certificate
    {
      _ = try await delivery.verify(
        expected: issued.certificate, root: signer.root, previous: nil, former: former, whenSeen: first.look())
    } else {
      // A component that does not come back with its certificate must stop the update here, not at its deployment.
      try await delivery.verifyRestored([], served: served, former: former, whenSeen: first.look())
    }
    try await proof
  }

  /// For how long former workers of a server that reloads may answer, usually.
  private static let formerWorkers = Duration.milliseconds(100)

  /// Shows that the component accepts the new root, not only that its bundle holds it.
  private func proveTrust(
    _ action: ActionID, _ planned: PlannedComponent, _ delivery: ComponentDelivery, _ former: FormerWorkers?,
    whenSeen: @escaping @Sendable () -> Void
  ) async throws {
    let component = planned.component
    guard component.usage.isServer, !component.endpoints.isEmpty, component.files.trustFile != nil else {
      return whenSeen()
    }
    let identity: Identity
    do {
      identity = try await signer.proofIdentity(
        names: component.names.map(\.alternativeName), algorithm: component.key)
    } catch let error as PKIError {
      whenSeen()
      return await note(action, "That it accepts the new root could not be shown: \(error.sentence)")
    }
    // Former workers, which refuse the new root, are gone by then mostly; and a server may count whom it has refused.
    if let former { await former.waitAtFirst() } else { try await Task.sleep(for: Self.formerWorkers) }
    try Task.checkCancellation()
    let seen = try await delivery.proveTrust(
      in: signer.root, with: identity, evidence: planned.findings.trustEvidence,
      hasNamesake: planned.findings.namesakes?.isEmpty == false, former: former, whenSeen: whenSeen)
    for sentence in seen { await note(action, sentence) }
    guard seen.isEmpty else { return }
    whenSeen()
    await note(action, "That it accepts the new root cannot be seen on the wire")
  }

  /// What each endpoint serves at this moment; for one that does not answer, what it served when the plan was made.
  func servedNow(_ delivery: ComponentDelivery, orElse planned: [ServedCertificate]) async
    -> [ServedCertificate]
  {
    await delivery.look().compactMap { endpoint, result in
      (try? result.get()) ?? planned.first { $0.endpoint == endpoint.address }
    }
  }

  private func deploy(_ action: ActionID) async throws {
    let planned = try planned(action)
    let component = planned.component
    let issued = try await issuedChild(action)
    let delivery = delivery(component)
    var bundle: [Certificate]?
    if planned.changesTrust { bundle = try await inForce.bundle(adding: delivery.bundleNow()) }
    if component.keepsKey { return try await deployKeptKey(action, planned, bundle: bundle) }
    guard let key = issued.key else {
      throw ActionError(
        code: "NO_KEY", sentence: "The key of this component's new certificate is not in Reroot's database.",
        advice: "Abort and make a new plan.")
    }
    underway.keep(try await delivery.deploy(chain: [issued.certificate], key: key, bundle: bundle), of: planned.id)
  }

  private func activate(_ action: ActionID) async throws {
    let planned = try planned(action)
    let delivery = delivery(planned.component)
    let activated = try await delivery.activate()
    await noteOutput(action, activated.output)
    underway.keep(activated.former, of: planned.id)
  }

  private func verify(_ action: ActionID, _ settles: @escaping @Sendable () -> Void) async throws {
    let planned = try planned(action)
    let known = underway.take(planned.id)
    let deployed = known?.deployed
    let expected = if let deployed { deployed.certificate } else { try await issuedChild(action).certificate }
    let seen = try await delivery(planned.component).verify(
      expected: expected, root: signer.root,
      previous: planned.findings.served.first.flatMap { Fingerprint(hex: $0.fingerprint) }, deployed: deployed,
      former: known?.former, whenSeen: settles)
    try await store.recordSightings(planned.id, seen)
    for served in seen { await note(action, "\(served.endpoint) serves the new certificate") }
  }

  private func exchangeHTTPS(_ action: ActionID) async throws {
    try requireClock()
    let leaf = try await https.exchange(plan.https, for: update.id, signer: signer, notAfter: plan.childNotAfter)
    await note(action, "The console was seen to serve “\(leaf.subject)”, serial number \(leaf.serialNumber)")
  }

  // MARK: Backward

  private func restore(
    _ action: ActionID, roles: Set<FileLayout.Role>, _ settles: @escaping @Sendable () -> Void
  ) async throws {
    let planned = try planned(action)
    let kept = try await store.keptFiles(update.id, component: planned.id)
      .map { SnapshotFile(file: $0.file, content: $0.content) }
    for (role, path) in planned.component.files.paths where roles.contains(role) {
      guard kept.contains(where: { $0.file.path == path }) else {
        throw ActionError(
          code: "NOTHING_KEPT", sentence: "What \(path) held before the update was not kept, so it cannot be put back.",
          advice: "Put the file back from a backup of the machine, then Override.")
      }
    }
    let delivery = delivery(planned.component)
    try await delivery.restore(kept, roles: roles)
    await note(action, "The previous files are back, byte for byte")
    let activated = try await delivery.activate(despiteCheck: true)
    await noteOutput(action, activated.output)
    try await delivery.verifyRestored(
      kept.filter { roles.contains($0.file.role) }, served: planned.findings.served, former: activated.former,
      whenSeen: settles)
    let seen = await delivery.look().compactMap { try? $0.1.get() }
    try await store.recordSightings(planned.id, seen)
    for served in seen {
      await note(
        action,
        "\(served.endpoint) \(plan.retires == nil ? "serves its previous certificate" : "serves the same certificate as before")"
      )
    }
  }

  private func restoreHTTPS(_ action: ActionID) async throws {
    let leaf = try await https.restore(before: update.id)
    await note(action, "The console was seen to serve “\(leaf.subject)”, serial number \(leaf.serialNumber)")
  }

  // MARK: What the actions share

  private func issuedChild(_ action: ActionID) async throws -> (certificate: Certificate, key: SecretBytes?) {
    guard let issued = try await store.newestIssued(update.id, component: action.component) else {
      throw ActionError(code: "NO_CERTIFICATE", sentence: "No certificate has been generated for this component.")
    }
    return issued
  }

  func noteOutput(_ action: ActionID, _ output: String) async {
    let text = output.trimmingCharacters(in: .whitespacesAndNewlines)
    if !text.isEmpty { await note(action, "Output of the activation: \(text)") }
  }
}
