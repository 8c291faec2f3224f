import Foundation
import Testing

@testable import PKI

@Suite("A look at what a server shows", .timeLimit(.minutes(1)))
struct TLSServedChainTests {
  private func look(
    _ port: UInt16, name: String = "localhost", beginning: ServedChain.Beginning = .atOnce,
    limit: Duration = .seconds(10)
  ) throws -> [Certificate] {
    try ServedChain.look(at: "127.0.0.1", port: port, serverName: name, beginning: beginning, timeLimit: limit)
  }

  @Test("sees the whole chain, whoever issued it, whatever its name and dates")
  func anything() throws {
    let own = try SelfSigned.consoleIdentity(
      names: [.dns("x.example")], notBefore: .now - 3 * day, notAfter: .now - day)
    let expired = try TLSCast.identity(under: TLSCast.stranger, from: .now - 2 * day, to: .now - day)
    let chained = Identity(chain: expired.chain + (try TLSCast.stranger.chain), key: expired.key)
    for identity in [own, expired, chained] {
      let server = try OneAnswer.tls(TLSCast.context(identity))
      #expect(try look(server.port) == identity.chain)
    }
  }

  @Test("needs no certificate of its own, though the server in this process wants one")
  func wanted() throws {
    let identity = try TLSCast.identity()
    let server = try OneAnswer.tls(TLSCast.context(identity, requireClientCertificate: true))
    #expect(try look(server.port) == identity.chain)
    #expect(try server.result().pkiError?.code == "HANDSHAKE_FAILED")
  }

  /// What OpenSSL's own server is told.
  struct Options: Sendable, CustomTestStringConvertible {
    let name: String
    var key = KeyAlgorithm.ecdsaP256
    let words: [String]
    var testDescription: String { name }
  }

  static let options = [
    Options(name: "TLS 1.3", words: ["-tls1_3"]),
    Options(name: "TLS 1.3 that demands a certificate", words: ["-tls1_3", "-Verify", "1", "-verify_return_error"]),
    Options(name: "TLS 1.2", words: ["-tls1_2"]),
    Options(name: "TLS 1.2 that asks for a certificate", words: ["-tls1_2", "-verify", "1"]),
    Options(name: "TLS 1.2 that demands a certificate", words: ["-tls1_2", "-Verify", "1", "-verify_return_error"]),
    Options(
      name: "TLS 1.2 with an RSA key, that demands a certificate", key: .rsa2048, words: ["-tls1_2", "-Verify", "1"]),
    Options(
      name: "TLS 1.2 with RSA key transport", key: .rsa2048, words: ["-tls1_2", "-cipher", "AES128-SHA"]),
    Options(
      name: "TLS 1.0, as old devices have it", key: .rsa2048, words: ["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"]),
  ]

  @Test("sees a server of", arguments: options)
  func openSSL(row: Options) throws {
    let identity = try TLSCast.identity(key: row.key)
    let server = try OpenSSLServer(identity, row.words)
    defer { server.end() }
    #expect(try look(server.port) == identity.chain)
    #expect(try look(server.port) == identity.chain, "The second look resumes nothing.")
  }

  @Test("does not believe a server that refuses before it has proved its key, as RSA key transport lets it")
  func refusedUnproved() throws {
    let identity = try TLSCast.identity(key: .rsa2048)
    let server = try OpenSSLServer(identity, ["-tls1_2", "-Verify", "1", "-cipher", "AES128-SHA"])
    defer { server.end() }
    #expect(throws: PKIError.self) { try look(server.port) }
  }

  @Test("does not believe a certificate whose key the server has not proved")
  func unproved() throws {
    // A TLS 1.2 server's hello and a copied certificate, and then an alert in the place of the proof.
    let copied = try TLSCast.identity().chain[0]
    let length = copied.der.count
    func number(_ value: Int, _ bytes: Int) -> [UInt8] {
      (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    func record(_ type: UInt8, _ body: [UInt8]) -> [UInt8] { [type, 3, 3] + number(body.count, 2) + body }
    func message(_ type: UInt8, _ body: [UInt8]) -> [UInt8] { record(22, [type] + number(body.count, 3) + body) }
    // RFC 5246, section 7.4.1.3: version, random, no session, ECDHE-ECDSA-AES128-GCM-SHA256, no compression.
    let hello = message(2, [3, 3] + [UInt8](repeating: 7, count: 32) + [0, 0xC0, 0x2B, 0])
    let certificate = message(11, number(length + 3, 3) + number(length, 3) + copied.der)
    for (name, end) in [
      ("a refusal", record(21, [2, 40])), ("a goodbye", record(21, [1, 0])), ("silence", []),
      ("nothing to prove", message(14, [])),
    ] {
      let server = try OneAnswer.saying(hello + certificate + end)
      let error = pkiError { _ = try look(server.port) }
      #expect(error != nil, "believed after \(name)")
      #expect(error.map { !$0.code.hasPrefix("CHAIN_") } == true, "\(name): \(error?.description ?? "")")
    }
  }

  @Test(
    "asks PostgreSQL for TLS first, and says what it answers instead",
    arguments: [
      ("N", "TLS_NOT_OFFERED"), ("E", "NOT_TLS"), ("H", "NOT_TLS"), ("", "CONNECTION_LOST"), ("S", "CONNECTION_LOST"),
    ])
  func postgreSQL(answer: String, expected: String) throws {
    let server = try OneAnswer.saying(Array(answer.utf8))
    #expect(pkiError { _ = try look(server.port, beginning: .postgreSQL) }?.code == expected)
    #expect(try server.result().get() == [0, 0, 0, 8, 4, 210, 22, 47])
  }

  @Test("sees PostgreSQL's certificate after its consent")
  func postgreSQLConsents() throws {
    let identity = try TLSCast.identity()
    let context = try TLSCast.context(identity, requireClientCertificate: true)
    let server = try OneAnswer<Bool> { connection in
      var request = [UInt8](repeating: 0, count: 8)
      guard recv(connection, &request, 8, Int32(MSG_WAITALL)) == 8 else { return false }
      send(connection, "S", 1, Int32(MSG_NOSIGNAL))
      _ = try TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
      return true
    }
    #expect(try look(server.port, beginning: .postgreSQL) == identity.chain)
  }

  @Test("asks for the name that is given, and for none where that is an address")
  func serverName() throws {
    for (name, isNamed) in [("gateway.plant.example", true), ("192.0.2.7", false)] {
      let server = try OneAnswer.saying([])
      _ = try? look(server.port, name: name)
      let hello = String(decoding: try server.result().get(), as: UTF8.self)
      #expect(hello.contains(name) == isNamed)
    }
    #expect(pkiError { _ = try look(1, name: "no name") } != nil)
  }

  @Test("is over at its time limit", arguments: [ServedChain.Beginning.atOnce, .postgreSQL])
  func timeLimit(beginning: ServedChain.Beginning) throws {
    let server = try OneAnswer<Bool> { connection in
      var byte: UInt8 = 0
      while recv(connection, &byte, 1, 0) > 0 {}
      close(connection)
      return true
    }
    let start = ContinuousClock.now
    let error = pkiError { _ = try look(server.port, beginning: beginning, limit: .milliseconds(150)) }
    #expect(error?.code == "CONNECTION_TIMED_OUT")
    #expect(ContinuousClock.now - start < .seconds(5))
  }
}

/// OpenSSL's own server on a port of the loopback address.
private final class OpenSSLServer: Sendable {
  let port: UInt16
  private let process = Process()
  private let folder: ScratchFolder
  private let output = Pipe()

  init(_ identity: Identity, _ options: [String]) throws {
    folder = try ScratchFolder()
    let chain = try folder.write(identity.chainPEM, to: "chain.pem")
    let key = try folder.write(
      try identity.key.pkcs8PEM().withBytes { String(decoding: $0, as: UTF8.self) }, to: "key.pem")
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", chain, "-key", key]
      + options
    process.standardInput = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    try output.fileHandleForWriting.close()
    // It names the port that it was given: “ACCEPT 127.0.0.1:34567”.
    var said = ""
    while true {
      let piece = output.fileHandleForReading.availableData
      said += String(decoding: piece, as: UTF8.self)
      let line = said.split(separator: "\n").first { $0.hasPrefix("ACCEPT ") }
      if said.hasSuffix("\n"), let port = line?.split(separator: ":").last.flatMap({ UInt16($0) }) {
        self.port = port
        return
      }
      try #require(!piece.isEmpty, "openssl s_server ended: \(said)")
    }
  }

  func end() {
    // A process that is started from a thread of Swift's pool blocks the gentler signals.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
}
