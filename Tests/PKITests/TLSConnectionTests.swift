import Foundation
import Testing

@testable import PKI

@Suite("A TLS connection", .timeLimit(.minutes(1)))
struct TLSConnectionTests {
  @Test(
    "is made where both sides show a certificate that the other trusts",
    arguments: [
      KeyAlgorithm.ecdsaP256, .ecdsaP384, .rsa2048, .ed25519,
    ])
  func mutual(key: KeyAlgorithm) throws {
    let server = try OneAnswer.tls(
      TLSCast.context(TLSCast.identity(usage: .server, key: key), requireClientCertificate: true))
    let client = try TLSCast.context(TLSCast.identity(usage: .client, key: key))
    #expect(try converse(server.port, client) == "HELLO")
    #expect(try server.result().get() == Array("hello".utf8))
  }

  @Test("is made for a name, and for an address that the certificate carries", arguments: ["localhost", "127.0.0.1"])
  func names(name: String) throws {
    let server = try OneAnswer.tls(TLSCast.context())
    #expect(try converse(server.port, TLSCast.context(), name: name) == "HELLO")
  }

  @Test("is made over intermediate certificates that are sent along, and not without them")
  func intermediates() throws {
    let root = try TLSCast.root
    let (between, key) = (try PrivateKey.generate(.ecdsaP384), try PrivateKey.generate(.ecdsaP256))
    let template = CertificateTemplate(
      serialNumber: .random(), commonName: "Between", issuer: root.leaf, notBefore: .now - day, notAfter: .now + day,
      publicKeyOf: between, isAuthority: true, keyUsage: [.keyCertSign])
    let authority = Identity(chain: [try template.signed(by: root.key)], key: between)
    let leaf = try CertificateTemplate(
      serialNumber: .random(), commonName: "localhost", issuer: authority.leaf, notBefore: .now - day,
      notAfter: .now + day, publicKeyOf: key, keyUsage: [.digitalSignature], purposes: [.server],
      names: [.dns("localhost")]
    ).signed(by: authority.key)
    let whole = try OneAnswer.tls(TLSCast.context(Identity(chain: [leaf] + authority.chain, key: key)))
    #expect(try converse(whole.port, TLSCast.context()) == "HELLO")
    // Also not where the server itself knows them.
    let part = try OneAnswer.tls(
      TLSCast.context(Identity(chain: [leaf], key: key), trusted: [root, authority]))
    #expect(pkiError { _ = try converse(part.port, TLSCast.context()) }?.code == "CHAIN_UNKNOWN_ISSUER")
    #expect(try part.result().pkiError?.code == "HANDSHAKE_REFUSED")
  }

  @Test("carries a megabyte there and back")
  func large() throws {
    let context = try TLSCast.context()
    let server = try OneAnswer<Int> { connection in
      let tls = try TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
      var heard: [UInt8] = []
      while heard.count < 1 << 20 { heard += try tls.read(maximum: 1 << 16) }
      try tls.write(heard)
      tls.close()
      return heard.count
    }
    let sent = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0) }
    let tls = try TLSConnection.connect(
      host: "127.0.0.1", port: server.port, serverName: "localhost", context: TLSCast.context(),
      timeLimit: .seconds(10))
    try tls.write([])
    try tls.write(sent)
    var heard: [UInt8] = []
    while heard.count < sent.count {
      let piece = try tls.read(maximum: 1 << 16)
      try #require(!piece.isEmpty)
      heard += piece
    }
    #expect(heard == sent)
    #expect(try tls.read(maximum: 1) == [])
    #expect(try server.result().get() == sent.count)
  }

  /// A server that the client refuses.
  struct Refused: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    /// What the server is told (RFC 8446, section 6.2).
    let alert: String
    var serverName = "localhost"
    let identity: @Sendable () throws -> Identity
    var testDescription: String { name }
  }

  static let refused: [Refused] = [
    Refused(name: "of an unknown root", code: "CHAIN_UNKNOWN_ISSUER", alert: "unknown CA") {
      try TLSCast.identity(under: TLSCast.stranger)
    },
    Refused(name: "that vouches for itself", code: "CHAIN_UNKNOWN_ISSUER", alert: "unknown CA") {
      try SelfSigned.consoleIdentity(names: [.dns("localhost")], notBefore: .now - day, notAfter: .now + day)
    },
    Refused(
      name: "of another name", code: "CHAIN_NAME_MISMATCH", alert: "bad certificate", serverName: "other.example"
    ) { try TLSCast.identity() },
    Refused(
      name: "of another address", code: "CHAIN_NAME_MISMATCH", alert: "bad certificate", serverName: "127.0.0.2"
    ) { try TLSCast.identity() },
    Refused(name: "whose common name alone fits", code: "CHAIN_NAME_MISMATCH", alert: "bad certificate") {
      let key = try PrivateKey.generate(.ecdsaP256)
      let root = try TLSCast.root
      let leaf = CertificateTemplate(
        serialNumber: .random(), commonName: "localhost", issuer: root.leaf, notBefore: .now - day,
        notAfter: .now + day, publicKeyOf: key, keyUsage: [.digitalSignature], purposes: [.server],
        names: [.dns("elsewhere.example")])
      return Identity(chain: [try leaf.signed(by: root.key)], key: key)
    },
    Refused(name: "that has ended", code: "CHAIN_EXPIRED", alert: "certificate expired") {
      try TLSCast.identity(from: .now - 2 * day, to: .now - 60)
    },
    Refused(name: "that has not begun", code: "CHAIN_NOT_YET_VALID", alert: "bad certificate") {
      try TLSCast.identity(from: .now + 3_600, to: .now + day)
    },
    Refused(name: "that is a client's", code: "CHAIN_WRONG_PURPOSE", alert: "unsupported certificate") {
      try TLSCast.identity(usage: .client)
    },
  ]

  @Test("is refused by a client whose server shows a certificate", arguments: refused)
  func clientRefuses(row: Refused) throws {
    let server = try OneAnswer.tls(TLSCast.context(row.identity()))
    let error = pkiError { _ = try converse(server.port, TLSCast.context(), name: row.serverName) }
    #expect(error?.code == row.code, "\(error?.description ?? "accepted")")
    #expect(error?.sentence.hasPrefix("The certificate “") == true, "\(error?.sentence ?? "")")
    let told = try server.result().pkiError
    #expect(told?.code == "HANDSHAKE_REFUSED")
    #expect(told?.sentence.lowercased().contains(row.alert.lowercased()) == true, "\(told?.sentence ?? "")")
  }

  /// A client that the server refuses.
  struct Unwelcome: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    let alert: String
    let identity: @Sendable () throws -> Identity
    var testDescription: String { name }
  }

  static let unwelcome: [Unwelcome] = [
    Unwelcome(name: "of an unknown root", code: "CHAIN_UNKNOWN_ISSUER", alert: "unknown CA") {
      try TLSCast.identity(under: TLSCast.stranger)
    },
    Unwelcome(name: "that has ended", code: "CHAIN_EXPIRED", alert: "certificate expired") {
      try TLSCast.identity(from: .now - 2 * day, to: .now - 60)
    },
    Unwelcome(name: "that is a server's", code: "CHAIN_WRONG_PURPOSE", alert: "unsupported certificate") {
      try TLSCast.identity(usage: .server)
    },
  ]

  @Test("is refused by a server whose client shows a certificate, and the client learns why", arguments: unwelcome)
  func serverRefuses(row: Unwelcome) throws {
    let server = try OneAnswer.tls(TLSCast.context(requireClientCertificate: true))
    // In TLS 1.3 the client has finished before the server looks; it learns at its first read.
    let error = pkiError { _ = try converse(server.port, TLSCast.context(row.identity())) }
    #expect(error?.code == "HANDSHAKE_REFUSED", "\(error?.description ?? "accepted")")
    #expect(error?.sentence.lowercased().contains(row.alert.lowercased()) == true, "\(error?.sentence ?? "")")
    #expect(error?.sentence.contains("127.0.0.1:\(server.port)") == true)
    let told = try server.result().pkiError
    #expect(told?.code == row.code, "\(told?.description ?? "accepted")")
    #expect(told?.sentence.isEmpty == false)
  }

  @Test("is refused by a server that wants a certificate, to a client without one")
  func noClientCertificate() throws {
    let server = try OneAnswer.tls(TLSCast.context(requireClientCertificate: true))
    let error = pkiError { _ = try converse(server.port, .looking) }
    #expect(error?.code == "HANDSHAKE_REFUSED", "\(error?.description ?? "accepted")")
    #expect(error?.sentence.contains("certificate required") == true, "\(error?.sentence ?? "")")
    let told = try server.result().pkiError
    #expect(told?.code == "HANDSHAKE_FAILED")
    #expect(told?.sentence == "TLS with the client failed: peer did not return a certificate.")
  }

  @Test("is accepted without a client's certificate where none is wanted")
  func noneWanted() throws {
    let server = try OneAnswer.tls(TLSCast.context())
    #expect(try converse(server.port, .looking) == "HELLO")
  }

  @Test("cannot be made with a chain and a key that do not belong together, or without a chain")
  func unusable() throws {
    let (one, other) = (try TLSCast.identity(), try TLSCast.identity())
    for identity in [Identity(chain: one.chain, key: other.key), Identity(chain: [], key: one.key)] {
      #expect(code { _ = try TLSCast.context(identity) } == "TLS_IDENTITY_UNUSABLE")
    }
  }

  @Test("is given up where the server never answers, at the time limit and not long after")
  func timeLimit() throws {
    let server = try OneAnswer<[UInt8]> { connection in
      var byte: UInt8 = 0
      while recv(connection, &byte, 1, 0) > 0 {}
      close(connection)
      return []
    }
    let start = ContinuousClock.now
    let error = pkiError { _ = try converse(server.port, TLSCast.context(), limit: .milliseconds(200)) }
    #expect(error?.code == "CONNECTION_TIMED_OUT")
    #expect(error?.sentence == "127.0.0.1:\(server.port) did not answer in time.")
    #expect((.milliseconds(200)...(.seconds(5))).contains(ContinuousClock.now - start))
  }

  @Test("is given up where the client never says a word, at the time limit")
  func silentClient() throws {
    let context = try TLSCast.context()
    let server = try OneAnswer<Bool> { connection in
      _ = try TLSConnection.accept(descriptor: connection, context: context, timeLimit: .milliseconds(200))
      return true
    }
    let socket = try TCPSocket(host: "127.0.0.1", port: server.port, deadline: .now + .seconds(10))
    #expect(try server.result().pkiError?.code == "CONNECTION_TIMED_OUT")
    withExtendedLifetime(socket) {}
  }

  @Test("has one time limit for its whole life, not one for each read")
  func wholeLife() throws {
    let context = try TLSCast.context()
    let server = try OneAnswer<Bool> { connection in
      let tls = try TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
      return try tls.read(maximum: 1).isEmpty
    }
    let tls = try TLSConnection.connect(
      host: "127.0.0.1", port: server.port, serverName: "localhost", context: TLSCast.context(),
      timeLimit: .milliseconds(300))
    for _ in 0..<2 {
      let error = pkiError { _ = try tls.read(maximum: 1) }
      #expect(error?.code == "CONNECTION_TIMED_OUT")
    }
    tls.close()
    #expect(try server.result().get())
  }

  /// What is no handshake.
  struct Garbage: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    let bytes: [UInt8]
    var testDescription: String { name }
  }

  static let garbage: [Garbage] = [
    Garbage(name: "nothing", code: "CONNECTION_LOST", bytes: []),
    Garbage(name: "HTTP", code: "NOT_TLS", bytes: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)),
    Garbage(name: "a greeting", code: "NOT_TLS", bytes: Array("220 mail.example ESMTP\r\n".utf8)),
    Garbage(name: "noise", code: "NOT_TLS", bytes: [UInt8](repeating: 0xAA, count: 100)),
    Garbage(name: "nulls", code: "NOT_TLS", bytes: [UInt8](repeating: 0, count: 100)),
    Garbage(name: "half a record", code: "CONNECTION_LOST", bytes: [22, 3, 3, 0, 100, 2, 0]),
    Garbage(name: "an alert", code: "HANDSHAKE_REFUSED", bytes: [21, 3, 3, 0, 2, 2, 40]),
    Garbage(name: "a goodbye", code: "CONNECTION_LOST", bytes: [21, 3, 3, 0, 2, 1, 0]),
  ]

  @Test("is not made with a server that says", arguments: garbage)
  func garbageFromServer(row: Garbage) throws {
    let server = try OneAnswer.saying(row.bytes)
    let error = pkiError { _ = try converse(server.port, TLSCast.context()) }
    #expect(error?.code == row.code, "\(error?.description ?? "accepted")")
    #expect(error?.sentence.contains("127.0.0.1:\(server.port)") == true)
    #expect(try server.result().get().first == 22, "The client begins with a handshake record.")
    let other = try OneAnswer.saying(row.bytes)
    let look = pkiError {
      _ = try ServedChain.look(
        at: "127.0.0.1", port: other.port, serverName: "localhost", beginning: .atOnce, timeLimit: .seconds(10))
    }
    #expect(look?.code == row.code)
  }

  @Test("is not made with a client that says", arguments: garbage)
  func garbageFromClient(row: Garbage) throws {
    let context = try TLSCast.context()
    let server = try OneAnswer<Bool> { connection in
      _ = try TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
      return true
    }
    let socket = try TCPSocket(host: "127.0.0.1", port: server.port, deadline: .now + .seconds(10))
    try socket.send(row.bytes)
    shutdown(socket.descriptor, Int32(SHUT_WR))
    let error = try server.result().pkiError
    #expect(
      error != nil && ["NOT_TLS", "CONNECTION_LOST", "HANDSHAKE_REFUSED", "HANDSHAKE_FAILED"].contains(error?.code))
    #expect(error?.sentence.contains("the client") == true)
  }

  @Test("is not made where nobody listens, nor with a name that does not exist")
  func nobody() throws {
    let server = try OneAnswer.saying([])
    let port = server.port
    // Answered once, it listens no more.
    _ = try? TCPSocket(host: "127.0.0.1", port: port, deadline: .now + .seconds(10))
    _ = try server.result()
    let error = pkiError { _ = try converse(port, TLSCast.context()) }
    #expect(error?.code == "CONNECTION_REFUSED" && error?.detail == "Connection refused")
    let unknown = pkiError {
      // RFC 6761, section 6.4: no name below “invalid” exists.
      _ = try TLSConnection.connect(
        host: "server.invalid", port: 443, serverName: "localhost", context: TLSCast.context(),
        timeLimit: .seconds(1))
    }
    #expect(unknown?.code == "NAME_NOT_RESOLVED")
  }

  @Test("that the other side drops fails the next write or read, and does not end the process")
  func dropped() throws {
    let context = try TLSCast.context()
    let server = try OneAnswer<Bool> { connection in
      let tls = try TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
      _ = tls
      return true
    }
    let tls = try TLSConnection.connect(
      host: "127.0.0.1", port: server.port, serverName: "localhost", context: TLSCast.context(),
      timeLimit: .seconds(10))
    #expect(try server.result().get())
    let error = pkiError {
      for _ in 0..<1_000 { try tls.write([UInt8](repeating: 0, count: 16_000)) }
    }
    #expect(error?.code == "CONNECTION_LOST", "\(error?.description ?? "written")")
  }
}
