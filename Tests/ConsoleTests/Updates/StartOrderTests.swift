import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

/// A start looks for the roots that components present, which may take long behind SSH. Until it has found them nothing is
/// written down that somebody would have to carry out.
@Suite("The order of a start", .timeLimit(.minutes(2))) struct StartOrderTests {
  private static let password = "/srv/orders/password"

  /// A Java service whose trust store alone holds the root that its certificate is from.
  private func withJavaService(_ body: (TestSystem) async throws -> Void) async throws {
    try await withSystem([], importsOld: false) { system in
      let secret = SecretBytes(utf8: "changeit")
      system.targets.put(Self.password, "changeit\n", mode: 0o600)
      system.targets.put(
        "/srv/orders/keys.p12",
        bytes: try PFX.make(identity: system.old.child(["orders.example"]), friendlyName: "orders", password: secret))
      system.targets.put(
        "/srv/orders/trust.p12",
        bytes: try PFX.makeTrustStore([.init(alias: "old", certificate: system.old.certificate)], password: secret))
      var orders = TestSystem.component("orders")
      orders.files = FileLayout(
        keyStore: "/srv/orders/keys.p12", trustStore: "/srv/orders/trust.p12", storePasswordFile: Self.password)
      orders = try await system.store.addComponent(orders)
      try await body(system)
    }
  }

  @Test("Halted while it still looks for the roots, a start is refused, and nothing of it was written down or done")
  func halted() async throws {
    try await withJavaService { system in
      let (plan, before, browser) = (try await system.plan(), system.targets.snapshot, system.browser)
      system.targets.hold(Self.password)
      let started = Task { try await browser.submit(plan, "/updates") }
      try await eventually("The password is being read") { system.targets.isHeld(Self.password) }
      #expect(try await system.store.updates().isEmpty)
      await system.console.console.services.updates.halt(within: .seconds(5))
      system.targets.letGo(Self.password)
      let refused = try await started.value
      #expect(refused.status == 503 && refused.says("Reroot is being ended."))
      #expect(try await system.store.updates().isEmpty)
      #expect(system.targets.snapshot == before)
    }
  }

  @Test("A root that only a Java trust store shows is known from the first moment, to later processes too")
  func javaRoot() async throws {
    try await withJavaService { system in
      let key = RootKey(system.old.certificate.fingerprint.hex)
      system.targets.hold("orders")
      let id = try await system.start()
      try await eventually("Its command is waited for") { system.targets.isHeld("orders") }
      let copy = try TemporaryFolder(copyOf: system.console.folder.path)
      let store = try Store.open(folder: copy.path + "/data")
      #expect(try await store.rootCertificate(key) == system.old.certificate)
      try store.close()
      system.targets.letGo("orders")
      #expect(try await system.settled(id).outcome == .completed)
      #expect(try await system.store.retiringRoots().map(\.key) == [key])
    }
  }
}
