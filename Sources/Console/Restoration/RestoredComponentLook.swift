import Delivery
import Foundation
import PKI
import Rotation
import Store

/// Looks at one component after a restore, and compares what is there with what the database says. The world is believed,
/// not the database.
struct RestoredComponentLook: Sendable {
  let component: Component
  let delivery: ComponentDelivery
  /// Its certificate in the current set; nil where it has none.
  let member: CertificateSet.Member?
  /// Fingerprints of what else the database would not be surprised by: what an unfinished update has issued.
  let issued: Set<String>
  /// What its endpoints served when they were last looked at before the backup.
  let sightings: [ServedCertificate]
  let roots: [RootRecord]
  let now: Date

  /// Looks once; changes nothing but what a crash has left half done.
  func look() async -> (look: RestorationLook, served: [ServedCertificate]) {
    let (findings, _) = await delivery.inspect(knownRoots: roots.map(\.certificate), now: now)
    let unseen = await unseen(findings)
    let different = await onDisk() + onTheWire(findings) + ofTheRoot(findings)
    let verdict: RestorationLook.Verdict = different.isEmpty ? (unseen.isEmpty ? .same : .unseen) : .differs
    let sentences = different + unseen
    let look = RestorationLook(
      component: component.name, verdict: verdict,
      sentences: sentences.isEmpty ? ["It is as the database says, on disk and on the wire."] : sentences,
      presents: findings.presents)
    return (look, findings.served)
  }

  /// What could not be looked at, with the reason.
  private func unseen(_ findings: Findings) async -> [String] {
    var reasons: [String] = []
    if findings.files.count < component.files.paths.count || findings.served.count < component.endpoints.count {
      reasons = findings.problems.map { "\($0.sentence) \($0.advice)" }
    }
    return reasons.isEmpty && findings.served.count < component.endpoints.count
      ? ["Not every endpoint answered with a certificate."] : reasons
  }

  private func isExpected(_ fingerprint: String) -> Bool {
    fingerprint == member?.fingerprint || issued.contains(fingerprint)
  }

  private func onDisk() async -> [String] {
    guard let member, let leaf = try? await delivery.deployedLeaf(), !isExpected(leaf.fingerprint.hex) else {
      return []
    }
    return [
      "Its files hold another certificate, “\(leaf.subject)”, serial number \(leaf.serialNumber), and not the one with "
        + "the serial number \(member.serial) that the database has for it."
    ]
  }

  private func onTheWire(_ findings: Findings) -> [String] {
    findings.served.compactMap { served in
      // Also where something else was seen before: the update that was under way may have gone on.
      guard !isExpected(served.fingerprint) else { return nil }
      if let member {
        return
          "\(served.endpoint) serves “\(served.subject)”, issued by “\(served.issuer)”, and not the certificate "
          + "with the serial number \(member.serial) that the database has for it."
      }
      guard let before = sightings.first(where: { $0.endpoint == served.endpoint }),
        before.fingerprint != served.fingerprint
      else { return nil }
      return
        "\(served.endpoint) serves “\(served.subject)”, issued by “\(served.issuer)”, and not what it served when "
        + "it was last looked at before the backup."
    }
  }

  /// A root that came into force after the backup, and one that should be there and is not.
  private func ofTheRoot(_ findings: Findings) -> [String] {
    let unused = roots.first { $0.state == .imported && RootKey($0.certificate.fingerprint.hex) == findings.presents }
    if let unused, !findings.served.allSatisfy({ isExpected($0.fingerprint) }) || findings.served.isEmpty {
      return ["Its certificate is of the root “\(unused.name)”, which the database takes for one that is not used yet."]
    }
    guard let member, let accepts = findings.accepts,
      let inForce = roots.first(where: { $0.id == member.root }),
      !accepts.contains(RootKey(inForce.certificate.fingerprint.hex))
    else { return [] }
    return ["Its trust bundle does not hold the root “\(inForce.name)”, which the database takes for the one in force."]
  }
}
