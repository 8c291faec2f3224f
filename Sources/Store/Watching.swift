import Foundation
import GRDB
import PKI
import Rotation

/// Something about an endpoint that is not as Reroot deployed it.
public struct WatchFinding: Sendable, Hashable, Codable {
  /// What differs. The raw value is a stable word: it stands in the database, in the API and in metrics.
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Another certificate is served than the one that was deployed.
    case anotherCertificate
    /// What is served ends soon, or has ended.
    case expiring
    /// What is served leads to a root that was retired.
    case retiredRoot
    /// No certificate is served at all.
    case noAnswer
  }

  /// What differs.
  public let kind: Kind
  /// `host:port`.
  public let endpoint: String
  /// What was seen, in a sentence for a person.
  public let sentence: String
  /// SHA-256 of the certificate that was seen, hexadecimal; nil where none was.
  public let fingerprint: String?

  /// Describes what differs.
  public init(_ kind: Kind, at endpoint: String, _ sentence: String, fingerprint: String? = nil) {
    (self.kind, self.endpoint, self.sentence, self.fingerprint) = (kind, endpoint, sentence, fingerprint)
  }

  /// Whether it is the same thing, in whatever words: what is the same is reported once.
  public func isSame(as other: WatchFinding) -> Bool {
    kind == other.kind && endpoint == other.endpoint && fingerprint == other.fingerprint
  }
}

/// What watching knows of a component.
public struct WatchRecord: Sendable, Hashable {
  /// When it was last looked at; nil for not yet.
  public let lookedAt: Date?
  /// When every endpoint was last seen with the right certificate, by whichever look; nil for never.
  public let rightAt: Date?
  /// Since when something differs; nil while nothing does.
  public let differsSince: Date?
  /// What differs, by the last look.
  public let findings: [WatchFinding]
}

/// What one look at a component showed.
public struct WatchResult: Sendable {
  /// The component, as it was when it was looked at.
  public let component: Component
  /// What its endpoints served.
  public let served: [ServedCertificate]
  /// Whether every endpoint served exactly the certificate in force.
  public let isRight: Bool
  /// What differs.
  public let findings: [WatchFinding]
  /// When.
  public let at: Date

  /// Describes what a look showed.
  public init(component: Component, served: [ServedCertificate], isRight: Bool, findings: [WatchFinding], at: Date) {
    (self.component, self.served, self.isRight) = (component, served, isRight)
    (self.findings, self.at) = (findings, at)
  }
}

/// How a look differs from the one before it.
public struct WatchChange: Sendable {
  /// The component.
  public let component: Component
  /// What differs now and did not before.
  public let appeared: [WatchFinding]
  /// What does not differ any more.
  public let vanished: [WatchFinding]
  /// Whether nothing differs any more.
  public let isRightAgain: Bool
}

extension Store {
  /// How many acts of watching are recorded one by one in a transaction; more become one entry.
  private static let recordedAlone = 20
  /// The detail that names the kinds of what was found where many are recorded as one.
  public static let findingsKey = "findings"

  /// What watching knows, by component. What was held against another certificate set says nothing of the present one.
  public func watchRecords() async throws -> [Component.ID: WatchRecord] {
    try await read { database in
      let current = try Self.currentNumber(database)
      let rows = try Row.fetchAll(database, sql: "SELECT * FROM watched")
      return try Dictionary(
        rows.map { (Component.ID(rawValue: $0["component"]), try Self.watchRecord($0, current)) },
        uniquingKeysWith: { first, _ in first })
    }
  }

  /// How many components differ.
  public func differingCount() async throws -> Int {
    try await read { database in
      try Int.fetchOne(
        database, sql: "SELECT count(*) FROM watched WHERE findings <> '[]' AND set_number IS ?",
        arguments: [try Self.currentNumber(database)]) ?? 0
    }
  }

  /// Keeps what a look at some components showed, and records in the audit log what has changed since the look before, in
  /// one transaction.
  ///
  /// - Parameter set: the certificate set that they were held against; nil for none.
  /// - Returns: the changes; nil when nothing was written, because an update has begun, or ended, since: what was seen
  ///   then is compared with the wrong certificates.
  public func recordWatch(_ results: [WatchResult], against set: Int?) async throws -> [WatchChange]? {
    try await writeAside { database in
      guard try Int64.fetchOne(database, sql: "SELECT id FROM updates WHERE outcome IS NULL") == nil,
        try Self.currentNumber(database) == set
      else { return nil }
      var changes: [WatchChange] = []
      for result in results where try Self.isStill(result.component, database) {
        if let change = try Self.write(result, set, database) { changes.append(change) }
      }
      try self.record(changes, database)
      return changes
    }
  }

  /// Remembers of which components every endpoint has been seen with the certificate of the current set.
  ///
  /// - Parameter component: one only; nil for all.
  static func noteRight(_ component: Component.ID?, _ database: GRDB.Database) throws {
    // Two statements, so that for one component no other is looked at.
    try database.execute(
      often: """
        INSERT INTO watched (component, right_at)
        SELECT c.id, CAST(min(json_extract(s.body, '$.seenAt')) AS INTEGER) FROM components c
        JOIN set_members m ON m.component = c.id
          AND m.number = (SELECT number FROM certificate_sets WHERE is_current = 1)
        JOIN sightings s ON s.component = c.id \(component == nil ? "WHERE true" : "WHERE c.id = ?1")
        GROUP BY c.id
        HAVING count(*) = json_array_length(c.body, '$.endpoints')
          AND sum(json_extract(s.body, '$.fingerprint') <> m.fingerprint) = 0
        ON CONFLICT (component) DO UPDATE SET right_at = excluded.right_at
        """, arguments: component.map { [$0.rawValue] } ?? [])
  }

  /// Forgets what was found at endpoints that a component has no more.
  static func forgetFindings(of component: Component, _ database: GRDB.Database) throws {
    let id = component.id.rawValue
    guard
      let text = try String.fetchOne(database, sql: "SELECT findings FROM watched WHERE component = ?", arguments: [id])
    else { return }
    let known = Set(component.endpoints.map(\.address))
    let left = try JSON.value([WatchFinding].self, text).filter { known.contains($0.endpoint) }
    try database.execute(
      sql: "UPDATE watched SET findings = ?1, differs_since = iif(?1 = '[]', NULL, differs_since) WHERE component = ?2",
      arguments: [try JSON.text(left), id])
  }

  // MARK: Rows

  private static func currentNumber(_ database: GRDB.Database) throws -> Int? {
    try Int.fetchOne(database, sql: "SELECT number FROM certificate_sets WHERE is_current = 1")
  }

  private static func watchRecord(_ row: Row, _ current: Int?) throws -> WatchRecord {
    func date(_ column: String) -> Date? { (row[column] as Int64?).map(Date.init(milliseconds:)) }
    let isOfToday = (row["set_number"] as Int?) == current
    let text: String = row["findings"]
    // Of most there is nothing to read.
    let findings = text == "[]" ? [] : try JSON.value([WatchFinding].self, text)
    return WatchRecord(
      lookedAt: date("looked_at"), rightAt: date("right_at"), differsSince: isOfToday ? date("differs_since") : nil,
      findings: isOfToday ? findings : [])
  }

  /// Whether a component is as it was when it was looked at: what was seen of others says nothing of it.
  private static func isStill(_ component: Component, _ database: GRDB.Database) throws -> Bool {
    guard
      let row = try Row.fetchOne(
        database, sql: "SELECT * FROM components WHERE id = ?", arguments: [component.id.rawValue])
    else { return false }
    return try self.component(row) == component
  }

  private static func write(_ result: WatchResult, _ set: Int?, _ database: GRDB.Database) throws -> WatchChange? {
    let id = result.component.id.rawValue
    try insertSightings(result.component.id, result.served, database)
    let row = try Row.fetchOne(database, sql: "SELECT * FROM watched WHERE component = ?", arguments: [id])
    let before = try row.map { try JSON.value([WatchFinding].self, $0["findings"]) } ?? []
    let appeared = result.findings.filter { finding in !before.contains { $0.isSame(as: finding) } }
    let vanished = before.filter { finding in !result.findings.contains { $0.isSame(as: finding) } }
    let since: Int64? = before.isEmpty ? nil : row?["differs_since"]
    let rightAt: Int64? = result.isRight ? result.at.milliseconds : row?["right_at"]
    try database.execute(
      sql: """
        INSERT OR REPLACE INTO watched (component, looked_at, right_at, differs_since, set_number, findings)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        id, result.at.milliseconds, rightAt, result.findings.isEmpty ? nil : since ?? result.at.milliseconds, set,
        try JSON.text(result.findings),
      ])
    guard !appeared.isEmpty || !vanished.isEmpty else { return nil }
    return WatchChange(
      component: result.component, appeared: appeared, vanished: vanished, isRightAgain: result.findings.isEmpty)
  }

  // MARK: The audit log

  /// One entry a component; where a whole network has gone, one for all.
  private func record(_ changes: [WatchChange], _ database: GRDB.Database) throws {
    for (event, concerned) in [
      // Ends that come near for all at once are nothing that anybody has changed.
      (AuditEvent.endpointDiffers, changes.filter { $0.appeared.contains { $0.kind != .expiring } }),
      (
        AuditEvent.endpointDiffers,
        changes.filter { !$0.appeared.isEmpty && $0.appeared.allSatisfy { $0.kind == .expiring } }
      ),
      (AuditEvent.endpointRight, changes.filter(\.isRightAgain)),
    ] where !concerned.isEmpty {
      guard concerned.count > Self.recordedAlone else {
        for change in concerned {
          let found = event == .endpointDiffers ? change.appeared : change.vanished
          try recordOwn(event, on: change.component.name, Self.details(found), database)
        }
        continue
      }
      let kinds = Set(concerned.flatMap { event == .endpointDiffers ? $0.appeared : $0.vanished }.map(\.kind.rawValue))
      let names = concerned.prefix(Self.recordedAlone).map(\.component.name).joined(separator: ", ")
      try recordOwn(
        event, on: "\(concerned.count) components",
        [
          "components": "\(names) and \(concerned.count - Self.recordedAlone) more",
          Self.findingsKey: kinds.sorted().joined(separator: ", "),
        ], database)
    }
  }

  private static func details(_ findings: [WatchFinding]) -> [String: String] {
    Dictionary(findings.map { ("\($0.endpoint): \($0.kind.rawValue)", $0.sentence) }) { first, _ in first }
  }
}
