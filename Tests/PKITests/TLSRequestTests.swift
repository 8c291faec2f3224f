import Foundation
import Testing

@testable import PKI

/// What a server says and hears before TLS begins.
enum PlainStep: Sendable {
  case say([UInt8])
  case sayText(String)
  /// Hears exactly so many bytes.
  case hear(Int)
  /// Hears up to the end of a line.
  case hearLine
  /// Goes on with TLS.
  case tls
  /// Says the same again and again until the client leaves.
  case sayForEver([UInt8], pause: useconds_t)
  /// Says nothing more, but stays.
  case wait
}

@Suite("TLS is asked for in the server's own protocol", .timeLimit(.minutes(1)))
struct TLSRequestTests {
  private static func serve(_ steps: [PlainStep], _ identity: Identity?) throws -> OneAnswer<[UInt8]> {
    let context = try identity.map { try TLSCast.context($0) }
    return try OneAnswer { connection in
      var heard: [UInt8] = []
      var byte: UInt8 = 0
      for step in steps {
        switch step {
        case .say(let bytes): send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        case .sayText(let text): send(connection, text, text.utf8.count, Int32(MSG_NOSIGNAL))
        case .hear(let count):
          for _ in 0..<count where recv(connection, &byte, 1, 0) == 1 { heard.append(byte) }
        case .hearLine:
          while recv(connection, &byte, 1, 0) == 1 {
            heard.append(byte)
            if byte == UInt8(ascii: "\n") { break }
          }
        case .tls:
          guard let context else { continue }
          let tls = try? TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
          _ = try? tls?.read(maximum: 1)
          return heard
        case .sayForEver(let bytes, let pause):
          while send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0 { usleep(pause) }
        case .wait: while recv(connection, &byte, 1, 0) == 1 {}
        }
      }
      shutdown(connection, Int32(SHUT_WR))
      while recv(connection, &byte, 1, 0) == 1 {}
      close(connection)
      return heard
    }
  }

  private func look(_ port: UInt16, _ beginning: ServedChain.Beginning, limit: Duration = .seconds(10)) throws
    -> [Certificate]
  {
    try ServedChain.look(at: "127.0.0.1", port: port, serverName: "localhost", beginning: beginning, timeLimit: limit)
  }

  // MARK: Servers that begin TLS

  struct Good: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let beginning: ServedChain.Beginning
    let steps: [PlainStep]
    let heard: [UInt8]
  }

  /// MariaDB's first packet with these abilities.
  private static func greeting(_ abilities: UInt16 = 0xFFFE, version: String = "5.5.5-10.11.9-MariaDB") -> [UInt8] {
    let body: [UInt8] =
      [0x0A] + Array(version.utf8) + [0] + [9, 0, 0, 0] + Array("abcdefgh".utf8) + [0]
      + [UInt8(abilities & 0xFF), UInt8(abilities >> 8)] + [45, 2, 0, 0xFF, 0x81, 21]
      + [UInt8](repeating: 0, count: 10) + Array("ijklmnopqrst".utf8) + [0] + Array("mysql_native_password".utf8) + [0]
    return [UInt8(body.count), 0, 0, 0] + body
  }

  private static let mariaDBRequest: [UInt8] =
    [32, 0, 0, 1, 0x01, 0x8A, 0, 0, 0, 0, 0, 1, 33] + [UInt8](repeating: 0, count: 23)
  private static let ldapRequest: [UInt8] =
    [0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22] + Array("1.3.6.1.4.1.1466.20037".utf8)
  private static let smtpWords = Array("EHLO reroot.invalid\r\nSTARTTLS\r\n".utf8)

  static let goodRows: [Good] = [
    Good(
      testDescription: "MariaDB", beginning: .mariaDB, steps: [.say(greeting()), .hear(36), .tls],
      heard: mariaDBRequest),
    Good(
      testDescription: "MariaDB that needs its time for every byte", beginning: .mariaDB,
      steps: greeting().map { .say([$0]) } + [.hear(36), .tls], heard: mariaDBRequest),
    Good(
      testDescription: "SMTP with one line each", beginning: .smtp,
      steps: [
        .sayText("220 mail ESMTP\r\n"), .hearLine, .sayText("250-mail\r\n250 STARTTLS\r\n"), .hearLine,
        .sayText("220 2.0.0 Ready\r\n"), .tls,
      ], heard: smtpWords),
    Good(
      testDescription: "SMTP with many lines, in other letters and with plain line ends", beginning: .smtp,
      steps: [
        .sayText("220-mail\n220-welcome\n220\n"), .hearLine,
        .sayText("250-mail\n250-PIPELINING\n250-starttls\n250 SIZE 1\n"), .hearLine, .sayText("220-go\n220 on\n"), .tls,
      ], heard: smtpWords),
    Good(
      testDescription: "IMAP", beginning: .imap,
      steps: [
        .sayText("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"), .hearLine, .sayText("a1 OK begin\r\n"), .tls,
      ],
      heard: Array("a1 STARTTLS\r\n".utf8)),
    Good(
      testDescription: "IMAP that says other things in between", beginning: .imap,
      steps: [
        .sayText("* ok\r\n"), .hearLine, .sayText("* 5 EXISTS\r\n* CAPABILITY IMAP4rev1\r\na1 ok\r\n"), .tls,
      ], heard: Array("a1 STARTTLS\r\n".utf8)),
    Good(
      testDescription: "LDAP", beginning: .ldap,
      steps: [.hear(31), .say([0x30, 12, 2, 1, 1, 0x78, 7, 0x0A, 1, 0, 4, 0, 4, 0]), .tls], heard: ldapRequest),
    Good(
      testDescription: "LDAP of Active Directory, with every length in four bytes", beginning: .ldap,
      steps: [
        .hear(31),
        .say(
          [0x30, 0x84, 0, 0, 0, 40, 2, 1, 1, 0x78, 0x84, 0, 0, 0, 31, 0x0A, 1, 0, 4, 0, 4, 0, 0x8A, 22]
            + Array("1.3.6.1.4.1.1466.20037".utf8)), .tls,
      ], heard: ldapRequest),
  ]

  @Test("and the certificate is seen that is served after", arguments: goodRows)
  func good(row: Good) throws {
    let identity = try TLSCast.identity()
    let server = try Self.serve(row.steps, identity)
    #expect(try look(server.port, row.beginning) == identity.chain)
    #expect(try server.result().get() == row.heard)
  }

  // MARK: Servers that do not

  struct Bad: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let beginning: ServedChain.Beginning
    let steps: [PlainStep]
    let code: String
    var part = ""

    init(
      _ name: String, _ beginning: ServedChain.Beginning, _ steps: [PlainStep], _ code: String, _ part: String = ""
    ) {
      testDescription = name
      self.beginning = beginning
      self.steps = steps
      self.code = code
      self.part = part
    }
  }

  static let decliningRows: [Bad] = [
    Bad("MariaDB without TLS", .mariaDB, [.say(greeting(0xFFFE & ~0x0800))], "TLS_NOT_OFFERED", "MariaDB server at"),
    Bad(
      "MariaDB that turns this host away", .mariaDB,
      [.say([29, 0, 0, 0, 0xFF, 0x6A, 0x04] + Array("Host is not allowed here\u{1b}!".utf8))], "TLS_NOT_OFFERED",
      "Host is not allowed here\\u{1B}!"),
    Bad("SMTP that is busy", .smtp, [.sayText("421 too busy\r\n")], "TLS_NOT_OFFERED", "421 too busy"),
    Bad(
      "SMTP without TLS", .smtp, [.sayText("220 a\r\n"), .hearLine, .sayText("250-a\r\n250 SIZE STARTTLS\r\n")],
      "TLS_NOT_OFFERED", "SMTP server at"),
    Bad(
      "SMTP that knows no EHLO", .smtp, [.sayText("220 a\r\n"), .hearLine, .sayText("502 no\r\n")], "TLS_NOT_OFFERED",
      "502 no"),
    Bad(
      "SMTP that takes it back", .smtp,
      [.sayText("220 a\r\n"), .hearLine, .sayText("250 STARTTLS\r\n"), .hearLine, .sayText("454 no key\r\n")],
      "TLS_NOT_OFFERED", "454 no key"),
    Bad("IMAP that is signed in already", .imap, [.sayText("* PREAUTH hello\r\n")], "TLS_NOT_OFFERED", "PREAUTH"),
    Bad("IMAP that says goodbye", .imap, [.sayText("* BYE\r\n")], "TLS_NOT_OFFERED", "BYE"),
    Bad(
      "IMAP without TLS", .imap, [.sayText("* OK\r\n"), .hearLine, .sayText("a1 BAD what\r\n")], "TLS_NOT_OFFERED",
      "a1 BAD what"),
    Bad(
      "LDAP without TLS", .ldap,
      [.hear(31), .say([0x30, 16, 2, 1, 1, 0x78, 11, 0x0A, 1, 2, 4, 0, 4, 4] + Array("no k".utf8))], "TLS_NOT_OFFERED",
      "result 2, no k"),
    Bad(
      "LDAP that hangs up", .ldap, [.hear(31), .say([0x30, 12, 2, 1, 0, 0x78, 7, 0x0A, 1, 52, 4, 0, 4, 0])],
      "TLS_NOT_OFFERED", "result 52"),
  ]

  private static let lies = [UInt8](repeating: 0xFF, count: 3)
  static let strangeRows: [Bad] = [
    Bad("a web server for MariaDB", .mariaDB, [.sayText("HTTP/1.1 400 Bad Request\r\n\r\n")], "NOT_TLS"),
    Bad("an empty packet for MariaDB", .mariaDB, [.say([0, 0, 0, 0])], "NOT_TLS"),
    Bad("MariaDB's packet of 16 MiB", .mariaDB, [.say(lies + [0, 0x0A])], "NOT_TLS"),
    Bad("MariaDB's packet out of turn", .mariaDB, [.say([60, 0, 0, 7] + greeting().dropFirst(4))], "NOT_TLS"),
    Bad(
      "a version for MariaDB that does not end", .mariaDB, [.say([9, 0, 0, 0, 0x0A] + Array("10.11.9x".utf8))],
      "NOT_TLS"),
    Bad(
      "MariaDB's packet cut before the abilities", .mariaDB,
      [.say([17, 0, 0, 0, 0x0A, 0x35, 0] + [UInt8](repeating: 1, count: 14))], "NOT_TLS"),
    Bad("an old protocol of MariaDB", .mariaDB, [.say([3, 0, 0, 0, 9, 0x35, 0])], "NOT_TLS"),
    Bad("MariaDB that closes in its packet", .mariaDB, [.say(Array(greeting().prefix(20)))], "CONNECTION_LOST"),
    Bad("no reply code for SMTP", .smtp, [.sayText("hello\r\n")], "NOT_TLS"),
    Bad("an empty line for SMTP", .smtp, [.sayText("\r\n")], "NOT_TLS"),
    Bad("a code that changes for SMTP", .smtp, [.sayText("220-a\r\n250 b\r\n")], "NOT_TLS"),
    Bad("a code with something behind it for SMTP", .smtp, [.sayText("220x\r\n")], "NOT_TLS"),
    Bad("bytes that are no text for SMTP", .smtp, [.say([0xFF, 0xFE, 0, 10])], "NOT_TLS"),
    Bad("SMTP that closes in a line", .smtp, [.sayText("220 mai")], "CONNECTION_LOST"),
    Bad("SMTP that closes after its greeting", .smtp, [.sayText("220 a\r\n"), .hearLine], "CONNECTION_LOST"),
    Bad("another greeting than IMAP's", .imap, [.sayText("220 a\r\n")], "NOT_TLS"),
    Bad("another's answer for IMAP", .imap, [.sayText("* OK\r\n"), .hearLine, .sayText("a2 OK\r\n")], "NOT_TLS"),
    Bad(
      "an answer for IMAP before the question", .imap, [.sayText("a1 OK\r\n")], "NOT_TLS"),
    Bad("text for LDAP", .ldap, [.hear(31), .sayText("220 hello\r\n")], "NOT_TLS"),
    Bad("an open length for LDAP", .ldap, [.hear(31), .say([0x30, 0x80, 2, 1, 1])], "NOT_TLS"),
    Bad("a length of five bytes for LDAP", .ldap, [.hear(31), .say([0x30, 0x85, 0, 0, 0, 0, 1])], "NOT_TLS"),
    Bad("a length of 4 GiB for LDAP", .ldap, [.hear(31), .say([0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF])], "NOT_TLS"),
    Bad("a length beyond the message for LDAP", .ldap, [.hear(31), .say([0x30, 5, 2, 1, 1, 0x78, 9])], "NOT_TLS"),
    Bad("an empty message for LDAP", .ldap, [.hear(31), .say([0x30, 0])], "NOT_TLS"),
    Bad(
      "an answer to another question for LDAP", .ldap,
      [.hear(31), .say([0x30, 12, 2, 1, 2, 0x78, 7, 0x0A, 1, 0, 4, 0, 4, 0])], "NOT_TLS"),
    Bad(
      "the end of a search for LDAP", .ldap, [.hear(31), .say([0x30, 12, 2, 1, 1, 0x65, 7, 0x0A, 1, 0, 4, 0, 4, 0])],
      "NOT_TLS"),
    Bad(
      "a number of many bytes for LDAP", .ldap, [.hear(31), .say([0x30, 11] + [2, 9] + lies + lies + lies)], "NOT_TLS"),
    Bad(
      "a result without its text for LDAP", .ldap, [.hear(31), .say([0x30, 8, 2, 1, 1, 0x78, 3, 0x0A, 1, 0])], "NOT_TLS"
    ),
  ]

  static let endlessRows: [Bad] = [
    Bad("a greeting without end from SMTP", .smtp, [.sayForEver(Array("220-x\r\n".utf8), pause: 0)], "NOT_TLS"),
    Bad("a line without end from SMTP", .smtp, [.sayForEver(Array("2".utf8), pause: 0)], "NOT_TLS"),
    Bad(
      "news without end from IMAP", .imap,
      [.sayText("* OK\r\n"), .hearLine, .sayForEver(Array("* 1 EXISTS\r\n".utf8), pause: 0)], "NOT_TLS"),
    Bad(
      "a line without end from IMAP", .imap, [.sayText("* OK "), .sayForEver(Array("ok ".utf8), pause: 0)], "NOT_TLS"),
    Bad(
      "a greeting drop by drop", .smtp, [.sayForEver(Array("220-x\r\n".utf8), pause: 20_000)], "CONNECTION_TIMED_OUT"),
    Bad("silence from MariaDB", .mariaDB, [.wait], "CONNECTION_TIMED_OUT"),
    Bad("silence from SMTP", .smtp, [.wait], "CONNECTION_TIMED_OUT"),
    Bad("silence from IMAP", .imap, [.sayText("* OK\r\n"), .wait], "CONNECTION_TIMED_OUT"),
    Bad("silence from LDAP", .ldap, [.wait], "CONNECTION_TIMED_OUT"),
    Bad("a message of LDAP that stops", .ldap, [.hear(31), .say([0x30, 12, 2]), .wait], "CONNECTION_TIMED_OUT"),
  ]

  @Test("and one that declines is told with what it said", arguments: decliningRows)
  func declining(row: Bad) throws {
    let server = try Self.serve(row.steps, nil)
    let error = pkiError { _ = try look(server.port, row.beginning) }
    #expect(error?.code == row.code)
    #expect(error?.sentence.contains(row.part) == true, "\(error?.sentence ?? "")")
  }

  @Test("and what speaks another protocol, or this one wrongly, is refused", arguments: strangeRows)
  func strange(row: Bad) throws {
    let server = try Self.serve(row.steps, nil)
    #expect(pkiError { _ = try look(server.port, row.beginning) }?.code == row.code)
  }

  @Test("and one that has no end is left in time", arguments: endlessRows)
  func endless(row: Bad) throws {
    let server = try Self.serve(row.steps, nil)
    let start = ContinuousClock.now
    let limit = row.code == "NOT_TLS" ? Duration.seconds(30) : .milliseconds(300)
    #expect(pkiError { _ = try look(server.port, row.beginning, limit: limit) }?.code == row.code)
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  @Test("and what is said between consent and TLS is never taken for TLS")
  func injected() throws {
    // RFC 3207, section 6, and CVE-2021-38371 and its like: something put in before TLS must not count after it.
    for (beginning, steps) in [
      (
        ServedChain.Beginning.imap,
        [PlainStep.sayText("* OK\r\n"), .hearLine, .sayText("a1 OK\r\n* OK more\r\n"), .tls]
      ),
      (
        .smtp,
        [
          .sayText("220 a\r\n"), .hearLine, .sayText("250 STARTTLS\r\n"), .hearLine, .sayText("220 go\r\n250 more\r\n"),
          .tls,
        ]
      ),
    ] {
      let server = try Self.serve(steps, try TLSCast.identity())
      #expect(pkiError { _ = try look(server.port, beginning) }?.code == "NOT_TLS")
    }
  }

  @Test("and MariaDB is left only once it has turned a stranger away, so that it does not count a broken connection")
  func farewell() throws {
    let identity = try TLSCast.identity()
    let context = try TLSCast.context(identity)
    let server = try OneAnswer<[[UInt8]]> { connection in
      let greeting = Self.greeting()
      send(connection, greeting, greeting.count, Int32(MSG_NOSIGNAL))
      var request = [UInt8](repeating: 0, count: 36)
      recv(connection, &request, 36, Int32(MSG_WAITALL))
      let tls = try TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
      var heard = [try tls.read(maximum: 1_000)]
      // Another way to sign in, then more of it, then the refusal.
      for answer in [[2, 0, 0, 3, 0xFE, 0], [2, 0, 0, 5, 0x01, 4], [3, 0, 0, 7, 0xFF, 0x15, 0x04]] as [[UInt8]] {
        try tls.write(answer)
        heard.append(try tls.read(maximum: 1_000))
      }
      return heard
    }
    #expect(try look(server.port, .mariaDB) == identity.chain)
    let heard = try server.result().get()
    let name = Array("reroot-look".utf8)
    #expect(
      heard.first
        == [45, 0, 0, 2, 0x01, 0x8A, 0, 0, 0, 0, 0, 1, 33] + [UInt8](repeating: 0, count: 23) + name + [0, 0])
    #expect(heard.dropFirst() == [[0, 0, 0, 4], [0, 0, 0, 6], []])
  }
}
