import Foundation
import PKI
import Rotation
import Synchronization
import Testing

@testable import Delivery

@Suite("Verified on the wire", .timeLimit(.minutes(1)))
struct VerificationTests {
  /// A component that is seen at these endpoints only.
  static func component(_ endpoints: [Endpoint], limit: Int = 1) -> Component {
    Component(
      id: .init(rawValue: 1), name: "Gateway", names: [.dns("localhost")],
      files: FileLayout(certificateChain: "/etc/gateway/chain.pem", key: "/etc/gateway/key.pem"),
      activation: Activation(method: .command(["/usr/bin/systemctl", "reload", "gateway"])), endpoints: endpoints,
      verificationTimeLimit: limit)
  }

  private func verify(
    _ endpoints: [Endpoint], expected: Certificate, root: Certificate, previous: Certificate? = nil, limit: Int = 1
  ) async throws -> [ServedCertificate] {
    try await ComponentDelivery(component: Self.component(endpoints, limit: limit), access: .local())
      .verify(expected: expected, root: root, previous: previous?.fingerprint)
  }

  private func at(_ listener: TestListener, as name: String? = nil, transport: Endpoint.Transport = .tls) -> Endpoint {
    Endpoint(host: "127.0.0.1", port: listener.port, serverName: name, transport: transport)
  }

  @Test("is exactly the certificate that was deployed, and it is told where and when it was seen")
  func exact() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child()
    let servers = try (0..<3).map { _ in try TestListener.tls(identity) }
    let leaf = identity.chain[0]
    let start = Date()
    let seen = try await verify(servers.map { at($0) }, expected: leaf, root: authority.certificate)
    #expect(seen.map(\.endpoint) == servers.map { "127.0.0.1:\($0.port)" })
    for sighting in seen {
      #expect(sighting.fingerprint == leaf.fingerprint.hex)
      #expect(sighting.subject == leaf.subject && sighting.issuer == leaf.issuer)
      #expect(sighting.notAfter == leaf.notAfter)
      #expect(sighting.seenAt >= start && sighting.seenAt <= Date())
    }
  }

  @Test("is the name that is asked for, or the host where none is given")
  func names() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child(["gateway.plant.example", "127.0.0.1"])
    let server = try TestListener.tls(identity)
    for name in [nil, "gateway.plant.example", "127.0.0.1"] {
      _ = try await verify([at(server, as: name)], expected: identity.chain[0], root: authority.certificate)
    }
    let failed = await failure {
      _ = try await verify(
        [at(server, as: "other.plant.example")], expected: identity.chain[0], root: authority.certificate)
    }
    #expect(failed?.code == "WRONG_NAME")
    #expect(failed?.failure.sentence.contains("DNS:gateway.plant.example, IP:127.0.0.1") == true)
  }

  @Test("is reached over a host name with more than one address")
  func hostName() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child()
    let server = try TestListener.tls(identity)
    let endpoint = Endpoint(host: "localhost", port: server.port)
    let seen = try await verify([endpoint], expected: identity.chain[0], root: authority.certificate)
    #expect(seen.map(\.endpoint) == ["localhost:\(server.port)"])
  }

  @Test("is not the previous certificate, which is told as such once the time is over")
  func stillPrevious() async throws {
    let authority = try TestAuthority()
    let (old, new) = (try authority.child(), try authority.child())
    let server = try TestListener.tls(old)
    let start = ContinuousClock.now
    let failed = await failure {
      _ = try await verify(
        [at(server)], expected: new.chain[0], root: authority.certificate, previous: old.chain[0])
    }
    #expect(failed?.code == "STILL_PREVIOUS_CERTIFICATE")
    let sentence = try #require(failed?.failure.sentence)
    #expect(sentence.contains("127.0.0.1:\(server.port) still serves the previous certificate"))
    #expect(sentence.hasSuffix("This was still so after 1 seconds of trying."))
    #expect(failed?.failure.advice.contains("run /usr/bin/systemctl reload gateway") == true)
    #expect(server.accepted >= 3, "It is looked at again and again, not once.")
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  @Test("is waited for: a server that changes while it is looked at succeeds")
  func changesMeanwhile() async throws {
    let authority = try TestAuthority()
    let (old, new) = (try authority.child(), try authority.child())
    let server = try TestListener.tls { $0 < 3 ? old : new }
    let seen = try await verify(
      [at(server)], expected: new.chain[0], root: authority.certificate, previous: old.chain[0], limit: 30)
    #expect(seen.map(\.fingerprint) == [new.chain[0].fingerprint.hex])
    #expect(server.accepted >= 4)
  }

  @Test("is not believed at first sight: former workers of a server may go on accepting for a moment")
  func formerWorkers() async throws {
    let authority = try TestAuthority()
    let (old, new) = (try authority.child(), try authority.child())
    // What a client meets while old and new workers take turns.
    let server = try TestListener.tls { [1, 2, 4].contains($0) || $0 > 5 ? new : old }
    _ = try await verify(
      [at(server)], expected: new.chain[0], root: authority.certificate, previous: old.chain[0], limit: 30)
    #expect(server.accepted > 6, "No connection meets the old certificate any more.")
  }

  @Test("is told of once it was seen three times in a row everywhere, before it has lasted")
  func firstSight() async throws {
    let authority = try TestAuthority()
    let (old, new) = (try authority.child(), try authority.child())
    let early = try TestListener.tls(new)
    // Seen at its third connection, and then lost again for one, as where workers take turns.
    let late = try TestListener.tls { [2, 3].contains($0) || $0 > 4 ? new : old }
    let told = Mutex<[Int]>([])
    let gateway = ComponentDelivery(component: Self.component([at(early), at(late)], limit: 30), access: .local())
    _ = try await gateway.verify(expected: new.chain[0], root: authority.certificate, previous: nil) {
      told.withLock { $0.append(late.accepted) }
    }
    #expect(told.withLock { $0.count == 1 && $0[0] == 8 && late.accepted > 8 })

    let stale = try TestListener.tls(old)
    let other = ComponentDelivery(component: Self.component([at(early), at(stale)]), access: .local())
    _ = await failure {
      _ = try await other.verify(expected: new.chain[0], root: authority.certificate, previous: nil) {
        told.withLock { $0.append(0) }
      }
    }
    #expect(told.withLock { $0.count } == 1)
  }

  @Test("is not what a server shows that serves the old certificate to every third connection for good")
  func oneOfThree() async throws {
    let authority = try TestAuthority()
    let (old, new) = (try authority.child(), try authority.child())
    let server = try TestListener.tls { $0 % 3 == 2 ? old : new }
    let failed = await failure {
      _ = try await verify([at(server)], expected: new.chain[0], root: authority.certificate, previous: old.chain[0])
    }
    #expect(failed?.code == "STILL_PREVIOUS_CERTIFICATE")
  }

  @Test("is waited for: a server that hangs in its first handshake and answers the next one succeeds")
  func hangsOnce() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child()
    let context = try TLSContext(identity: identity, trusted: [], requireClientCertificate: false)
    let server = try TestListener { connection, number in
      if number == 0 {
        TestListener.drain(connection)
        close(connection)
      } else {
        let tls = try? TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
        _ = try? tls?.read(maximum: 1)
      }
    }
    let seen = try await verify([at(server)], expected: identity.chain[0], root: authority.certificate, limit: 20)
    #expect(seen.count == 1 && server.accepted >= 2)
  }

  @Test("is not another certificate, of the same root or of another")
  func other() async throws {
    let authority = try TestAuthority()
    let (new, old) = (try authority.child(), try authority.child())
    for stranger in [try authority.child(["elsewhere.example"]), try TestAuthority("Other Root").child()] {
      let server = try TestListener.tls(stranger)
      let failed = await failure {
        _ = try await verify(
          [at(server)], expected: new.chain[0], root: authority.certificate, previous: old.chain[0])
      }
      #expect(failed?.code == "SERVES_OTHER_CERTIFICATE")
      #expect(failed?.failure.sentence.contains(stranger.chain[0].fingerprint.description) == true)
      #expect(failed?.failure.sentence.contains(new.chain[0].fingerprint.description) == true)
    }
  }

  @Test("is served with what leads to the root: a chain of which a part is missing is not enough")
  func chain() async throws {
    let authority = try TestAuthority()
    let identity = try TestAuthority.child(of: try authority.intermediate())
    let whole = try TestListener.tls(identity)
    _ = try await verify([at(whole)], expected: identity.chain[0], root: authority.certificate)
    let part = try TestListener.tls(Identity(chain: [identity.chain[0]], key: identity.key))
    let failed = await failure {
      _ = try await verify([at(part)], expected: identity.chain[0], root: authority.certificate)
    }
    #expect(failed?.code == "CHAIN_INCOMPLETE")
    #expect(failed?.failure.advice.contains("/etc/gateway/chain.pem") == true)
  }

  @Test("is valid now: one that has ended is refused, though it is the right one")
  func expired() async throws {
    let authority = try TestAuthority()
    let identity = try authority.expired()
    let server = try TestListener.tls(identity)
    let failed = await failure {
      _ = try await verify([at(server)], expected: identity.chain[0], root: authority.certificate)
    }
    #expect(failed?.code == "CHAIN_EXPIRED")
  }

  /// A server that shows no certificate, and what is said of it.
  struct Silence: Sendable {
    let name: String
    let code: String
    var transport = Endpoint.Transport.tls
    let server: @Sendable () throws -> TestListener
  }

  static let silences = [
    Silence(name: "takes connections and never answers", code: "NO_ANSWER_IN_TIME") { try .mute() },
    Silence(name: "closes at once", code: "HANDSHAKE_FAILED") { try .saying([]) },
    Silence(name: "speaks HTTP", code: "NOT_TLS") {
      try .saying(Array("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".utf8), afterBytes: 20)
    },
    Silence(name: "greets like a mail server", code: "NOT_TLS") { try .saying(Array("220 mail ESMTP\r\n".utf8)) },
    Silence(name: "sends noise", code: "NOT_TLS") { try .saying([UInt8](repeating: 0xAA, count: 64)) },
    Silence(name: "refuses with an alert", code: "HANDSHAKE_FAILED") { try .saying([21, 3, 3, 0, 2, 2, 40]) },
    // close_notify, which ends a connection that has begun (RFC 8446, section 6.1).
    Silence(name: "says goodbye before it has begun", code: "HANDSHAKE_FAILED") {
      try .saying([21, 3, 3, 0, 2, 1, 0], afterBytes: 20)
    },
    Silence(name: "is PostgreSQL without TLS", code: "TLS_NOT_OFFERED", transport: .postgresql) {
      try .saying([UInt8(ascii: "N")], afterBytes: 8)
    },
    Silence(name: "answers PostgreSQL's request with something else", code: "NOT_TLS", transport: .postgresql) {
      try .saying(Array("HTTP/1.1 400\r\n".utf8), afterBytes: 8)
    },
    Silence(name: "answers PostgreSQL's request by closing", code: "HANDSHAKE_FAILED", transport: .postgresql) {
      try .saying([], afterBytes: 8)
    },
    Silence(name: "answers PostgreSQL's request and then nothing", code: "NO_ANSWER_IN_TIME", transport: .postgresql) {
      try TestListener { connection, _ in
        _ = TestListener.receive(8, from: connection)
        send(connection, "S", 1, Int32(MSG_NOSIGNAL))
        TestListener.drain(connection)
        close(connection)
      }
    },
    Silence(name: "never answers PostgreSQL's request", code: "NO_ANSWER_IN_TIME", transport: .postgresql) {
      try .mute()
    },
  ]

  @Test("is nothing where a server shows no certificate, and it is told what it does instead")
  func silence() async throws {
    let authority = try TestAuthority()
    let expected = try authority.child().chain[0]
    let start = ContinuousClock.now
    // All at once, because each of them is tried for a second.
    try await withThrowingTaskGroup(of: Void.self) { group in
      for row in Self.silences {
        group.addTask {
          let server = try row.server()
          let failed = await failure {
            _ = try await verify(
              [at(server, transport: row.transport)], expected: expected, root: authority.certificate)
          }
          #expect(failed?.code == row.code, "\(row.name): \(failed?.description ?? "verified")")
          #expect(failed?.failure.sentence.contains("127.0.0.1:\(server.port)") == true, "\(row.name)")
          #expect(failed?.failure.advice.isEmpty == false, "\(row.name)")
        }
      }
      try await group.waitForAll()
    }
    #expect(ContinuousClock.now - start < .seconds(8))
  }

  @Test("is nothing where nobody listens, or the host has no address")
  func nobody() async throws {
    let authority = try TestAuthority()
    let expected = try authority.child().chain[0]
    let silent = try await TestListener.withSilentPort { port in
      await failure {
        _ = try await verify(
          [Endpoint(host: "127.0.0.1", port: port)], expected: expected, root: authority.certificate)
      }
    }
    #expect(silent?.code == "NOTHING_ANSWERS")
    #expect(silent?.failure.sentence.contains("Connection refused") == true, "\(silent?.description ?? "")")
    let unknown = await failure {
      // RFC 6761, section 6.4: no name below “invalid” exists.
      _ = try await verify(
        [Endpoint(host: "gateway.invalid", port: 443)], expected: expected, root: authority.certificate)
    }
    #expect(unknown?.code == "NAME_NOT_RESOLVED")
  }

  @Test("are all endpoints: what is wrong with each is told, the first one's code and advice with it")
  func several() async throws {
    let authority = try TestAuthority()
    let (old, new) = (try authority.child(), try authority.child())
    let servers = [try TestListener.tls(new), try TestListener.tls(old), try TestListener.mute()]
    let failed = await failure {
      _ = try await verify(
        servers.map { at($0) }, expected: new.chain[0], root: authority.certificate, previous: old.chain[0])
    }
    #expect(failed?.code == "STILL_PREVIOUS_CERTIFICATE")
    let sentence = try #require(failed?.failure.sentence)
    #expect(!sentence.contains("\(servers[0].port)"))
    #expect(sentence.contains("\(servers[1].port) still serves") && sentence.contains("\(servers[2].port) did not"))
  }

  @Test("is PostgreSQL's certificate after its request for TLS")
  func postgreSQL() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child()
    let context = try TLSContext(identity: identity, trusted: [], requireClientCertificate: false)
    let requests = Collected<[UInt8]>()
    let server = try TestListener { connection, _ in
      requests.append(TestListener.receive(8, from: connection))
      send(connection, "S", 1, Int32(MSG_NOSIGNAL))
      let tls = try? TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
      _ = try? tls?.read(maximum: 1)
    }
    _ = try await verify(
      [at(server, transport: .postgresql)], expected: identity.chain[0], root: authority.certificate)
    #expect(Set(requests.all) == [[0, 0, 0, 8, 4, 210, 22, 47]])
  }

  @Test("is also what a server shows that demands a certificate of its clients")
  func clientCertificates() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child()
    let server = try TestListener.tls(trusted: [authority.certificate], requireClientCertificate: true) { _ in identity
    }
    _ = try await verify([at(server)], expected: identity.chain[0], root: authority.certificate)
  }

  @Test(
    "is also what such a server shows that speaks TLS 1.2 or 1.3 by OpenSSL's own program",
    arguments: [
      "-tls1_2", "-tls1_3",
    ])
  func openSSLServer(version: String) async throws {
    let authority = try TestAuthority()
    let identity = try authority.child()
    let server = try OpenSSLServer(identity, [version, "-Verify", "1", "-verify_return_error"])
    defer { server.end() }
    let endpoint = Endpoint(host: "127.0.0.1", port: server.port)
    _ = try await verify([endpoint], expected: identity.chain[0], root: authority.certificate, limit: 10)
  }

  @Test("without endpoints are the files instead", arguments: ["as deployed", "other", "other key", "missing"])
  func files(situation: String) async throws {
    let folder = try TestFolder()
    let authority = try TestAuthority()
    let (identity, other) = (try authority.child(), try authority.child())
    try folder.write((situation == "other" ? other : identity).chainPEM, to: "chain.pem")
    if situation != "missing" {
      try folder.write((situation == "other key" ? other : identity).key.pkcs8PEM().text, to: "key.pem", mode: 0o600)
    }
    var component = Self.component([])
    component.files = FileLayout(certificateChain: folder.path("chain.pem"), key: folder.path("key.pem"))
    let delivery = ComponentDelivery(component: component, access: .local())
    let code = await code {
      let seen = try await delivery.verify(
        expected: identity.chain[0], root: authority.certificate, previous: nil)
      #expect(seen.isEmpty)
    }
    #expect(code == (situation == "as deployed" ? nil : "FILES_NOT_AS_DEPLOYED"))
  }
}
