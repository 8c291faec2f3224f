import Foundation
import GRDB
import PKI

/// Entries on their way out, in their order: each is read when it is wanted, so that a long log takes no memory. What is
/// written in the meantime is not part of it.
public struct AuditExport: Sendable {
  private let store: Store
  private let filter: AuditFilter
  private let head: AuditHead
  private let key: AuditKey
  private var end: AuditExportEnd
  private var after: Int64 = 0
  private static let pageLength = 500

  fileprivate init(_ store: Store, _ filter: AuditFilter, _ head: AuditHead, _ key: AuditKey) {
    self.store = store
    self.filter = filter
    self.head = head
    self.key = key
    end = AuditExportEnd(isComplete: filter.isEmpty, head: head.number)
  }

  /// The next entries; empty when there are no more.
  public mutating func next() async throws -> [AuditEntry] {
    let entries = try await store.auditEntries(filter, after: after, limit: Self.pageLength)
      .filter { $0.number <= head.number }
    for entry in entries { end.add(entry) }
    after = entries.last?.number ?? after
    return entries
  }

  /// The last line of an export as JSON Lines: how many entries it has, sealed.
  public var lastLine: String { end.line(key.sealOfExport(end.text)) }
}

extension Store {
  /// Begins an export of what passes a filter.
  public func auditExport(_ filter: AuditFilter = AuditFilter()) async throws -> AuditExport {
    let key = try auditKey()
    let head = try await read { try AuditHead.read($0) ?? AuditHead(number: 0, hash: AuditEntry.noHash) }
    return AuditExport(self, filter, head, key)
  }
}

/// What stands in the last line of an export.
struct AuditExportEnd {
  /// Whether it is the whole log.
  let isComplete: Bool
  /// The last entry of the log.
  let head: Int64
  private(set) var count = 0
  private var digest = AuditEntry.noHash

  init(isComplete: Bool, head: Int64) {
    self.isComplete = isComplete
    self.head = head
  }

  mutating func add(_ entry: AuditEntry) {
    count += 1
    digest = Digest.sha256(digest + entry.hash)
  }

  /// What the seal is of.
  var text: String {
    "\"entries\":\(count),\"complete\":\(isComplete),\"head\":\(head),\"digest\":\"\(Hexadecimal.text(digest))\""
  }

  func line(_ seal: [UInt8]) -> String { "{\"end\":{\(text),\"seal\":\"\(Hexadecimal.text(seal))\"}}" }

  /// Reads the two values that the rest is checked against; nil where the line is no last line.
  static func values(_ line: String) -> (isComplete: Bool, head: Int64, seal: [UInt8])? {
    struct Fields: Decodable {
      struct End: Decodable {
        let complete: Bool
        let head: Int64
        let seal: String
      }
      let end: End
    }
    guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(line.utf8)),
      let seal = AuditLine.bytes(fields.end.seal)
    else { return nil }
    return (fields.end.complete, fields.end.head, seal)
  }
}

extension Store {
  /// Looks at every entry of an exported file of JSON Lines. Blocking.
  ///
  /// - Parameters:
  ///   - lines: its lines, without their ends.
  ///   - folder: the data folder whose key the seals are checked with, and where its master key comes from; nil checks the hashes alone.
  ///   - expectation: an entry that must be there.
  public static func verifyAudit(
    lines: some Sequence<String>, keyOf folder: (path: String, masterKey: MasterKeySource)?,
    expecting expectation: AuditExpectation? = nil
  ) throws -> AuditVerification {
    let key = try folder.map { folder in
      try DatabaseFile.reading(folder.path) { reader in
        let seals = try MasterKeyOpening.sealsForReading(folder.masterKey, folder: folder.path, reader)
        guard let key = try reader.read({ try auditKey(seals, $0) }) else {
          throw StoreError(
            code: "NO_AUDIT", sentence: "The database in \(folder.path) has no key of an audit log. Check the folder.")
        }
        return key
      }
    }
    var reader = AuditFileReader(key: key, expectation: expectation)
    for line in lines where !reader.take(line) { break }
    return reader.finish()
  }
}

/// Reads an export line by line. Whether gaps are allowed stands in the last line, so what is missing is looked at there.
private struct AuditFileReader {
  private let key: AuditKey?
  private var checker: AuditChecker
  private var end = AuditExportEnd(isComplete: true, head: 0)
  private var ending: (line: String, values: (isComplete: Bool, head: Int64, seal: [UInt8]))?
  /// The first gap: the last entry before it.
  private var gap: (after: Int64, good: Int)?
  private var number = 0

  init(key: AuditKey?, expectation: AuditExpectation?) {
    self.key = key
    checker = AuditChecker(key: key)
    checker.isComplete = false
    checker.expectation = expectation
  }

  mutating func take(_ line: String) -> Bool {
    number += 1
    if line.isEmpty { return true }
    let next = checker.result.lastGood + 1
    guard ending == nil else { return checker.fail(.inserted, next, "Line \(number) stands after the last line.") }
    if let values = AuditExportEnd.values(line) {
      ending = (line, values)
      return true
    }
    guard let entry = AuditLine.entry(line) else {
      return checker.fail(
        .changed, next, "Line \(number), after entry \(next - 1), is no entry as Reroot writes one: it was changed.")
    }
    if gap == nil, entry.number > next { gap = (next - 1, checker.result.good) }
    guard checker.take(entry) else { return false }
    end.add(entry)
    return true
  }

  mutating func finish() -> AuditVerification {
    if checker.result.fault == nil { checkEnd() }
    if checker.result.fault == nil {
      checker.checkExpectation(isFiltered: ending?.values.isComplete == false)
    }
    return checker.result
  }

  private mutating func checkEnd() {
    let next = checker.result.lastGood + 1
    guard let ending else {
      checker.fail(.truncated, next, "The last line is missing: entries from \(next) on may be missing at the end.")
      return
    }
    if ending.values.isComplete, let gap {
      checker.fail(.missing, gap.after + 1, "Entry \(gap.after + 1) is missing.", good: gap.good)
      return
    }
    var expected = AuditExportEnd(isComplete: ending.values.isComplete, head: ending.values.head)
    expected.take(end)
    guard expected.line(ending.values.seal).utf8.elementsEqual(ending.line.utf8) else {
      checker.fail(.truncated, next, "The last line does not fit what stands before it: entries were taken away.")
      return
    }
    if let key, !MessageAuthentication.areEqual(ending.values.seal, key.sealOfExport(expected.text)) {
      checker.fail(.truncated, next, "The last line was not written by this Reroot: entries may be missing.")
    } else if ending.values.isComplete {
      checkCompleteness(ending.values.head)
    }
  }

  private mutating func checkCompleteness(_ head: Int64) {
    if checker.result.lastGood != head {
      checker.fail(
        .truncated, checker.result.lastGood + 1, "Entry \(checker.result.lastGood + 1) is missing at the end.")
    }
  }
}

extension AuditExportEnd {
  /// Takes over what was counted while it was not known whether the export is complete.
  fileprivate mutating func take(_ other: AuditExportEnd) {
    count = other.count
    digest = other.digest
  }
}
