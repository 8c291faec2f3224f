import Delivery
import Foundation
import PKI
import Rotation
import Store

/// Judges what the endpoints of a component serve by what Reroot deployed. Looks at the wire only, never at a target.
struct WatchLook: Sendable {
  /// The certificates in force; nil before the first set.
  let set: CertificateSet?
  /// The roots that have been retired.
  let retired: [Certificate]
  /// Every certificate over which a chain may lead to a root.
  let known: [Certificate]
  /// How many days before its end a certificate is said to expire.
  let days: Int
  let now: Date

  /// What one look at a component showed.
  func judge(
    _ component: Component, _ seen: [(endpoint: Endpoint, result: Result<[Certificate], DeliveryFailure>)]
  ) -> WatchResult {
    let member = set?.members[component.id]
    var (served, findings, isRight) = ([ServedCertificate](), [WatchFinding](), member != nil && !seen.isEmpty)
    for (endpoint, result) in seen {
      switch result {
      case .failure(let failure):
        isRight = false
        if let finding = finding(failure, at: endpoint, member) { findings.append(finding) }
      case .success(let chain):
        guard let leaf = chain.first else { continue }
        served.append(
          ServedCertificate(
            endpoint: endpoint.address, fingerprint: leaf.fingerprint.hex, subject: leaf.subject, issuer: leaf.issuer,
            notAfter: leaf.notAfter, seenAt: now))
        if leaf.fingerprint.hex != member?.fingerprint { isRight = false }
        findings += [another(leaf, at: endpoint, member), expiring(leaf, at: endpoint), retired(chain, at: endpoint)]
          .compactMap { $0 }
      }
    }
    return WatchResult(component: component, served: served, isRight: isRight, findings: findings, at: now)
  }

  private func finding(
    _ failure: DeliveryFailure, at endpoint: Endpoint, _ member: CertificateSet.Member?
  ) -> WatchFinding? {
    guard failure.code == "ADDRESSES_DIFFER" else {
      return WatchFinding(.noAnswer, at: endpoint.address, failure.failure.sentence)
    }
    // Of one that Reroot has given nothing, nobody knows which of them is right.
    return member == nil ? nil : WatchFinding(.anotherCertificate, at: endpoint.address, failure.failure.sentence)
  }

  private func another(
    _ leaf: Certificate, at endpoint: Endpoint, _ member: CertificateSet.Member?
  ) -> WatchFinding? {
    guard let member, leaf.fingerprint.hex != member.fingerprint else { return nil }
    return WatchFinding(
      .anotherCertificate, at: endpoint.address,
      "\(endpoint.address) serves “\(leaf.subject)”, issued by “\(leaf.issuer)”, serial number \(leaf.serialNumber), and "
        + "not the certificate with the serial number \(member.serial) that Reroot deployed.",
      fingerprint: leaf.fingerprint.hex)
  }

  private func expiring(_ leaf: Certificate, at endpoint: Endpoint) -> WatchFinding? {
    guard leaf.notAfter < now.addingTimeInterval(TimeInterval(days) * 86_400) else { return nil }
    let verb = leaf.notAfter <= now ? "has ended" : "ends"
    return WatchFinding(
      .expiring, at: endpoint.address,
      "The certificate that \(endpoint.address) serves \(verb) at \(Display.moment(leaf.notAfter)).",
      fingerprint: leaf.fingerprint.hex)
  }

  /// A chain that leads to a root that stays, too, is good for every peer.
  private func retired(_ chain: [Certificate], at endpoint: Endpoint) -> WatchFinding? {
    let roots = RootPaths.roots(of: chain, among: known)
    let gone = Dictionary(retired.map { (RootKey($0.fingerprint.hex), $0) }) { first, _ in first }
    guard let key = roots.first, let root = gone[key], roots.allSatisfy({ gone[$0] != nil }) else { return nil }
    return WatchFinding(
      .retiredRoot, at: endpoint.address,
      "The certificate that \(endpoint.address) serves leads to “\(root.subject)”, a root that was retired: peers refuse "
        + "it.", fingerprint: chain.first?.fingerprint.hex)
  }
}
