import COpenSSL

/// Looks at the certificates that a server shows, whatever they are.
public enum ServedChain {
  /// How TLS begins on a connection.
  public enum Beginning: Sendable, Hashable {
    /// With the first byte.
    case atOnce
    /// After PostgreSQL's SSLRequest (PostgreSQL's manual, section “Message Formats”).
    case postgreSQL
  }

  /// Makes one handshake with an address and returns the chain that was shown, the server's own certificate first.
  ///
  /// Nothing is verified but that the server has the certificate's key. A server that refuses the connection only
  /// because no client certificate is shown has been seen all the same. Blocking, for the time limit at most.
  ///
  /// - Throws: ``PKIError`` with the codes `CONNECTION_REFUSED`, `CONNECTION_TIMED_OUT`, `CONNECTION_LOST`, `NOT_TLS`,
  ///   `TLS_NOT_OFFERED` (by PostgreSQL), `HANDSHAKE_REFUSED`, `HANDSHAKE_FAILED`.
  public static func look(
    at address: String, port: UInt16, serverName: String, beginning: Beginning, timeLimit: Duration
  ) throws -> [Certificate] {
    let socket = try TCPSocket(host: address, port: port, deadline: .now + timeLimit)
    if beginning == .postgreSQL { try requestTLS(socket) }
    let connection = try TLSConnection(
      socket: socket, context: try TLSContext(), serverName: try AlternativeName(parsing: serverName))
    defer { connection.close() }
    do {
      try connection.handshake { SSL_connect($0) }
    } catch let error as PKIError where error.code == "HANDSHAKE_REFUSED" && connection.hasProvedPeerKey {
      // TLS 1.2: the server missed our certificate after it had shown and proved its own.
    }
    return try connection.peerChain()
  }

  /// The length of the message, and the number 1234 × 2¹⁶ + 5679; the answer is one byte, `S` or `N`.
  private static func requestTLS(_ socket: TCPSocket) throws {
    try socket.send([0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F])
    switch try socket.receiveByte() {
    case UInt8(ascii: "S"): return
    case UInt8(ascii: "N"):
      throw PKIError(code: "TLS_NOT_OFFERED", sentence: "The PostgreSQL server at \(socket.peer) does not offer TLS.")
    case nil:
      throw PKIError(
        code: "CONNECTION_LOST", sentence: "The connection with \(socket.peer) broke off: the other side closed it.")
    default:
      throw PKIError(
        code: "NOT_TLS", sentence: "What \(socket.peer) answers to PostgreSQL's request for TLS is not PostgreSQL's.")
    }
  }
}
