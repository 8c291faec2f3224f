import Foundation
import GRDB
import PKI
import Rotation

/// That the database was restored from a backup: what happened after the backup is not in it.
public struct RestorationRecord: Sendable, Hashable, Identifiable {
  /// The number of a restoration in the store.
  public typealias ID = Identifier<RestorationRecord>

  /// Its number.
  public let id: ID
  /// When it was restored.
  public let restoredAt: Date
  /// When the backup was made.
  public let backupMadeAt: Date
  /// The newest update that the backup knew; nil where it knew none.
  public let lastUpdate: UpdateRecord.ID?
  /// When every component was looked at; nil before.
  public let lookedAt: Date?
  /// Whether a component was found otherwise than the database says, or could not be seen; nil before the look.
  public let differs: Bool?
  /// When somebody confirmed to have seen what differs; nil before.
  public let seenAt: Date?
  /// Who that was.
  public let seenBy: String?
  /// The update that was under way when the backup was made, where nothing else differs; nil otherwise.
  public let onlyUpdate: UpdateRecord.ID?

  /// Whether updates have to wait: for the look, or for somebody who reads what it showed.
  public var isOpen: Bool { lookedAt == nil || (differs == true && seenAt == nil) }
}

/// What a look at one component showed after a restore.
public struct RestorationLook: Sendable, Hashable, Codable {
  /// The component's name.
  public var component: String
  /// How it compares.
  public var verdict: Verdict
  /// What was seen, in sentences.
  public var sentences: [String]
  /// The root that its certificate is of; nil where that is not known.
  public var presents: RootKey?

  /// Describes a look.
  public init(component: String, verdict: Verdict, sentences: [String], presents: RootKey?) {
    self.component = component
    self.verdict = verdict
    self.sentences = sentences
    self.presents = presents
  }

  /// How what was seen compares with what the database says.
  public enum Verdict: String, Sendable, Hashable, Codable, CaseIterable {
    /// It is as the database says.
    case same
    /// It is not.
    case differs
    /// It could not be seen.
    case unseen
  }
}

extension Store {
  /// The newest restoration; nil for a database that never came from a backup.
  public func restoration() async throws -> RestorationRecord? {
    try await read { try Self.restoration($0) }
  }

  /// What the look after a restore showed of each component.
  public func restorationLooks(_ id: RestorationRecord.ID) async throws -> [Component.ID: RestorationLook] {
    try await read { database in
      let rows = try Row.fetchAll(
        database, sql: "SELECT * FROM restoration_looks WHERE restoration = ?", arguments: [id.rawValue])
      var looks: [Component.ID: RestorationLook] = [:]
      for row in rows { looks[Component.ID(rawValue: row["component"])] = try JSON.value(row["body"]) }
      return looks
    }
  }

  /// Keeps what a look at every component showed, in the place of what an earlier one did. With an update under way that
  /// the backup knew it is never as the database says: nobody knows how far that has come.
  ///
  /// Once updates may start this changes nothing: what is seen then may be their work.
  public func recordRestorationLooks(
    _ id: RestorationRecord.ID, _ looks: [Component.ID: RestorationLook]
  ) async throws {
    let now = clock()
    try await write { database in
      guard try Self.restoration(database, id)?.isOpen == true else { return }
      try database.execute(sql: "DELETE FROM restoration_looks WHERE restoration = ?", arguments: [id.rawValue])
      for (component, look) in looks.sorted(by: { $0.key < $1.key }) {
        try database.execute(
          sql: "INSERT INTO restoration_looks VALUES (?, ?, ?)",
          arguments: [id.rawValue, component.rawValue, try JSON.text(look)])
      }
      let runs = try Self.unfinishedUpdate(of: id, database) != nil
      let differs = runs || looks.values.contains { $0.verdict != .same }
      try database.execute(
        sql: "UPDATE restorations SET looked_at = ?, differs = ? WHERE id = ?",
        arguments: [now.milliseconds, differs, id.rawValue])
    }
  }

  /// Remembers that somebody has seen what differs; updates may start from then on.
  ///
  /// - Throws: `NOT_LOOKED_YET` before every component has been looked at.
  public func confirmRestoration(_ id: RestorationRecord.ID, by user: String) async throws {
    let now = clock()
    try await write { database in
      try database.execute(
        sql: """
          UPDATE restorations SET seen_at = coalesce(seen_at, ?), seen_by = coalesce(seen_by, ?)
          WHERE id = ? AND looked_at IS NOT NULL
          """, arguments: [now.milliseconds, user, id.rawValue])
      guard database.changesCount == 1 else {
        throw StoreError(
          code: "NOT_LOOKED_YET", sentence: "The components have not all been looked at yet. Wait a moment.")
      }
    }
  }

  /// Throws `RESTORED_NOT_SEEN` while it is not known, or nobody has read, how the world differs from a restored database.
  static func checkRestorationSeen(_ database: GRDB.Database) throws {
    guard let restoration = try restoration(database), restoration.isOpen else { return }
    throw StoreError.notSeen(restoration)
  }

  /// Why an update that ended before a backup was made can be decided on no more; nil where it can.
  static func restorationSentence(_ update: UpdateRecord, _ database: GRDB.Database) throws -> String? {
    guard update.outcome != nil,
      try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM restorations WHERE last_update >= ? AND coalesce(differs, 1) = 1)",
        arguments: [update.id.rawValue]) == true
    else { return nil }
    return "Reroot was restored from a backup after update \(update.id), and the components are not as the backup knew "
      + "them: what came after it is not known, so this update can be neither retried nor aborted. Start a new update "
      + "instead, which goes by what is there now."
  }

  /// Voids whatever let somebody in when a backup was made, and marks the database as restored from it.
  func markRestored(backupMadeAt: Date, at now: Date, _ database: GRDB.Database) throws {
    try database.execute(sql: "DELETE FROM sessions")
    // A token that has been ended since would be good again.
    try Self.removeTokens(of: nil, database)
    try database.execute(sql: "DELETE FROM held_imports")
    // One that was used since would get a second certificate.
    try database.execute(sql: "DELETE FROM early_keys")
    try database.execute(sql: "DELETE FROM password_links")
    try database.execute(sql: "DELETE FROM settings WHERE key = 'setup_token'")
    try database.execute(sql: "DELETE FROM sign_in_steps")
    // Those that were used since would be good once more, and nobody knows which.
    try database.execute(sql: "DELETE FROM recovery_codes")
    // So would a code that an app shows at this moment.
    try database.execute(
      sql: "UPDATE second_factors SET last_step = max(coalesce(last_step, 0), ?)",
      arguments: [OneTimePassword.step(at: now)])
    // What somebody had agreed to was a plan for the world of then.
    try Self.closeAll("void", where: "TRUE", now, database)
    try database.execute(
      sql: """
        INSERT INTO restorations (restored_at, backup_made_at, last_update)
        SELECT ?, ?, coalesce(max(id), 0) FROM updates
        """, arguments: [now.milliseconds, backupMadeAt.milliseconds])
  }

  /// The newest restoration, or the one that is asked for.
  private static func restoration(
    _ database: GRDB.Database, _ id: RestorationRecord.ID? = nil
  ) throws -> RestorationRecord? {
    let found = try Row.fetchOne(
      database, sql: "SELECT * FROM restorations WHERE id = coalesce(?, id) ORDER BY id DESC LIMIT 1",
      arguments: [id?.rawValue])
    guard let row = found else { return nil }
    let id = RestorationRecord.ID(rawValue: row["id"])
    let last: Int64 = row["last_update"]
    let looked: Int64? = row["looked_at"]
    let differs: Int? = row["differs"]
    let seen: Int64? = row["seen_at"]
    return RestorationRecord(
      id: id, restoredAt: Date(milliseconds: row["restored_at"]),
      backupMadeAt: Date(milliseconds: row["backup_made_at"]),
      lastUpdate: last == 0 ? nil : UpdateRecord.ID(rawValue: last), lookedAt: looked.map(Date.init(milliseconds:)),
      differs: differs.map { $0 != 0 }, seenAt: seen.map(Date.init(milliseconds:)), seenBy: row["seen_by"],
      onlyUpdate: looked == nil ? nil : try onlyUpdate(of: id, database))
  }

  /// The update that was under way when the backup was made, and still is.
  private static func unfinishedUpdate(
    of id: RestorationRecord.ID, _ database: GRDB.Database
  ) throws -> UpdateRecord.ID? {
    try Int64.fetchOne(
      database,
      sql: """
        SELECT id FROM updates WHERE outcome IS NULL AND id <= (SELECT last_update FROM restorations WHERE id = ?)
        """, arguments: [id.rawValue]
    ).map(UpdateRecord.ID.init(rawValue:))
  }

  private static func onlyUpdate(
    of id: RestorationRecord.ID, _ database: GRDB.Database
  ) throws -> UpdateRecord.ID? {
    let bodies = try String.fetchAll(
      database, sql: "SELECT body FROM restoration_looks WHERE restoration = ?", arguments: [id.rawValue])
    let looks: [RestorationLook] = try bodies.map { try JSON.value($0) }
    return looks.allSatisfy { $0.verdict == .same } ? try unfinishedUpdate(of: id, database) : nil
  }
}

extension StoreError {
  /// Why updates have to wait after a restore, and for what.
  static func notSeen(_ restoration: RestorationRecord) -> StoreError {
    guard restoration.lookedAt != nil else {
      return StoreError(
        code: "RESTORED_NOT_SEEN",
        cause: "Reroot was restored from a backup and has not looked at every component yet.",
        advice: Advice("Wait a moment, then try again."))
    }
    let (cause, known, next) =
      restoration.onlyUpdate.map {
        ("a backup that was made while update \($0) was under way.", "what is known", "decide on the update")
      } ?? ("a backup, and components are not as its database says.", "what differs", "make a new plan")
    return StoreError(
      code: "RESTORED_NOT_SEEN", cause: "Reroot was restored from \(cause)",
      advice: Advice(
        page: "Read \(known) on the page “Restored from a backup”, and confirm it; then \(next).",
        api:
          "Read \(known) in `/restoration`, and confirm it with a POST to `/restoration/confirmation`; then \(next)."))
  }
}
