import Foundation
import Testing

@testable import PKI

@Suite("A client without a certificate", .timeLimit(.minutes(1)))
struct TLSServerTrustTests {
  /// A server that asks for no certificate, and what it heard.
  private func server(_ identity: Identity) throws -> OneAnswer<[UInt8]> {
    try OneAnswer.tls(TLSCast.context(identity, requireClientCertificate: false))
  }

  @Test("talks to a server of a root that it was given, by its name")
  func certificates() throws {
    let server = try server(TLSCast.identity())
    let context = try TLSContext(trusting: .certificates(TLSCast.root.chain))
    #expect(try converse(server.port, context) == "HELLO")
  }

  @Test("talks to exactly the server that it was told the fingerprint of, whatever its name")
  func pinned() throws {
    let identity = try TLSCast.identity(under: TLSCast.stranger, names: [.dns("other.example")])
    let server = try server(identity)
    let pin = try #require(identity.leaf).fingerprint
    #expect(try converse(server.port, TLSContext(trusting: .fingerprint(pin))) == "HELLO")
  }

  @Test("tells nothing to another server than the pinned one")
  func otherThanPinned() throws {
    let server = try server(TLSCast.identity())
    let context = try TLSContext(trusting: .fingerprint(Fingerprint(of: [1])))
    let error = pkiError { _ = try converse(server.port, context) }
    #expect(error?.code == "OTHER_CERTIFICATE")
    #expect(error?.sentence.contains("Its SHA-256 is") == true)
    #expect(try server.result().pkiError != nil || server.result().get().isEmpty)
  }

  @Test("tells nothing to a server of a root that it does not trust, or that has another name")
  func refused() throws {
    let stranger = try server(TLSCast.identity(under: TLSCast.stranger))
    let trusting = try TLSContext(trusting: .certificates(TLSCast.root.chain))
    #expect(pkiError { _ = try converse(stranger.port, trusting) }?.code.hasPrefix("CHAIN_") == true)
    let misnamed = try server(TLSCast.identity(names: [.dns("other.example")]))
    #expect(pkiError { _ = try converse(misnamed.port, trusting) }?.code.hasPrefix("CHAIN_") == true)
    // No root of the tests is among those of the system.
    let unknown = try server(TLSCast.identity())
    let system = try TLSContext(trusting: .system)
    #expect(pkiError { _ = try converse(unknown.port, system) }?.code.hasPrefix("CHAIN_") == true)
  }

  @Test("has a time limit that can be set anew")
  func limit() throws {
    let silent = try OneAnswer<Void> { connection in
      let tls = try TLSConnection.accept(
        descriptor: connection, context: TLSCast.context(requireClientCertificate: false), timeLimit: .seconds(20))
      // Until the client has gone.
      _ = try? tls.read(maximum: 1)
    }
    let tls = try TLSConnection.connect(
      host: "127.0.0.1", port: silent.port, serverName: "localhost",
      context: TLSContext(trusting: .certificates(TLSCast.root.chain)), timeLimit: .seconds(20))
    tls.allow(.milliseconds(50))
    #expect(pkiError { _ = try tls.read(maximum: 1) }?.code == "CONNECTION_TIMED_OUT")
  }
}
