import COpenSSL

/// Looks at the certificates that a server shows, whatever they are.
public enum ServedChain {
  /// How TLS begins on a connection.
  public enum Beginning: Sendable, Hashable {
    /// With the first byte.
    case atOnce
    /// After PostgreSQL's SSLRequest (PostgreSQL's manual, section “Message Formats”).
    case postgreSQL
    /// After the SSLRequest packet of MariaDB and MySQL (MariaDB's Knowledge Base, “Connecting”).
    case mariaDB
    /// After SMTP's command STARTTLS (RFC 3207).
    case smtp
    /// After IMAP's command STARTTLS (RFC 9051, section 6.2.1).
    case imap
    /// After LDAP's StartTLS operation (RFC 4511, section 4.14).
    case ldap
  }

  /// Makes one handshake with an address and returns the chain that was shown, the server's own certificate first.
  ///
  /// Nothing is verified but that the server has the certificate's key. A server that refuses the connection only
  /// because no client certificate is shown has been seen all the same. Blocking, for the time limit at most.
  ///
  /// - Throws: ``PKIError`` with the codes `CONNECTION_REFUSED`, `CONNECTION_TIMED_OUT`, `CONNECTION_LOST`, `NOT_TLS`,
  ///   `TLS_NOT_OFFERED` (where TLS does not begin at once), `HANDSHAKE_REFUSED`, `HANDSHAKE_FAILED`.
  public static func look(
    at address: String, port: UInt16, serverName: String, beginning: Beginning, timeLimit: Duration
  ) throws -> [Certificate] {
    let socket = try TCPSocket(host: address, port: port, deadline: .now + timeLimit)
    try TLSRequest(socket).make(beginning)
    let connection = try TLSConnection(
      socket: socket, context: try .looking, serverName: try AlternativeName(parsing: serverName))
    defer { connection.close() }
    do {
      try connection.handshake { SSL_connect($0) }
    } catch let error as PKIError where error.code == "HANDSHAKE_REFUSED" && connection.hasProvedPeerKey {
      // TLS 1.2: the server missed our certificate after it had shown and proved its own.
    }
    let chain = try connection.peerChain()
    if beginning == .mariaDB { MariaDBFarewell.say(over: connection) }
    return chain
  }
}
