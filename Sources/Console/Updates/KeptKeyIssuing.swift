import Delivery
import PKI
import Rotation
import Store

/// Certificates for components that keep their keys: only a signing request comes here.
extension ActionPerformer {
  /// What is to be issued to a component.
  func order(_ component: Component) -> IssueOrder {
    IssueOrder(
      update: update.id, component: component.id, names: component.names.map(\.alternativeName),
      usage: component.usage.certificateUsage, key: component.key.algorithm, notAfter: plan.childNotAfter)
  }

  /// The certificate that was issued in this update, where its key is still at the target; otherwise a new one, for a key
  /// that is made there now.
  func issueOnceForKeptKey(_ component: Component) async throws -> (certificate: Certificate, isNew: Bool) {
    let delivery = delivery(component)
    if let issued = try await store.newestIssued(update.id, component: component.id),
      try await delivery.hasKey(of: issued.certificate)
    {
      return (issued.certificate, false)
    }
    let order = order(component)
    // What cannot be signed is found out before a key is made for it.
    try await signer.check()
    let signing = try await delivery.makeKey(order.key, names: order.names)
    return (try await signer.issue(order, for: signing), true)
  }

  /// Puts the key into place that was made at the target, with its certificate. Where the key has been lost since, it is
  /// made again, and its certificate with it: one without its key is of no use to anybody.
  func deployKeptKey(_ action: ActionID, _ planned: PlannedComponent, bundle: [Certificate]?) async throws {
    let (certificate, isNew) = try await issueOnceForKeptKey(planned.component)
    if isNew {
      await note(
        action,
        "The key made before was not at the target any more: it was made again, and serial number "
          + "\(certificate.serialNumber) signed for it")
    }
    try await delivery(planned.component).deploy(
      chain: [certificate], bundle: bundle, previousKey: planned.findings.files.first { $0.role == .key })
  }
}
