import Foundation
import GRDB
import PKI
import Rotation

/// Everything in force at one time.
public struct CertificateSet: Sendable, Hashable {
  /// 1, 2, 3, …
  public let number: Int
  /// The root that the update to it brought.
  public let root: RootRecord.ID
  /// The update that made it; nil for one that was recorded without.
  public let update: UpdateRecord.ID?
  /// The set before it, which Abort restores.
  public let previous: Int?
  /// When it was made.
  public let madeAt: Date
  /// Whether it is the current one.
  public let isCurrent: Bool
  /// What each component has in it.
  public let members: [Component.ID: Member]

  /// The certificate of one component.
  public struct Member: Sendable, Hashable {
    /// The root that it was issued under; a component that was set aside has that of an earlier set.
    public let root: RootRecord.ID
    /// SHA-256 of its DER, hexadecimal.
    public let fingerprint: String
    /// Its serial number, hexadecimal.
    public let serial: String
    /// When it ends.
    public let notAfter: Date

    /// Describes a component's certificate.
    public init(root: RootRecord.ID, fingerprint: String, serial: String, notAfter: Date) {
      self.root = root
      self.fingerprint = fingerprint
      self.serial = serial
      self.notAfter = notAfter
    }
  }
}

extension Store {
  /// The set that is in force; nil before the first one.
  public func currentSet() async throws -> CertificateSet? {
    try await read { try Self.sets($0, "WHERE is_current = 1").first }
  }

  /// The set that was in force before the current one.
  public func previousSet() async throws -> CertificateSet? {
    try await read { database in
      guard let previous = try Self.sets(database, "WHERE is_current = 1").first?.previous else { return nil }
      return try Self.sets(database, "WHERE number = \(previous)").first
    }
  }

  /// Every set, the newest first.
  public func certificateSets() async throws -> [CertificateSet] {
    try await read { try Self.sets($0, "ORDER BY number DESC") }
  }

  /// Records what is in force already, without an update that brought it there, as the first set.
  ///
  /// - Throws: `SET_EXISTS` when there is a set already.
  public func recordFirstSet(root: RootRecord.ID, members: [Component.ID: CertificateSet.Member]) async throws {
    let now = clock()
    try await write { database in
      guard try Self.sets(database, "LIMIT 1").isEmpty else {
        throw StoreError(code: "SET_EXISTS", sentence: "There is a certificate set already.")
      }
      try database.execute(
        sql: "INSERT INTO certificate_sets (root, made_at, is_current) VALUES (?, ?, 1)",
        arguments: [root.rawValue, now.milliseconds])
      let number = database.lastInsertedRowID
      for (component, member) in members.sorted(by: { $0.key < $1.key }) {
        try database.execute(
          sql: "INSERT INTO set_members VALUES (?, ?, ?, ?, ?, ?)",
          arguments: [
            number, component.rawValue, member.root.rawValue, member.fingerprint, member.serial,
            member.notAfter.milliseconds,
          ])
      }
    }
  }

  private static func sets(_ database: GRDB.Database, _ sql: String) throws -> [CertificateSet] {
    try Row.fetchAll(database, sql: "SELECT * FROM certificate_sets \(sql)").map { row in
      let number: Int = row["number"]
      let update: Int64? = row["update_id"]
      let isCurrent: Int = row["is_current"]
      return CertificateSet(
        number: number, root: RootRecord.ID(rawValue: row["root"]), update: update.map(UpdateRecord.ID.init(rawValue:)),
        previous: row["previous"], madeAt: Date(milliseconds: row["made_at"]), isCurrent: isCurrent == 1,
        members: try members(of: number, database))
    }
  }

  private static func members(
    of number: Int, _ database: GRDB.Database
  ) throws -> [Component.ID: CertificateSet.Member] {
    let rows = try Row.fetchAll(database, sql: "SELECT * FROM set_members WHERE number = ?", arguments: [number])
    return Dictionary(
      rows.map { row in
        (
          Component.ID(rawValue: row["component"]),
          CertificateSet.Member(
            root: RootRecord.ID(rawValue: row["root"]), fingerprint: row["fingerprint"], serial: row["serial"],
            notAfter: Date(milliseconds: row["not_after"]))
        )
      }, uniquingKeysWith: { first, _ in first })
  }

  // MARK: Closing an update

  /// Makes the set of an update current, or the one before it current again, as the update ended.
  static func closeSet(
    of update: UpdateRecord.ID, _ state: UpdateState, _ outcome: Outcome, _ now: Date, _ database: GRDB.Database
  ) throws {
    // A retirement changes no certificate.
    guard state.course.purpose == .renewal else { return }
    switch outcome {
    case .completed, .completedWithErrors:
      try fill(set(of: update, now, database), state, update, database)
    case .rolledBack, .rolledBackWithErrors:
      try withdraw(update, database)
    }
  }

  private static func set(of update: UpdateRecord.ID, _ now: Date, _ database: GRDB.Database) throws -> Int64 {
    let found = try Int64.fetchOne(
      database, sql: "SELECT number FROM certificate_sets WHERE update_id = ?", arguments: [update.rawValue])
    if let found { return found }
    let previous = try Int64.fetchOne(database, sql: "SELECT number FROM certificate_sets WHERE is_current = 1")
    try database.execute(sql: "UPDATE certificate_sets SET is_current = 0 WHERE is_current = 1")
    try database.execute(
      sql: """
        INSERT INTO certificate_sets (root, update_id, previous, made_at, is_current)
        SELECT root, id, ?, ?, 1 FROM updates WHERE id = ?
        """, arguments: [previous, now.milliseconds, update.rawValue])
    let number = database.lastInsertedRowID
    try database.execute(
      sql: """
        INSERT INTO set_members SELECT ?, component, root, fingerprint, serial, not_after FROM set_members
        WHERE number = ?
        """, arguments: [number, previous])
    return number
  }

  /// A component is in the new set with what it was seen to serve; one that was not moved keeps its former member.
  private static func fill(
    _ number: Int64, _ state: UpdateState, _ update: UpdateRecord.ID, _ database: GRDB.Database
  ) throws {
    for member in state.course.members {
      guard state.action(ActionID(.verify, member.id))?.status == .succeeded, !state.isSetAside(member.id),
        let row = try Row.fetchOne(
          database,
          often: """
            SELECT root, serial, certificate, not_after FROM issuances
            WHERE update_id = ? AND component = ? AND certificate IS NOT NULL ORDER BY id DESC LIMIT 1
            """, arguments: [update.rawValue, member.id.rawValue])
      else { continue }
      let certificate: Data = row["certificate"]
      let root: Int64 = row["root"]
      let serial: String = row["serial"]
      // Taken apart only where that is needed: all of thousands are filled in while nobody else can write.
      let notAfter: Int64 = try row["not_after"] ?? Certificate.of(der: Array(certificate)).notAfter.milliseconds
      try database.execute(
        often: "INSERT OR REPLACE INTO set_members VALUES (?, ?, ?, ?, ?, ?)",
        arguments: [
          number, member.id.rawValue, root, Fingerprint(of: Array(certificate)).hex, serial, notAfter,
        ])
    }
    try noteRight(nil, database)
  }

  private static func withdraw(_ update: UpdateRecord.ID, _ database: GRDB.Database) throws {
    guard
      let row = try Row.fetchOne(
        database, sql: "SELECT number, previous FROM certificate_sets WHERE update_id = ? AND is_current = 1",
        arguments: [update.rawValue])
    else { return }
    let number: Int64 = row["number"]
    let previous: Int64? = row["previous"]
    try database.execute(sql: "DELETE FROM set_members WHERE number = ?", arguments: [number])
    try database.execute(sql: "DELETE FROM certificate_sets WHERE number = ?", arguments: [number])
    try database.execute(sql: "UPDATE certificate_sets SET is_current = 1 WHERE number = ?", arguments: [previous])
    // Components that were removed meanwhile have no part in what is in force.
    try database.execute(
      sql: "DELETE FROM set_members WHERE number = ? AND component NOT IN (SELECT id FROM components)",
      arguments: [previous])
  }
}
