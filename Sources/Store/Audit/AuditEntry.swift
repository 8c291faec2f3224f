import Foundation
import GRDB
import PKI

/// One entry of the audit log, as it was written.
public struct AuditEntry: Sendable, Hashable {
  /// 1, 2, 3, …
  public let number: Int64
  /// When it was written, in milliseconds since 1970: as it stands there, so that no number becomes another one on its way
  /// to the hash.
  let milliseconds: Int64
  /// Who did it.
  public let author: AuditAuthor
  /// The code of what was done; see ``AuditEvent``. A newer Reroot may have written one that this one does not know.
  public let event: String
  /// To what.
  public let subject: String?
  /// More of it.
  public let details: [String: String]
  /// Why.
  public let reason: String?
  /// The hash of the entry before; 32 zero bytes before the first.
  public let previous: [UInt8]
  /// SHA-256 over ``previous`` and everything above.
  public let hash: [UInt8]
  /// HMAC-SHA-256 over the hash, under a key that the master key seals.
  public let seal: [UInt8]

  /// When it was written.
  public var at: Date { Date(milliseconds: milliseconds) }

  static let noHash = [UInt8](repeating: 0, count: 32)
  private static let format: UInt8 = 1

  /// What the hash should be. Every field says whether it is there and how long it is, so that no two entries have the
  /// same encoding.
  var expectedHash: [UInt8] {
    var bytes: [UInt8] = [Self.format]
    bytes += previous
    Self.put(number, into: &bytes)
    Self.put(milliseconds, into: &bytes)
    Self.put(author.kind.rawValue, into: &bytes)
    Self.put(author.name, into: &bytes)
    Self.put(author.user.map { String($0) }, into: &bytes)
    Self.put(author.address, into: &bytes)
    Self.put(event, into: &bytes)
    Self.put(subject, into: &bytes)
    Self.put(reason, into: &bytes)
    Self.put(Int64(details.count), into: &bytes)
    // By bytes: the order of strings may change with the version of Unicode.
    for (name, value) in details.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      Self.put(name, into: &bytes)
      Self.put(value, into: &bytes)
    }
    return Digest.sha256(bytes)
  }

  private static func put(_ number: Int64, into bytes: inout [UInt8]) {
    for shift in stride(from: 56, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> Int64(shift)))
    }
  }

  private static func put(_ text: String?, into bytes: inout [UInt8]) {
    guard let text else { return bytes.append(0) }
    bytes.append(1)
    put(Int64(text.utf8.count), into: &bytes)
    bytes += text.utf8
  }

  init(
    number: Int64, milliseconds: Int64, author: AuditAuthor, event: String, subject: String?, details: [String: String],
    reason: String?, previous: [UInt8], hash: [UInt8] = [], seal: [UInt8] = []
  ) {
    self.number = number
    self.milliseconds = milliseconds
    self.author = author
    self.event = event
    self.subject = subject
    self.details = details
    self.reason = reason
    self.previous = previous
    self.hash = hash
    self.seal = seal
  }

  func sealed(_ key: AuditKey) -> AuditEntry {
    let hash = expectedHash
    return AuditEntry(
      number: number, milliseconds: milliseconds, author: author, event: event, subject: subject, details: details,
      reason: reason,
      previous: previous, hash: hash, seal: key.sealOfEntry(hash))
  }
}

/// What the audit log is sealed with. Whoever has only the database can read the log, but neither write an entry that
/// passes nor take the last ones away.
struct AuditKey: Sendable {
  private let key: SecretBytes

  init(_ key: SecretBytes) { self.key = key }

  static func generate() throws -> SecretBytes { SecretBytes(try SecureRandom.bytes(32)) }

  func sealOfEntry(_ hash: [UInt8]) -> [UInt8] { seal("entry", hash) }

  /// The end of the log: so many entries, the last of which has this hash.
  func sealOfHead(_ number: Int64, _ hash: [UInt8]) -> [UInt8] { seal("head", Array("\(number):".utf8) + hash) }

  /// The end of an export; see ``AuditExportEnd``.
  func sealOfExport(_ text: String) -> [UInt8] { seal("export", Array(text.utf8)) }

  /// Each use has a name of its own, so that the seal of one never passes for that of another.
  private func seal(_ use: String, _ bytes: [UInt8]) -> [UInt8] {
    MessageAuthentication.hmacSHA256(Array("reroot audit \(use)\n".utf8) + bytes, key: key)
  }
}

extension AuditEntry {
  /// Whether a text of a row holds a NUL: what comes behind it is not read, but keeps the entry from being found.
  static let isUnlikeOurs = ["kind", "who", "address", "event", "subject", "details", "reason"]
    .map { "coalesce(instr(CAST(\($0) AS BLOB), x'00'), 0) > 0" }.joined(separator: " OR ")

  /// Reads whatever stands there, also what nobody of ours has written: such an entry does not fit its hash.
  init(_ row: Row) {
    let details: String = row["details"]
    let previous: Data = row["previous"]
    let hash: Data = row["hash"]
    let seal: Data = row["seal"]
    self.init(
      number: row["number"], milliseconds: row["at"],
      author: AuditAuthor(
        storedKind: AuditAuthor.Kind(rawValue: row["kind"]) ?? .stranger, name: row["who"], user: row["user"],
        address: row["address"]),
      event: row["event"], subject: row["subject"], details: (try? JSON.value(details)) ?? ["unreadable": details],
      reason: row["reason"], previous: Array(previous), hash: Array(hash), seal: Array(seal))
  }
}
