import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery
@testable import PKI

@Suite("The roots that a chain leads to") struct RootPathTests {
  private func keys(_ roots: Certificate...) -> Set<RootKey> { Set(roots.map { RootKey($0.fingerprint.hex) }) }

  @Test("A child leads to its root, where that is known, and nowhere where it is not")
  func child() throws {
    let (authority, other) = (try TestAuthority(), try TestAuthority("Other"))
    let chain = try authority.child().chain
    #expect(
      RootPaths.roots(of: chain, among: [other.certificate, authority.certificate]) == keys(authority.certificate))
    #expect(RootPaths.roots(of: chain, among: [other.certificate]).isEmpty)
    #expect(RootPaths.roots(of: [], among: [authority.certificate]).isEmpty)
  }

  @Test("What stands in between may be served, or held by the peers")
  func intermediate() throws {
    let authority = try TestAuthority()
    let intermediate = try authority.intermediate()
    let chain = try TestAuthority.child(of: intermediate).chain
    let root = authority.certificate
    #expect(RootPaths.roots(of: chain, among: [root]) == keys(root))
    #expect(RootPaths.roots(of: [chain[0]], among: [root]).isEmpty)
    #expect(RootPaths.roots(of: [chain[0]], among: [root, intermediate.chain[0]]) == keys(root))
    // Trusted by itself, without anything above it.
    #expect(RootPaths.roots(of: [chain[0]], among: [intermediate.chain[0]]) == keys(intermediate.chain[0]))
  }

  @Test("A child of an authority with two certificates leads to both")
  func sameKey() throws {
    let authority = try TestAuthority()
    let again = try RootMaker.makeRoot(
      commonName: "Test Root", key: authority.root.key, notBefore: .now - 3_600, notAfter: .now + 86_400
    ).chain[0]
    let chain = try authority.child().chain
    #expect(
      RootPaths.roots(of: chain, among: [authority.certificate, again]) == keys(authority.certificate, again))
  }

  @Test("A root of the same name and another key is not taken for it")
  func sameName() throws {
    let (authority, twin) = (try TestAuthority(), try TestAuthority())
    #expect(RootPaths.roots(of: try authority.child().chain, among: [twin.certificate]).isEmpty)
  }

  @Test("A certificate that vouches for itself leads to itself, known or not")
  func selfSigned() throws {
    let own = try TestAuthority("Own").certificate
    #expect(RootPaths.roots(of: [own], among: [try TestAuthority().certificate]) == keys(own))
  }

  @Test("A component is seen on disk and on the wire, each with its time; a missing file is said to be missing")
  func presented() async throws {
    let silent = Endpoint(host: "127.0.0.1", port: 1)
    let test = try TestComponent(endpoints: [silent])
    let moment = Date(timeIntervalSince1970: 1_780_315_200)
    let delivery = ComponentDelivery(component: test.component, access: .local(), now: { moment })
    let seen = await delivery.presentedChains()
    #expect(seen.map(\.place) == ["127.0.0.1:1", test.folder.path("chain.pem")])
    #expect(seen.map(\.isOnWire) == [true, false])
    #expect(seen.allSatisfy { $0.seenAt == moment })
    #expect(throws: DeliveryFailure.self) { try seen[0].result.get() }
    #expect(try seen[1].result.get()?.first == test.identity.chain[0])
    try FileManager.default.removeItem(atPath: test.folder.path("chain.pem"))
    #expect(try await delivery.presentedChains()[1].result.get() == nil)
  }
}
