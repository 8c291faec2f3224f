import Foundation

@testable import Console
@testable import Delivery
@testable import HTTP
@testable import PKI
@testable import Rotation

/// Reads what comes from machines, servers, files and the kernel: the first byte chooses from whom.
enum AnswerFuzz {
  private static let target = SSHTarget(
    host: "gw.example.net", port: 22, user: "reroot", identityFile: "/key", hostKey: "ssh-ed25519 AAAA", sudo: false)

  static func read(_ bytes: [UInt8]) {
    guard let choice = bytes.first else { return }
    let rest = Array(bytes.dropFirst())
    let text = String(decoding: rest, as: UTF8.self)
    switch choice % 6 {
    case 0: beginnings(rest)
    case 1: sockets(text)
    case 2: farScript(rest, text)
    case 3: journals(rest)
    case 4: shown(text)
    default: output(rest)
    }
  }

  /// A server's greeting and answers before TLS, in every protocol.
  private static func beginnings(_ bytes: [UInt8]) {
    for beginning in [ServedChain.Beginning.postgreSQL, .mariaDB, .smtp, .imap, .ldap] {
      var ends: [Int32] = [0, 0]
      let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
      guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return }
      _ = send(ends[1], bytes, bytes.count, Int32(MSG_NOSIGNAL))
      shutdown(ends[1], Int32(SHUT_WR))
      let socket = TCPSocket(takingOwnership: ends[0], deadline: .now + .seconds(2))
      do {
        try TLSRequest(socket).make(beginning)
      } catch let error as PKIError {
        requireVisible(error.sentence)
      } catch {
        fatalError("Broken promise: a refusal is a PKIError, not \(error)")
      }
      close(ends[1])
    }
  }

  private static func sockets(_ text: String) {
    for isIPv6 in [false, true] {
      let rows = ListeningSockets.parse(text, isIPv6: isIPv6)
      _ = ListeningSockets.places(rows.map { ListeningSocket(address: $0.address, port: $0.port) })
    }
  }

  private static func farScript(_ bytes: [UInt8], _ text: String) {
    let fields = text.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
    let failure = FarFailure(target: target)
    _ = failure.halfway(after: failure.failure(fields), fields)
    let diagnosis = SSHDiagnosis(target: target)
    for said in [diagnosis.connecting(text), diagnosis.notBegun(text, status: 255), diagnosis.linkLost(text)] {
      requireVisible(said.failure.sentence)
    }
    _ = SSHFingerprint.text(of: text)
    if let decoded = Base64.decode(SecretBytes(bytes)) {
      let again = Base64.decode(Base64.encode(decoded))
      require(again.map { $0 == decoded } ?? false, "Base64 reads back")
    }
    let secret = SecretBytes(utf8: "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHh4eHh4\n")
    _ = Redaction(of: [secret]).applied(to: bytes)
  }

  private static func journals(_ bytes: [UInt8]) {
    _ = try? JSONDecoder().decode(ReplacementJournal.self, from: Data(bytes))
    _ = try? JSONDecoder().decode(ReplacementJournal.Pointer.self, from: Data(bytes))
  }

  /// Whatever it is, it is one line of a log, one cell of a table, and text.
  private static func shown(_ text: String) {
    requireVisible(VisibleText.of(text))
    let table = CSV(["a", text]).text
    require(!table.dropLast(1).contains("\r\n"), "a row is one line")
    let marks = table.utf8.filter { $0 == UInt8(ascii: "\"") }.count
    require(marks.isMultiple(of: 2), "quotation marks come in pairs")
  }

  private static func output(_ bytes: [UInt8]) {
    var output = CommandOutput()
    var rest = bytes[...]
    while !rest.isEmpty {
      let size = max(1, Int(rest[rest.startIndex]) % 64)
      output.append(Array(rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
    let text = output.text
    require(text.utf8.count <= CommandOutput.maximumBytes, "output is within its limit")
    require(!text.utf8.contains { $0 < 0x20 && $0 != 0x0A && $0 != 0x09 }, "output moves no cursor")
  }
}
