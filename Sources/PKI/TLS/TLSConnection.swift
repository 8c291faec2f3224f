import COpenSSL
import Foundation

/// One TLS connection, used by one thread at a time. Every call blocks until the connection's time limit at most.
public final class TLSConnection {
  private let connection: OpaquePointer
  private let socket: TCPSocket
  private let context: TLSContext
  private let serverName: AlternativeName?
  private let limit: ReadLimit

  /// Connects and completes a handshake in which the server has shown a chain to a trusted root, for its name.
  ///
  /// - Parameters:
  ///   - host: an address, or a name that is resolved.
  ///   - serverName: the name that is asked for (SNI, RFC 6066, section 3) and that the certificate must carry.
  ///   - timeLimit: for the whole life of the connection, unless ``allow(_:)`` sets another.
  /// - Throws: ``PKIError``: `CONNECTION_REFUSED`, `CONNECTION_TIMED_OUT`, `CONNECTION_LOST`, `HANDSHAKE_FAILED`,
  ///   `NOT_TLS`, or a `CHAIN_…` code when the server's certificate was refused here; `OTHER_CERTIFICATE` when it is not
  ///   the one that the context pins.
  public static func connect(
    host: String, port: UInt16, serverName: String, context: TLSContext, timeLimit: Duration
  ) throws -> TLSConnection {
    let socket = try TCPSocket(host: host, port: port, deadline: .now + timeLimit)
    let connection = try TLSConnection(
      socket: socket, context: context, serverName: try AlternativeName(parsing: serverName))
    try connection.handshake { SSL_connect($0) }
    try connection.checkPin()
    return connection
  }

  /// From now on, what is done with the connection may take so long.
  public func allow(_ time: Duration) { socket.setDeadline(.now + time) }

  /// The handshake has proved that the server has the key of what it showed.
  private func checkPin() throws {
    guard let pin = context.pin else { return }
    guard let served = try peerChain().first, served.fingerprint == pin else {
      let shown = try peerChain().first.map { "\($0.fingerprint)" } ?? "none"
      throw PKIError(
        code: "OTHER_CERTIFICATE",
        sentence: "\(socket.peer) shows another certificate than the expected one. Its SHA-256 is \(shown).")
    }
  }

  /// Completes a handshake as the server of a connection that was accepted; the descriptor is taken over.
  ///
  /// A client that is refused gets up to a second to learn why.
  ///
  /// - Throws: as ``connect(host:port:serverName:context:timeLimit:)``.
  public static func accept(descriptor: Int32, context: TLSContext, timeLimit: Duration) throws -> TLSConnection {
    let socket = TCPSocket(takingOwnership: descriptor, deadline: .now + timeLimit)
    let connection = try TLSConnection(socket: socket, context: context, serverName: nil)
    // A server that verifies asks for a certificate; one that demands none must not ask.
    if !context.asksClients { SSL_set_verify(connection.connection, SSL_VERIFY_NONE, nil) }
    do {
      try connection.handshake { SSL_accept($0) }
    } catch {
      socket.finish()
      throw error
    }
    return connection
  }

  /// OpenSSL's socket BIO writes with write(2), which would end the process when the other side has gone.
  private static let brokenPipesAreErrors: Void = { signal(SIGPIPE, SIG_IGN) }()

  init(socket: TCPSocket, context: TLSContext, serverName: AlternativeName?) throws {
    Self.brokenPipesAreErrors
    self.socket = socket
    self.context = context
    self.serverName = serverName
    limit = ReadLimit(socket)
    connection = try OpenSSLErrors.require("OUT_OF_MEMORY", "There is no memory left for a TLS connection.") {
      context.withUnsafePointer { SSL_new($0) }
    }
    // Every property is set by now, so `deinit` frees the connection if this throws.
    try OpenSSLErrors.require("TLS_UNUSABLE", "A TLS connection cannot be prepared.") { () -> Void? in
      SSL_set_fd(connection, socket.descriptor) == 1 && Self.name(serverName, connection, context.verifiesServers)
        ? () : nil
    }
    limit.watch(connection)
  }

  deinit { SSL_free(connection) }

  /// Reads at most so many bytes; none when the other side has ended the connection.
  public func read(maximum: Int) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: max(1, maximum))
    let count = try perform { SSL_read($0, &buffer, Int32(buffer.count)) }
    return Array(buffer.prefix(Int(count)))
  }

  /// Writes all the bytes.
  public func write(_ bytes: [UInt8]) throws {
    guard !bytes.isEmpty else { return }
    // Without SSL_MODE_ENABLE_PARTIAL_WRITE everything is written or nothing (SSL_write(3)).
    let written = try perform { SSL_write($0, bytes, Int32(bytes.count)) }
    guard written > 0 else {
      throw PKIError(
        code: "CONNECTION_LOST", sentence: "The connection with \(socket.peer) broke off: the other side closed it.")
    }
  }

  /// Says that nothing more will be sent; does not wait for the other side.
  public func close() {
    OpenSSLErrors.guarded { _ = SSL_shutdown(connection) }
  }

  /// Completes the handshake, or throws.
  func handshake(_ step: (OpaquePointer) -> Int32) throws {
    // None means that the other side has said goodbye, which is no completed handshake.
    guard try limit.during(ReadLimit.handshake, { try perform(step) }) > 0 else {
      throw PKIError(
        code: "CONNECTION_LOST", sentence: "The connection with \(socket.peer) broke off: the other side ended it.")
    }
  }

  /// The certificates that the other side showed, its own first.
  func peerChain() throws -> [Certificate] { try CertificateList.certificates(in: SSL_get_peer_cert_chain(connection)) }

  /// Whether this side has sent its last handshake message. A client does so only after it has verified the server's
  /// signature with the key of the certificate it showed (RFC 5246, section 7.4.3; RFC 8446, section 4.4.3).
  ///
  /// With the old RSA key transport there is no such signature: only the server's own last message would prove the key.
  var hasProvedPeerKey: Bool {
    guard let cipher = SSL_get_current_cipher(connection), SSL_CIPHER_get_kx_nid(cipher) != NID_kx_rsa else {
      return false
    }
    var byte: UInt8 = 0
    return SSL_get_finished(connection, &byte, 1) > 0
  }

  /// Goes no further than TLS 1.2, in which a server's last message comes after it has judged the client's certificate.
  func allowTLS12Only() throws {
    try OpenSSLErrors.require("TLS_UNUSABLE", "A TLS connection cannot be prepared.") { () -> Void? in
      reroot_connection_allow_tls12_only(connection) == 1 ? () : nil
    }
  }

  /// Completes the handshake as a client, and tells whether the server asked for a certificate on the way, even when the
  /// handshake then failed.
  func handshakeNotingRequest() -> (isAsked: Bool, result: Result<Void, any Error>) {
    let flag = UnsafeMutablePointer<Bool>.allocate(capacity: 1)
    flag.initialize(to: false)
    defer { flag.deallocate() }
    // SSL_set_cert_cb(3): the client's callback is called when a certificate is requested; 1 lets the handshake go on.
    SSL_set_cert_cb(
      connection,
      { _, argument in
        argument?.assumingMemoryBound(to: Bool.self).pointee = true
        return 1
      }, flag)
    defer { SSL_set_cert_cb(connection, nil, nil) }
    let result = Result { try handshake { SSL_connect($0) } }
    return (flag.pointee, result)
  }

  /// Whether the server named this certificate's subject among the authorities that it takes certificates from.
  func serverAnnounces(_ authority: Certificate) -> Bool {
    (0..<reroot_connection_count_authorities(connection)).contains { index in
      reroot_connection_authority_at(connection, index).map(authority.hasSubject) ?? false
    }
  }

  /// How many authorities the server named.
  var announcedAuthorities: Int { Int(reroot_connection_count_authorities(connection)) }

  /// Whether the protocol in use is one in which the client finishes before the server has judged its certificate
  /// (RFC 8446, section 2).
  var isJudgedAfterwards: Bool { SSL_version(connection) >= TLS1_3_VERSION }

  /// Listens for what the server says after the handshake: an alert is thrown; data, or silence until the end of the
  /// limit, returns.
  func listen(for time: Duration) throws {
    try limit.during(ReadLimit.handshake) { try listen(until: .now + time) }
  }

  private func listen(until end: ContinuousClock.Instant) throws {
    var byte: UInt8 = 0
    while true {
      OpenSSLErrors.clear()
      let result = SSL_read(connection, &byte, 1)
      if result > 0 { return }
      let systemError = errno
      switch SSL_get_error(connection, result) {
      case SSL_ERROR_WANT_READ:
        guard ContinuousClock.now < end else { return }
        do {
          try socket.wait(toRead: true, until: end)
        } catch {
          return
        }
      case SSL_ERROR_WANT_WRITE: try socket.wait(toRead: false)
      case SSL_ERROR_ZERO_RETURN:
        throw PKIError(
          code: "CONNECTION_LOST", sentence: "The connection with \(socket.peer) broke off: the other side ended it.")
      default: throw failure(systemError: systemError)
      }
    }
  }

  /// What the step returns once it need not wait; none when the other side has ended the connection.
  private func perform(_ step: (OpaquePointer) -> Int32) throws -> Int32 {
    while true {
      OpenSSLErrors.clear()
      let result = step(connection)
      if result > 0 { return result }
      let systemError = errno
      switch SSL_get_error(connection, result) {
      case SSL_ERROR_ZERO_RETURN: return 0
      case SSL_ERROR_WANT_READ: try socket.wait(toRead: true)
      case SSL_ERROR_WANT_WRITE: try socket.wait(toRead: false)
      default: throw failure(systemError: systemError)
      }
    }
  }

  private func failure(systemError: Int32) -> PKIError {
    if let refusal = limit.refusal {
      OpenSSLErrors.clear()
      return refusal
    }
    let verification = SSL_get_verify_result(connection)
    if context.verifiesServers, verification != Int(X509_V_OK) {
      OpenSSLErrors.clear()
      return ChainFailure(
        error: Int32(verification), depth: 0, certificate: try? peerChain().first, name: serverName,
        purpose: serverName == nil ? .client : .server, moment: Date()
      ).asError
    }
    return TLSFailure.error(OpenSSLErrors.drainEntries(), systemError: systemError, peer: socket.peer)
  }

  private static func name(_ name: AlternativeName?, _ connection: OpaquePointer, _ verifies: Bool) -> Bool {
    switch name {
    case nil: return true
    case .dns(let host):
      guard reroot_connection_set_server_name(connection, host) == 1 else { return false }
      return !verifies || SSL_set1_host(connection, host) == 1
    case .ip:
      // An address is no server name (RFC 6066, section 3), but the certificate must carry it all the same.
      let octets = name?.octets ?? []
      return !verifies || X509_VERIFY_PARAM_set1_ip(SSL_get0_param(connection), octets, octets.count) == 1
    }
  }
}
