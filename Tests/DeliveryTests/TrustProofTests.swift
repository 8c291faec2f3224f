import Foundation
import PKI
import Rotation
import Synchronization
import Testing

@testable import Delivery
@testable import PKI

@Suite("Acceptance of a new root, proven on the wire", .timeLimit(.minutes(1)))
struct TrustProofTests {
  private let old: TestAuthority
  private let new: TestAuthority

  init() throws {
    old = try TestAuthority("Old Root")
    new = try TestAuthority("New Root")
  }

  private func delivery(_ ports: UInt16..., usage: Component.Usage = .server, limit: Int = 1) -> ComponentDelivery {
    let component = Component(
      id: .init(rawValue: 1), name: "Gateway", names: [.dns("localhost")], usage: usage,
      files: FileLayout(certificateChain: "/g/chain.pem", key: "/g/key.pem", trustBundle: "/g/roots.pem"),
      endpoints: ports.map { Endpoint(host: "127.0.0.1", port: $0) }, verificationTimeLimit: limit)
    return ComponentDelivery(component: component, access: .local())
  }

  private func prove(
    _ delivery: ComponentDelivery, _ evidence: TrustEvidence?, hasNamesake: Bool = false, root: TestAuthority? = nil
  ) async throws -> [String] {
    let root = root ?? new
    return try await delivery.proveTrust(
      in: root.certificate, with: root.child(), evidence: evidence, hasNamesake: hasNamesake)
  }

  @Test("A server that refuses unknown clients proves the new root by accepting one of it, and not before it does")
  func handshake() async throws {
    let server = try DemandingServer(old.child(), trusting: [old.certificate])
    let delivery = delivery(server.listener.port)
    let place = "127.0.0.1:\(server.listener.port)"
    #expect(await delivery.trustEvidence(bundle: [old.certificate]) == .handshake(endpoint: place))
    let refused = await failure { _ = try await prove(delivery, .handshake(endpoint: place)) }
    #expect(refused?.code == "NEW_ROOT_REFUSED")
    #expect(refused?.failure.sentence.hasPrefix("\(place) refuses a client certificate of the new root") == true)
    server.trust([old.certificate, new.certificate])
    #expect(
      try await prove(delivery, .handshake(endpoint: place))
        == ["\(place) accepts a client certificate of the new root, and refuses one of an unknown root"])
  }

  @Test("Of two roots of one name only the one whose key is trusted is accepted, though the server names them alike")
  func namesake() async throws {
    let other = try TestAuthority("New Root")
    let server = try DemandingServer(old.child(), trusting: [old.certificate, other.certificate])
    let delivery = delivery(server.listener.port)
    let evidence = TrustEvidence.handshake(endpoint: "127.0.0.1:\(server.listener.port)")
    let refused = await failure { _ = try await prove(delivery, evidence, hasNamesake: true) }
    #expect(refused?.code == "NEW_ROOT_REFUSED")
    server.trust([old.certificate, other.certificate, new.certificate])
    #expect(try await prove(delivery, evidence, hasNamesake: true).count == 1)
  }

  /// How OpenSSL's own server is told to treat clients.
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    var protocols: [String] = []
    let words: [String]
    /// Whether it knows the bundle.
    var hasBundle = true
    let expected: @Sendable (String) -> TrustEvidence
    var testDescription: String { name }
  }

  static let rows = [
    Row(name: "refuses unknown ones, TLS 1.3", protocols: ["-tls1_3"], words: ["-Verify", "2", "-verify_return_error"])
    {
      .handshake(endpoint: $0)
    },
    Row(name: "refuses unknown ones, TLS 1.2", protocols: ["-tls1_2"], words: ["-Verify", "2", "-verify_return_error"])
    {
      .handshake(endpoint: $0)
    },
    Row(name: "lets all pass and names its roots, as nginx does", words: ["-verify", "2"]) {
      .announcement(endpoint: $0)
    },
    Row(name: "lets all pass and names none", words: ["-verify", "2"], hasBundle: false) {
      .notProvable(
        reason: "\($0) lets every client certificate pass the handshake, and does not name whom it accepts")
    },
    Row(name: "asks for none", words: []) { .notProvable(reason: "\($0) asks for no client certificate") },
  ]

  @Test("What can be proven is seen beforehand at a server that", arguments: rows)
  func evidence(_ row: Row) async throws {
    let folder = try TestFolder()
    try folder.write(old.certificate.pem, to: "roots.pem")
    let bundle = row.hasBundle ? ["-CAfile", folder.path("roots.pem")] : ["-no-CAfile", "-no-CApath"]
    let server = try OpenSSLServer(old.child(), row.protocols + row.words + bundle)
    defer { server.end() }
    let found = await delivery(server.port).trustEvidence(bundle: [old.certificate])
    #expect(found == row.expected("127.0.0.1:\(server.port)"))
  }

  @Test(
    "A server that lets all pass proves a root by naming it, and fails where it does not, or where a namesake stands")
  func announcement() async throws {
    let folder = try TestFolder()
    try folder.write(old.certificate.pem, to: "old.pem")
    try folder.write(old.certificate.pem + new.certificate.pem, to: "both.pem")
    let before = try OpenSSLServer(old.child(), ["-verify", "2", "-CAfile", folder.path("old.pem")])
    defer { before.end() }
    let missing = await failure {
      _ = try await prove(delivery(before.port), .announcement(endpoint: "127.0.0.1:\(before.port)"))
    }
    #expect(missing?.code == "NEW_ROOT_NOT_NAMED")
    let after = try OpenSSLServer(old.child(), ["-verify", "2", "-CAfile", folder.path("both.pem")])
    defer { after.end() }
    let place = "127.0.0.1:\(after.port)"
    #expect(
      try await prove(delivery(after.port), .announcement(endpoint: place))
        == ["\(place) names the new root among those that it accepts"])
    let namesake = await failure {
      _ = try await prove(delivery(after.port), .announcement(endpoint: place), hasNamesake: true)
    }
    #expect(namesake?.code == "NEW_ROOT_NOT_PROVEN")
    // So the plan does not call it provable, and then nothing fails.
    let foreseen = TrustEvidence.announcement(endpoint: place).withoutNames
    #expect(foreseen.reason == "\(place) only names whom it accepts, and another root has the new one's name")
    #expect(try await prove(delivery(after.port), foreseen, hasNamesake: true).isEmpty)
  }

  @Test("Who could be asked and cannot be asked any more has proven nothing; who never could is let pass")
  func askedNoMore() async throws {
    let server = try TestListener.tls(old.child())
    let place = "127.0.0.1:\(server.port)"
    let failed = await failure { _ = try await prove(delivery(server.port), .handshake(endpoint: place)) }
    #expect(failed?.code == "NEW_ROOT_NOT_PROVEN")
    #expect(try await prove(delivery(server.port), .notProvable(reason: "it asks for none")).isEmpty)
  }

  @Test("A refusal counts also where the plan could not see it, unless the server names other authorities only")
  func unseen() async throws {
    let partner = try TestAuthority("Partner Root")
    let server = try DemandingServer(old.child(), trusting: [partner.certificate])
    let evidence = await delivery(server.listener.port).trustEvidence(bundle: [old.certificate])
    #expect(evidence?.reason.contains("names other authorities than those in the trust bundle") == true)
    #expect(try await prove(delivery(server.listener.port), evidence).isEmpty)
  }

  @Test("A refusal at an endpoint that nothing was counted on is about another list of roots")
  func otherList() async throws {
    let customers = try TestAuthority("Customers Root")
    let own = try DemandingServer(old.child(), trusting: [old.certificate, new.certificate])
    let other = try DemandingServer(old.child(), trusting: [customers.certificate])
    let delivery = delivery(own.listener.port, other.listener.port)
    let evidence = await delivery.trustEvidence(bundle: [old.certificate])
    #expect(evidence == .handshake(endpoint: "127.0.0.1:\(own.listener.port)"))
    #expect(try await prove(delivery, evidence).count == 1)
    #expect(await delivery.trustEvidence(bundle: nil)?.reason == "its trust bundle could not be read")
  }

  @Test("A client, and a component without an endpoint, are named as not provable; without a bundle nothing is asked")
  func nowhere() async throws {
    #expect(await delivery(usage: .client).trustEvidence(bundle: [])?.isMissing == true)
    #expect(await delivery().trustEvidence(bundle: [])?.reason.contains("no endpoint") == true)
    var component = delivery().component
    component.files.trustBundle = nil
    #expect(await ComponentDelivery(component: component, access: .local()).trustEvidence(bundle: []) == nil)
  }

  @Test("Where another root has its name, a plan counts on no name that a server gives")
  func namesakeForeseen() async throws {
    let folder = try TestFolder()
    let made = try TestComponent(authority: TestAuthority("New Root"))
    try folder.write(made.authority.certificate.pem, to: "roots.pem")
    let server = try OpenSSLServer(made.identity, ["-verify", "2", "-CAfile", folder.path("roots.pem")])
    defer { server.end() }
    var component = made.component
    component.endpoints = [Endpoint(host: "127.0.0.1", port: server.port)]
    let delivery = ComponentDelivery(component: component, access: .local())
    func evidence(_ root: Certificate) async -> TrustEvidence? {
      await delivery.inspect(knownRoots: [], newRoot: root, now: Date()).findings.trustEvidence
    }
    #expect(await evidence(old.certificate) == .announcement(endpoint: "127.0.0.1:\(server.port)"))
    #expect(await evidence(new.certificate)?.isMissing == true)
  }

  @Test("A server is shown the unknown client once, however often the new root is tried")
  func onceUnknown() async throws {
    let counts = Mutex((unknown: 0, new: 0))
    var probe = Probe.handshake
    probe.offer = { _, _, identity, _, _ in
      let isUnknown = identity.chain[0].issuer.contains("Unknown root")
      counts.withLock { if isUnknown { $0.unknown += 1 } else { $0.new += 1 } }
      return ClientOffer.Answer(isAsked: true, refusal: isUnknown ? "unknown CA" : "not yet")
    }
    let component = delivery(1, limit: 2).component
    let delivery = ComponentDelivery(component: component, access: .local(), now: { Date() }, probe: probe)
    let refused = await failure { _ = try await prove(delivery, .handshake(endpoint: "127.0.0.1:1")) }
    #expect(refused?.code == "NEW_ROOT_REFUSED")
    #expect(counts.withLock { $0.unknown == 1 && $0.new >= 3 })
  }

  @Test("A root of the new one's name and another key is found in the bundle, and one with the same key is none")
  func foundNamesake() async throws {
    let made = try TestComponent(authority: TestAuthority("Plant Root"))
    let other = try TestAuthority("plant  root")
    func namesakes(of root: Certificate) async -> [Namesake]? {
      await made.delivery.inspect(knownRoots: [], newRoot: root, now: Date()).findings.namesakes
    }
    let found = await namesakes(of: other.certificate)
    #expect(found?.map(\.fingerprint) == [made.authority.certificate.fingerprint.hex])
    #expect(await namesakes(of: new.certificate) == [])
    let renewed = try RootMaker.makeRoot(
      commonName: "Plant Root", key: made.authority.root.key, notBefore: .now - 60, notAfter: .now + 86_400)
    #expect(await namesakes(of: renewed.chain[0]) == [])
  }
}
