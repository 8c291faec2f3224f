import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("An endpoint with several addresses", .timeLimit(.minutes(1)))
struct AddressTests {
  private static let three = ["127.0.0.2", "127.0.0.3", "::1"]

  private func verify(
    _ endpoint: Endpoint, _ expected: Identity, _ authority: TestAuthority, previous: Identity? = nil
  ) async throws -> [ServedCertificate] {
    try await ComponentDelivery(component: VerificationTests.component([endpoint]), access: .local()).verify(
      expected: expected.chain[0], root: authority.certificate, previous: previous?.chain[0].fingerprint)
  }

  @Test("is verified at each of them, under one name; the name itself is not looked up")
  func all() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child(["web.invalid"])
    let servers = try TestListener.tls(at: Self.three, [identity, identity, identity])
    // RFC 6761, section 6.4: no name below “invalid” exists.
    let endpoint = Endpoint(host: "web.invalid", port: servers[0].port, addresses: Self.three)
    let seen = try await verify(endpoint, identity, authority)
    #expect(seen.map(\.endpoint) == ["web.invalid:\(servers[0].port)"])
    #expect(servers.allSatisfy { $0.accepted >= 2 }, "each was looked at, and again once it had settled")
  }

  @Test("without a host expects each address in the certificate that is served there")
  func ownNames() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child(Self.three)
    let servers = try TestListener.tls(at: Self.three, [identity, identity, identity])
    let port = servers[0].port
    _ = try await verify(Endpoint(host: "", port: port, addresses: Self.three), identity, authority)
    let part = try authority.child(["127.0.0.2", "::1"])
    let others = try TestListener.tls(at: Self.three, [part, part, part])
    let failed = await failure {
      _ = try await verify(Endpoint(host: "", port: others[0].port, addresses: Self.three), part, authority)
    }
    #expect(failed?.code == "WRONG_NAME")
    #expect(failed?.failure.sentence.contains("it is not for 127.0.0.3.") == true, "\(failed?.description ?? "")")
  }

  @Test("says which address serves what: the previous one here, another there, nothing at a third")
  func named() async throws {
    let authority = try TestAuthority()
    let (old, new) = (try authority.child(), try authority.child())
    let stranger = try TestAuthority("Other Root").child(["elsewhere.example"])
    let servers = try TestListener.tls(at: Self.three, [old, new, stranger])
    let port = servers[0].port
    let endpoint = Endpoint(host: "localhost", port: port, addresses: Self.three + ["127.0.0.4"])
    let failed = await failure { _ = try await verify(endpoint, new, authority, previous: old) }
    #expect(failed?.code == "STILL_PREVIOUS_CERTIFICATE")
    let sentence = try #require(failed?.failure.sentence)
    #expect(sentence.contains("localhost:\(port) (127.0.0.2) still serves the previous certificate"))
    #expect(sentence.contains("localhost:\(port) (::1) serves another certificate"))
    #expect(sentence.contains("Nothing answers at localhost:\(port) (127.0.0.4)"))
    #expect(sentence.contains("As expected is what is served at 127.0.0.3."))
  }

  @Test("counts a silent IPv6 address that was given by hand, which it would not where a name merely has one")
  func silentFamily() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child()
    let server = try TestListener.tls(identity)
    let failed = await failure {
      _ = try await verify(
        Endpoint(host: "localhost", port: server.port, addresses: ["127.0.0.1", "::1"]), identity, authority)
    }
    #expect(failed?.code == "NOTHING_ANSWERS")
    #expect(failed?.failure.sentence.contains("(::1)") == true)
  }

  @Test("whose addresses differ before an update is told with what each of them serves")
  func differing() async throws {
    let authority = try TestAuthority()
    let (one, two) = (try authority.child(["one.example"]), try authority.child(["two.example"]))
    let servers = try TestListener.tls(at: Self.three, [one, two, one])
    let endpoint = Endpoint(host: "localhost", port: servers[0].port, addresses: Self.three)
    let looks: [EndpointView] = await ComponentDelivery(
      component: VerificationTests.component([endpoint]), access: .local()
    ).look()
    guard case .failure(let failed)? = looks.first?.result else {
      Issue.record("the addresses were taken to serve the same")
      return
    }
    #expect(failed.code == "ADDRESSES_DIFFER")
    #expect(failed.failure.sentence.contains("127.0.0.2, ::1 “CN=one.example”"), "\(failed.failure.sentence)")
    #expect(failed.failure.sentence.contains("; 127.0.0.3 “CN=two.example”"))
  }

  @Test("of which one hides from a look is told with the ones at which a certificate is served")
  func oneSilent() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child()
    let servers = try TestListener.tls(at: ["127.0.0.2"], [identity])
    let endpoint = Endpoint(host: "localhost", port: servers[0].port, addresses: ["127.0.0.2", "127.0.0.3"])
    let looks: [EndpointView] = await ComponentDelivery(
      component: VerificationTests.component([endpoint]), access: .local()
    ).look()
    guard case .failure(let failed)? = looks.first?.result else {
      Issue.record("the silent address was passed over")
      return
    }
    #expect(failed.failure.sentence.hasSuffix("A certificate is served at 127.0.0.2."), "\(failed.failure.sentence)")
  }
}
