import Delivery
import PKI
import Rotation
import Store

/// The one action of a retirement: the root leaves a component's trust bundle, once nothing depends on it.
extension ActionPerformer {
  /// Looks at the whole system, takes the root out, activates, and sees that the component serves what it served.
  ///
  /// - Throws: an ``ActionError`` that says what still depends on the root; nothing has been changed then.
  func withdrawTrust(_ action: ActionID, in retiring: RetiredRoot) async throws {
    let planned = try planned(action)
    try await requireNothingDepends(on: retiring, action)
    let delivery = delivery(planned.component)
    let served = await servedNow(delivery, orElse: planned.findings.served)
    let found = try await delivery.bundleNow()
    let left = found.filter { $0.fingerprint.hex != retiring.key.fingerprint }
    // It may be out already, and not activated yet, when an interrupted action is tried again.
    if left.count < found.count {
      guard !left.isEmpty else { throw lastRoot(retiring, planned.component) }
      try await delivery.deployTrust(bundle: left)
    }
    await note(action, "The trust bundle holds \(Display.count(left.count, "root")), without “\(retiring.name)”")
    let activated = try await delivery.activate()
    await noteOutput(action, activated.output)
    try await delivery.verifyRestored([], served: served, former: activated.former)
    for served in served { await note(action, "\(served.endpoint) serves the same certificate as before") }
  }

  private func requireNothingDepends(on retiring: RetiredRoot, _ action: ActionID) async throws {
    guard let retirement else {
      throw ActionError(code: "NOT_A_RETIREMENT", sentence: "This update retires no root.")
    }
    let report = try await retirement.report()
    guard let first = report.dependencies.first else {
      return await note(
        action, "Nothing depends on “\(retiring.name)”: looked at \(Display.count(report.componentCount, "component"))")
    }
    throw ActionError(
      code: first.kind.code, sentence: report.dependencies.sentence(on: retiring.name),
      advice:
        "See to it that nothing depends on that root any more, then Retry; or Abort, which puts the trust bundles "
        + "back.")
  }

  private func lastRoot(_ retiring: RetiredRoot, _ component: Component) -> ActionError {
    ActionError(
      code: "LAST_ROOT",
      sentence: "“\(retiring.name)” is the only root in the trust bundle of “\(component.name)”, which would refuse "
        + "every peer without it. Nothing was changed there.",
      advice: "Override, and update the component, which puts the root in force into its bundle.")
  }
}

extension [Dependency] {
  /// What depends on a root, in a sentence or a few.
  func sentence(on root: String) -> String {
    let shown = prefix(3).map { "“\($0.name)”: \($0.sentence)" }.joined(separator: " ")
    let more = count > 3 ? " And \(count - 3) more." : ""
    return "“\(root)” is still needed, or may be. \(shown)\(more)"
  }
}
