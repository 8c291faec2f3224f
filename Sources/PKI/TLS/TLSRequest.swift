/// Asks a server in its own protocol to begin TLS. Every byte of the answers is read by itself, so that nothing of what
/// belongs to TLS is taken away; their number is limited, and the socket limits the time.
struct TLSRequest {
  private let socket: TCPSocket
  private let answer: PlainAnswer

  init(_ socket: TCPSocket) {
    self.socket = socket
    answer = PlainAnswer(socket)
  }

  /// Leaves the connection where the TLS handshake begins.
  ///
  /// - Throws: `TLS_NOT_OFFERED` when the server declines, `NOT_TLS` when it does not speak the protocol,
  ///   `CONNECTION_LOST`, `CONNECTION_TIMED_OUT`.
  func make(_ beginning: ServedChain.Beginning) throws {
    switch beginning {
    case .atOnce: return
    case .postgreSQL: try askPostgreSQL()
    case .mariaDB: try askMariaDB()
    case .smtp: try askSMTP()
    case .imap: try askIMAP()
    case .ldap: try askLDAP()
    }
  }

  /// The length of the message, and the number 1234 × 2¹⁶ + 5679; the answer is one byte, `S` or `N`.
  private func askPostgreSQL() throws {
    try socket.send([0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F])
    switch try answer.byte() {
    case UInt8(ascii: "S"): return
    case UInt8(ascii: "N"): throw answer.declined("PostgreSQL")
    default: throw answer.strange("PostgreSQL")
    }
  }

  /// The greeting and every reply are lines `ddd-text` and at last `ddd text` (RFC 5321, section 4.2.1).
  private func askSMTP() throws {
    let greeting = try reply()
    guard greeting.code == "220" else { throw answer.declined("SMTP", saying: greeting.lines.first) }
    // A name that is nobody's (RFC 2606, section 2): no server is told one that is not ours.
    try socket.send(Array("EHLO reroot.invalid\r\n".utf8))
    let abilities = try reply()
    guard abilities.code == "250", abilities.lines.contains(where: { $0.dropFirst(4).uppercased() == "STARTTLS" })
    else {
      throw answer.declined("SMTP", saying: abilities.code == "250" ? nil : abilities.lines.first)
    }
    try socket.send(Array("STARTTLS\r\n".utf8))
    let consent = try reply()
    guard consent.code == "220" else { throw answer.declined("SMTP", saying: consent.lines.first) }
  }

  private func reply() throws -> (code: Substring, lines: [String]) {
    var lines: [String] = []
    while true {
      let line = try answer.line()
      let code = line.utf8.prefix(3)
      guard code.count == 3, code.allSatisfy({ (0x30...0x39).contains($0) }),
        lines.first.map({ $0.utf8.prefix(3).elementsEqual(code) }) ?? true
      else { throw answer.strange("SMTP") }
      lines.append(line)
      switch line.utf8.dropFirst(3).first {
      case UInt8(ascii: "-"): continue
      case nil, UInt8(ascii: " "): return (line.prefix(3), lines)
      default: throw answer.strange("SMTP")
      }
    }
  }

  /// What is not the answer to the command begins with `*` and may come at any time (RFC 9051, section 2.2.2).
  private func askIMAP() throws {
    let greeting = try answer.line()
    guard greeting.hasPrefix("* ") else { throw answer.strange("IMAP") }
    // A connection that is signed in from its beginning cannot begin TLS any more.
    guard greeting.uppercased().hasPrefix("* OK") else { throw answer.declined("IMAP", saying: greeting) }
    try socket.send(Array("a1 STARTTLS\r\n".utf8))
    while true {
      let line = try answer.line()
      if line.hasPrefix("* ") { continue }
      guard line.hasPrefix("a1 ") else { throw answer.strange("IMAP") }
      guard line.uppercased().hasPrefix("A1 OK") else { throw answer.declined("IMAP", saying: line) }
      return
    }
  }
}

extension TLSRequest {
  /// The server speaks first: its packet says, among other things, whether it can do TLS.
  private func askMariaDB() throws {
    let packet = try mariaDBPacket()
    switch packet.first {
    case 0x0A: break
    case 0xFF:
      // A refusal: the number of the error in two bytes, and its text.
      throw answer.declined("MariaDB", saying: VisibleText.of(packet.dropFirst(3), limit: 200))
    default: throw answer.strange("MariaDB")
    }
    // The version's text with its zero byte, 4 bytes for the connection's number, 8 of the challenge, a zero byte; then
    // the lower half of the abilities, the lowest byte first.
    guard let end = packet.dropFirst().firstIndex(of: 0), packet.count >= end + 16 else {
      throw answer.strange("MariaDB")
    }
    let abilities = UInt16(packet[end + 14]) | UInt16(packet[end + 15]) << 8
    guard abilities & Self.mariaDBTLS != 0 else { throw answer.declined("MariaDB") }
    // The longest packet (16 MiB), the character set utf8, and 23 zero bytes; it is the packet with the number 1.
    try socket.send([32, 0, 0, 1] + Self.mariaDBAbilities + [0, 0, 0, 0, 0, 1, 33] + [UInt8](repeating: 0, count: 23))
  }

  /// The lower half of the abilities that are claimed: TLS, the protocol 4.1 with its passwords.
  static let mariaDBAbilities: [UInt8] = [0x01, 0x8A]

  /// CLIENT_SSL.
  private static let mariaDBTLS: UInt16 = 0x0800

  /// The first packet of a connection: three bytes for its length, the lowest first, and the number 0.
  private func mariaDBPacket() throws -> [UInt8] {
    let head = try answer.bytes(4)
    let length = Int(head[0]) | Int(head[1]) << 8 | Int(head[2]) << 16
    guard head[3] == 0, (1...PlainAnswer.longest).contains(length) else { throw answer.strange("MariaDB") }
    return try answer.bytes(length)
  }

  /// An extended request with the name of StartTLS, as the message 1; the answer is an extended response to it.
  private func askLDAP() throws {
    let name = Array("1.3.6.1.4.1.1466.20037".utf8)
    let operation: [UInt8] = [0x77, UInt8(name.count + 2), 0x80, UInt8(name.count)] + name
    try socket.send([0x30, UInt8(operation.count + 3), 0x02, 1, 1] + operation)
    guard try answer.byte() == DERTag.sequence else { throw answer.strange("LDAP") }
    let result: (message: Int, code: Int, text: String)
    do {
      result = try Self.resultOfLDAP(try answer.bytes(try lengthOfLDAP()))
    } catch is DERError {
      throw answer.strange("LDAP")
    }
    // Message 0 is what a server says by itself before it hangs up (RFC 4511, section 4.4).
    switch (result.message, result.code) {
    case (1, 0): return
    case (0...1, _):
      let text = result.text.isEmpty ? "" : ", \(result.text)"
      throw answer.declined("LDAP", saying: "result \(result.code)\(text)")
    default: throw answer.strange("LDAP")
    }
  }

  /// The number of a message, and the result of the extended response in it (RFC 4511, section 4.1.9).
  private static func resultOfLDAP(_ bytes: [UInt8]) throws -> (message: Int, code: Int, text: String) {
    var message = DERReader(SecretBytes(bytes))
    let number = try message.next(DERTag.integer, "the number").integer()
    var response = try DERReader(inside: message.next(0x78, "the response"))
    let code = try response.next(0x0A, "the result").bytes
    guard let last = code.last, code.dropLast().allSatisfy({ $0 == 0 }) else { throw DERError("the result is odd") }
    _ = try response.next(DERTag.octetString, "the name")
    let text = try response.next(DERTag.octetString, "the text").bytes
    return (number, Int(last), VisibleText.of(text, limit: 200))
  }

  /// A length in BER's definite form, with leading zeros too: Active Directory writes every length in four bytes
  /// (X.690, section 8.1.3.5, allows more bytes than are needed).
  private func lengthOfLDAP() throws -> Int {
    let first = try answer.byte()
    guard first >= 0x80 else { return Int(first) }
    guard (0x81...0x84).contains(first) else { throw answer.strange("LDAP") }
    let length = try answer.bytes(Int(first & 0x7F)).reduce(0) { $0 << 8 | Int($1) }
    guard length <= PlainAnswer.longest else { throw answer.strange("LDAP") }
    return length
  }
}
