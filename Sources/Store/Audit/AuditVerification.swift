import Foundation
import GRDB
import PKI

/// What a look at every entry of the audit log has shown.
public struct AuditVerification: Sendable, Hashable {
  /// How many entries, from the first one on, are as they were written.
  public internal(set) var good = 0
  /// The last of them; 0 for none.
  public internal(set) var lastGood: Int64 = 0
  /// Its hash, in hexadecimal digits: whoever keeps it elsewhere can tell later whether the log is still the same.
  public internal(set) var lastHash = ""
  /// The first thing that is not as it was written; nil when all is well.
  public internal(set) var fault: AuditFault?
  /// Whether the seals were checked too. Without them somebody who can compute hashes could have written all of it.
  public internal(set) var areSealsChecked = false
}

/// Where the audit log was tampered with first.
public struct AuditFault: Sendable, Hashable {
  /// What was done to it, as far as that can be told.
  public enum Kind: String, Sendable, Hashable {
    /// An entry is not what was written.
    case changed
    /// An entry is not there any more, or was put elsewhere.
    case missing
    /// An entry stands where another one should.
    case reordered
    /// An entry was not written by this Reroot.
    case inserted
    /// Entries at the end are not there any more.
    case truncated
    /// The log is not the one that it is compared with.
    case different
  }

  /// What was done.
  public let kind: Kind
  /// The number of the entry.
  public let number: Int64
  /// The same in words.
  public let sentence: String
}

/// Looks at entries one after the other, as they stand.
struct AuditChecker {
  /// Without it only the hashes are checked.
  let key: AuditKey?
  /// Whether every entry must be there; a filtered export has gaps.
  var isComplete = true
  /// What an earlier look had shown: the hash of an entry.
  var expectation: AuditExpectation?
  private(set) var result = AuditVerification()
  private var previous = AuditEntry.noHash
  private var wasExpectedSeen = false
  /// The latest moment of the entries so far, in milliseconds; clocks are set back, so it need not be the last one's.
  private var latest = Int64.min
  /// Reached by writing an entry every microsecond for 285 years.
  static let beyond: Int64 = 1 << 53

  init(key: AuditKey?) {
    self.key = key
    result.areSealsChecked = key != nil
  }

  /// Looks at the next entry.
  ///
  /// - Returns: false when it is the first one that was tampered with; nothing after it is to be looked at.
  mutating func take(_ entry: AuditEntry) -> Bool {
    if let (kind, number, sentence) = problem(entry) { return fail(kind, number, sentence) }
    result.good += 1
    result.lastGood = entry.number
    result.lastHash = Hexadecimal.text(entry.hash)
    previous = entry.hash
    if entry.number == expectation?.number { wasExpectedSeen = true }
    latest = max(latest, entry.milliseconds)
    return true
  }

  /// Notes a fault; always false.
  @discardableResult
  mutating func fail(_ kind: AuditFault.Kind, _ number: Int64, _ sentence: String, good: Int? = nil) -> Bool {
    guard result.fault == nil else { return false }
    result.fault = AuditFault(kind: kind, number: number, sentence: sentence)
    if let good { result.good = good }
    return false
  }

  /// Whether the entry follows on the last one directly.
  private func problem(_ entry: AuditEntry) -> (AuditFault.Kind, Int64, String)? {
    let (number, last) = (entry.number, result.lastGood)
    guard number < Self.beyond else {
      return (.changed, last + 1, "Entry \(last + 1) is missing: a number that nobody reaches stands in its place.")
    }
    if number <= last {
      return (.reordered, number, "Entry \(number) stands after entry \(last): it was moved, or stands there twice.")
    }
    let isNext = number == last + 1
    if isComplete, !isNext {
      let gap =
        number - 1 == last + 1 ? "Entry \(last + 1) is missing" : "Entries \(last + 1) to \(number - 1) are missing"
      return (.missing, last + 1, "\(gap): entry \(number) comes after \(last == 0 ? "nothing" : "entry \(last)").")
    }
    if entry.expectedHash != entry.hash {
      return (.changed, number, "Entry \(number) was changed: it does not fit its hash.")
    }
    if let key, !MessageAuthentication.areEqual(entry.seal, key.sealOfEntry(entry.hash)) {
      return (
        .inserted, number,
        "Entry \(number) was not written by this Reroot: it was put there, or changed and given a new hash."
      )
    }
    if isNext, isComplete || last > 0, entry.previous != previous {
      return (.changed, number, "Entry \(number) does not follow on the one before it: one of the two was exchanged.")
    }
    if entry.event == AuditEvent.auditBroken.rawValue {
      return (
        .truncated, number,
        "When entry \(number) was written, Reroot found the end of the log tampered with; the entry says how far it went."
      )
    }
    if let expectation, expectation.number == number, expectation.hash != Hexadecimal.text(entry.hash) {
      return (.different, number, "Entry \(number) has another hash than the one that was expected of it.")
    }
    return nil
  }

  /// Looks at the mark of the end, once all entries have been.
  mutating func finish(_ head: AuditHead?) {
    guard result.fault == nil else { return }
    let next = result.lastGood + 1
    guard let head else {
      fail(.truncated, next, "The mark of the log's end is gone: entries from \(next) on may be missing.")
      return
    }
    if let key, !head.isSealed(by: key) {
      fail(
        .truncated, next,
        "The mark of the log's end was not written by this Reroot: entries from \(next) on may be missing.")
    } else if head.number > result.lastGood {
      fail(
        .truncated, next,
        head.number == next
          ? "Entry \(next) is missing at the end." : "Entries \(next) to \(head.number) are missing at the end.")
    } else if head.number < result.lastGood || head.hash != previous {
      fail(.changed, result.lastGood, "The mark of the log's end names another entry than \(result.lastGood).")
    }
    checkExpectation()
  }

  /// Compares the end of the log with the newest act that the rest of the database knows of.
  mutating func compare(_ trace: AuditTrace?) {
    guard result.fault == nil, let trace, latest < trace.at, trace.at - max(latest, 0) > AuditTrace.tolerance
    else { return }
    let (next, when) = (result.lastGood + 1, AuditTime.text(Date(milliseconds: trace.at)))
    fail(
      .truncated, next,
      "Entries from \(next) on are missing at the end: \(trace.what) at \(when), and no entry is as new as that.")
  }

  /// - Parameter isFiltered: whether entries may be left out, so that one that is not there says nothing of the log.
  mutating func checkExpectation(isFiltered: Bool = false) {
    guard let expectation, !wasExpectedSeen else { return }
    guard !isFiltered else {
      fail(
        .missing, expectation.number,
        "Entry \(expectation.number), which was expected, is not in this filtered export. Export the whole log and "
          + "verify that.")
      return
    }
    fail(
      .truncated, result.lastGood + 1,
      "The log had entry \(expectation.number) once and ends with entry \(result.lastGood) now.")
  }
}

/// An entry that the log must have: what syslog received, or what an earlier look has shown.
public struct AuditExpectation: Sendable, Hashable {
  /// The number of the entry.
  public let number: Int64
  /// Its hash in lower-case hexadecimal digits.
  public let hash: String

  /// Reads `NUMBER:HASH`; nil where it is none.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Int64(parts[0]), number > 0, parts[1].utf8.count == 64,
      parts[1].allSatisfy({ $0.isASCII && $0.isHexDigit })
    else { return nil }
    self.number = number
    hash = parts[1].lowercased()
  }
}

extension Store {
  /// Looks at every entry of the audit log in a data folder, also while a server runs on it. Blocking; nothing is written.
  ///
  /// - Parameters:
  ///   - masterKey: where the master key comes from; nil checks the hashes alone.
  ///   - expectation: an entry that must be there.
  /// - Throws: ``StoreError`` when there is no such log or it cannot be read.
  public static func verifyAudit(
    folder: String, masterKey: MasterKeySource?, expecting expectation: AuditExpectation? = nil
  ) throws -> AuditVerification {
    try DatabaseFile.reading(folder) { reader in
      guard try reader.read({ try $0.tableExists("audit") }) else {
        throw StoreError(
          code: "NO_AUDIT",
          sentence: "The database in \(folder) has no audit log: no Reroot that writes one has been started on it.")
      }
      let seals = try masterKey.map { try MasterKeyOpening.sealsForReading($0, folder: folder, reader) }
      return try reader.read { database in
        var checker = AuditChecker(key: try seals.flatMap { try auditKey($0, database) })
        checker.expectation = expectation
        if seals != nil, checker.key == nil {
          checker.fail(.changed, 1, "The key that the log is sealed with was taken out of the database.")
          return checker.result
        }
        let rows = try Row.fetchCursor(
          database, sql: "SELECT *, \(AuditEntry.isUnlikeOurs) AS is_unlike_ours FROM audit ORDER BY number")
        while let row = try rows.next() {
          if row["is_unlike_ours"] == 1 || AuditAuthor.Kind(rawValue: row["kind"]) == nil {
            checker.fail(.changed, row["number"], "It holds what no Reroot writes into an entry.")
            return checker.result
          }
          guard checker.take(AuditEntry(row)) else { return checker.result }
        }
        checker.finish(try AuditHead.read(database))
        checker.compare(try AuditTrace.newest(database))
        return checker.result
      }
    }
  }
}
