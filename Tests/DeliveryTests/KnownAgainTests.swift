import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("Files that are known again", .timeLimit(.minutes(1)))
struct KnownAgainTests {
  private func verify(_ sample: TestComponent, _ expected: Certificate, _ deployed: DeployedChild?) async -> String? {
    await code {
      _ = try await sample.delivery.verify(
        expected: expected, root: sample.authority.certificate, previous: nil, deployed: deployed)
    }
  }

  @Test("by their bytes are as they were deployed; any other byte is looked at")
  func bytes() async throws {
    let sample = try TestComponent()
    let next = try sample.authority.child()
    let deployed = try await sample.delivery.deploy(
      chain: next.chain, key: try next.key.pkcs8PEM(), bundle: [sample.authority.certificate])
    #expect(await verify(sample, next.chain[0], deployed) == nil)
    #expect(await verify(sample, sample.identity.chain[0], deployed) == "FILES_NOT_AS_DEPLOYED")
    // The same certificate under other bytes.
    try sample.folder.write("# mine\n" + next.chainPEM, to: "chain.pem")
    #expect(await verify(sample, next.chain[0], deployed) == nil)
    try sample.folder.write(try sample.authority.child().key.pkcs8PEM().text, to: "key.pem")
    #expect(await verify(sample, next.chain[0], deployed) == "FILES_NOT_AS_DEPLOYED")
    unlink(sample.folder.path("key.pem"))
    #expect(await verify(sample, next.chain[0], deployed) == "FILES_NOT_AS_DEPLOYED")
  }

  @Test("need not be taken apart: a store is known without its password")
  func store() async throws {
    let sample = try TestComponent()
    let password = try sample.folder.write("sesame", to: "password", mode: 0o600)
    var component = sample.component
    component.files = FileLayout(keyStore: sample.folder.path("keys.p12"), storePasswordFile: password)
    let delivery = ComponentDelivery(component: component, access: .local())
    let deployed = try await delivery.deploy(
      chain: sample.identity.chain, key: try sample.identity.key.pkcs8PEM(), bundle: nil)
    unlink(password)
    let leaf = sample.identity.chain[0]
    try await delivery.requireFiles(leaf, deployed: deployed)
    #expect(await code { try await delivery.requireFiles(leaf) } != nil)
  }

  @Test("A trust bundle that was read lately is not taken apart again; what cannot be read, or is large, is each time")
  func bundles() throws {
    let recent = RecentBundles()
    let certificate = try TestAuthority().certificate
    var readings = 0
    func read(_ text: String, _ result: Result<[Certificate], DeliveryFailure> = .success([])) throws -> [Certificate] {
      try recent.certificates(in: SecretBytes(utf8: text)) {
        readings += 1
        return try result.get()
      }
    }
    #expect(try read("one", .success([certificate])) == [certificate])
    #expect(try read("one") == [certificate] && readings == 1)
    for _ in 0..<2 {
      #expect(throws: DeliveryFailure.self) {
        try read("bad", .failure(DeliveryFailure(code: "BUNDLE_UNREADABLE", sentence: "", advice: "")))
      }
    }
    #expect(readings == 3)
    let large = String(repeating: "#", count: 20_000)
    for _ in 0..<2 { _ = try read(large) }
    #expect(readings == 5)
    for number in 0..<40 { _ = try read("\(number)") }
    #expect(try read("one") == [] && readings == 46, "it was forgotten among so many")
  }
}
