import Foundation
import PKI
import Rotation

@testable import Delivery

/// A component with its files in a folder of its own.
struct TestComponent: Sendable {
  let folder: TestFolder
  let authority: TestAuthority
  let identity: Identity
  var component: Component

  /// With files as a server would have them, all in order.
  init(endpoints: [Endpoint] = [], identity: Identity? = nil, authority: TestAuthority? = nil) throws {
    folder = try TestFolder()
    self.authority = try authority ?? TestAuthority()
    self.identity = try identity ?? self.authority.child()
    component = Component(
      id: .init(rawValue: 1), name: "Gateway", names: [.dns("localhost")],
      files: FileLayout(
        certificateChain: folder.path("chain.pem"), key: folder.path("key.pem"), trustBundle: folder.path("roots.pem")),
      endpoints: endpoints, verificationTimeLimit: 1)
    try folder.write(self.identity.chainPEM, to: "chain.pem", mode: 0o640)
    try folder.write(self.identity.key.pkcs8PEM().text, to: "key.pem", mode: 0o400)
    try folder.write(self.authority.certificate.pem, to: "roots.pem", mode: 0o604)
  }

  var delivery: ComponentDelivery { ComponentDelivery(component: component, access: .local()) }

  func inspect(knownRoots: [Certificate]? = nil) async -> (findings: Findings, snapshot: [SnapshotFile]) {
    await delivery.inspect(knownRoots: knownRoots ?? [authority.certificate], now: Date())
  }
}
