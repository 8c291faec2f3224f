import Delivery
import Foundation
import PKI
import Rotation
import Store

/// Puts the sample system under its first root, as an administrator of long ago would have.
struct FirstRoot: Sendable {
  let store: Store
  let fleet: SampleFleet

  /// For how long the first certificates are valid, in seconds: long enough to try updates, short enough to want one.
  private static let lifetime: TimeInterval = 60 * 86_400

  /// Makes the root, a certificate for every component with its files in place, and the list of components. Does nothing
  /// where that was done at an earlier start.
  func bringIntoForce() async throws {
    guard try await store.currentSet() == nil else { return }
    let identity = try await WorkThreads.files.run { try SampleRoots.makeFirst() }
    guard let certificate = identity.leaf else { throw SampleFailure("The first root has no certificate.") }
    let root = try await store.importRoot(
      name: SampleRoots.firstName, certificate: certificate, key: identity.key, warnings: [], by: "Reroot")
    let issuer = try Issuer(root: certificate, key: identity.key)
    var members: [Component.ID: CertificateSet.Member] = [:]
    for member in fleet.members {
      // The port is not known before the process listens; the list of samples puts it in.
      let component = try await addedComponent(member)
      let child = try await WorkThreads.files.run { try Self.child(of: issuer, for: component) }
      try await deploy(child, root: certificate, to: component)
      guard let leaf = child.leaf else { throw SampleFailure("\(component.name) got no certificate.") }
      members[component.id] = CertificateSet.Member(
        root: root, fingerprint: leaf.fingerprint.hex, serial: leaf.serialNumber, notAfter: leaf.notAfter)
    }
    try await store.recordFirstSet(root: root, members: members)
  }

  private func addedComponent(_ member: SampleMember) async throws -> Component {
    var component = member.sample.component(in: member.place, port: 1)
    component.endpoints = []
    // A start that was cut short has left some already.
    if let found = try await store.components().first(where: { $0.name == component.name }) { return found }
    return try await store.addComponent(component)
  }

  private static func child(of issuer: Issuer, for component: Component) throws -> Identity {
    let now = Date()
    let key = try PrivateKey.generate(KeyAlgorithm(rawValue: component.key.rawValue) ?? .ecdsaP256)
    let request = ChildRequest(
      names: try component.names.map { try AlternativeName(parsing: $0.text) }, usage: .both, publicKeyOf: key,
      serialNumber: .random(), notBefore: now.addingTimeInterval(-3600), notAfter: now.addingTimeInterval(lifetime))
    return Identity(chain: [try issuer.sign(CheckedRequest(request, root: issuer.root, now: now))], key: key)
  }

  private func deploy(_ child: Identity, root: Certificate, to component: Component) async throws {
    let files = component.files
    for path in files.paths.map(\.path) {
      try FileManager.default.createDirectory(
        atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    }
    try await ComponentDelivery(component: component, access: .local())
      .deploy(chain: child.chain, key: try child.key.pkcs8PEM(), bundle: [root])
  }
}
