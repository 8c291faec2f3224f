import COpenSSL

/// Shows a client certificate to a server and tells what it made of it.
public enum ClientOffer {
  /// What a server did with the certificate.
  public struct Answer: Sendable, Hashable {
    /// Whether it asked for a certificate at all.
    public var isAsked: Bool
    /// Why it refused the certificate, for a person; nil when it went on.
    public var refusal: String?
    /// How many authorities it named when it asked (RFC 8446, section 4.2.4; RFC 5246, section 7.4.4).
    public var announced: Int
    /// Which of the authorities in question were among those, by their places in the list that was given.
    public var named: Set<Int>

    /// Describes what a server did.
    public init(isAsked: Bool, refusal: String? = nil, announced: Int = 0, named: Set<Int> = []) {
      self.isAsked = isAsked
      self.refusal = refusal
      self.announced = announced
      self.named = named
    }
  }

  /// For how long a TLS 1.3 server that says nothing after the handshake is taken to have refused nothing.
  static let silence = Duration.seconds(1)

  /// Makes one handshake in which the identity is offered. Nothing of the server is verified. Blocking, for the time
  /// limit at most.
  ///
  /// TLS 1.2 is preferred, because there the server answers only after it has judged the certificate. In TLS 1.3 a
  /// refusal comes after the handshake, so it is waited for.
  ///
  /// - Parameter authorities: the roots of which is asked whether the server names them.
  /// - Throws: ``PKIError`` as ``ServedChain/look(at:port:serverName:beginning:timeLimit:)`` does, when the server breaks
  ///   off without having asked for a certificate.
  public static func make(
    _ identity: Identity, authorities: [Certificate] = [], at address: String, port: UInt16, serverName: String,
    beginning: ServedChain.Beginning, timeLimit: Duration
  ) throws -> Answer {
    let deadline = ContinuousClock.now + timeLimit
    let context = try TLSContext(offering: identity)
    func attempt(tls12Only: Bool) throws -> Answer {
      let socket = try TCPSocket(host: address, port: port, deadline: deadline)
      try TLSRequest(socket).make(beginning)
      let connection = try TLSConnection(
        socket: socket, context: context, serverName: try AlternativeName(parsing: serverName))
      defer { connection.close() }
      if tls12Only { try connection.allowTLS12Only() }
      let answer = try answer(of: connection, authorities)
      if beginning == .mariaDB, answer.refusal == nil { MariaDBFarewell.say(over: connection) }
      return answer
    }
    do {
      return try attempt(tls12Only: true)
    } catch let error as PKIError where error.code == "HANDSHAKE_REFUSED" || error.code == "CONNECTION_LOST" {
      // It may be one that speaks nothing older than TLS 1.3.
      return try attempt(tls12Only: false)
    }
  }

  private static func answer(of connection: TLSConnection, _ authorities: [Certificate]) throws -> Answer {
    let (isAsked, result) = connection.handshakeNotingRequest()
    var answer = Answer(isAsked: isAsked, announced: connection.announcedAuthorities)
    answer.named = Set(authorities.indices.filter { connection.serverAnnounces(authorities[$0]) })
    guard isAsked else {
      try result.get()
      return answer
    }
    do {
      try result.get()
      if connection.isJudgedAfterwards { try connection.listen(for: silence) }
    } catch let error as PKIError where error.code != "CONNECTION_TIMED_OUT" {
      answer.refusal = error.sentence
    }
    return answer
  }
}
