import Foundation
import PKI
import Rotation

@testable import Delivery

extension TestComponent {
  static let keptNames: [AlternativeName] = [.dns("localhost")]

  /// One whose key is made at the target and stays there.
  static func keepingItsKey() throws -> TestComponent {
    var sample = try TestComponent()
    sample.component.keyMade = .onTarget
    return sample
  }

  func delivery(over access: TargetAccess) -> ComponentDelivery {
    ComponentDelivery(component: component, access: access)
  }

  /// A certificate for a new key that waits at the target, as an update would issue it.
  func issueForKeptKey(
    _ algorithm: KeyAlgorithm = .ecdsaP256, names: [AlternativeName] = keptNames, over access: TargetAccess = .local()
  ) async throws -> Certificate {
    let signing = try await delivery(over: access).makeKey(algorithm, names: names)
    let request = ChildRequest(
      names: names, usage: .server, signing: signing, algorithm: algorithm, serialNumber: .random(),
      notBefore: .now - 3_600, notAfter: .now + 86_400)
    return try Issuer(root: authority.certificate, key: authority.root.key).sign(
      CheckedRequest(request, root: authority.certificate, now: .now))
  }

  func deployKeptKey(
    _ certificate: Certificate, _ findings: Findings, over access: TargetAccess = .local()
  ) async throws {
    try await delivery(over: access).deploy(
      chain: [certificate], bundle: [authority.certificate], previousKey: findings.files.first { $0.role == .key })
  }
}
