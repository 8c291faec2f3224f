import Foundation
import GRDB
import PKI
import Rotation

/// A root certificate in the store.
public struct RootRecord: Sendable, Identifiable {
  /// The number of a root in the store.
  public typealias ID = Identifier<RootRecord>

  /// Its number.
  public let id: ID
  /// What administrators call it.
  public let name: String
  /// The certificate.
  public let certificate: Certificate
  /// What was worth knowing at its import.
  public let warnings: [PFXWarning]
  /// When it was imported.
  public let importedAt: Date
  /// Who imported it.
  public let importedBy: String
  /// What part it plays now.
  public let state: State
  /// How many components have a certificate of it in the current set.
  public let componentsUsing: Int
  /// Where its key is, if that stays in a hardware module; nil for a key that is kept here.
  public let module: ModuleReference?

  /// What part a root certificate plays.
  public enum State: String, Sendable, Hashable, Codable {
    /// The current certificate set is under it.
    case inForce
    /// Imported, and not used yet.
    case imported
    /// An earlier set was under it, and it is still in the trust bundles.
    case retiring
    /// It has been taken out of every trust bundle.
    case retired
  }
}

extension Store {
  /// Keeps an imported root with its key, sealed.
  ///
  /// - Parameter token: the upload that is confirmed by this, which is forgotten then; nil for one that was not held.
  /// - Throws: `ROOT_EXISTS` when the same certificate is there already.
  public func importRoot(
    name: String, certificate: Certificate, key: PrivateKey, warnings: [PFXWarning], by user: String,
    confirming token: String? = nil
  ) async throws -> RootRecord.ID {
    let pem = try key.pkcs8PEM()
    let now = clock()
    return try await write { database in
      if let token {
        try database.execute(sql: "DELETE FROM held_imports WHERE token_hash = ?", arguments: [TokenHash.of(token)])
      }
      let id = try Self.insertRoot(name, certificate, warnings, now, by: user, database)
      self.amendAct { $0.add("root", "\(id)") }
      try self.seals.put(pem, into: "roots", "sealed_key", row: id, database)
      return RootRecord.ID(rawValue: id)
    }
  }

  /// Throws `ROOT_EXISTS`.
  static func insertRoot(
    _ name: String, _ certificate: Certificate, _ warnings: [PFXWarning], _ now: Date, by user: String,
    _ database: GRDB.Database
  ) throws -> Int64 {
    let twin = try String.fetchOne(
      database, sql: "SELECT name FROM roots WHERE fingerprint = ? AND removed_at IS NULL",
      arguments: [certificate.fingerprint.hex])
    if let twin {
      throw StoreError(
        code: "ROOT_EXISTS", sentence: "This root certificate is there already, under the name “\(twin)”.")
    }
    try database.execute(
      sql: """
        INSERT INTO roots (name, fingerprint, certificate, warnings, imported_at, imported_by)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        name, certificate.fingerprint.hex, Data(certificate.der), try JSON.text(warnings), now.milliseconds, user,
      ])
    return database.lastInsertedRowID
  }

  /// All roots, the newest first.
  public func roots() async throws -> [RootRecord] {
    try await read { try Self.roots($0, sql: "WHERE removed_at IS NULL ORDER BY id DESC") }
  }

  /// One root, also one that has been removed, since updates were made under it.
  public func root(_ id: RootRecord.ID) async throws -> RootRecord {
    try await read { database in
      guard let root = try Self.roots(database, sql: "WHERE id = ?", [id.rawValue]).first else {
        throw StoreError.notFound("root certificate")
      }
      return root
    }
  }

  /// The private key of a root, PKCS#8 in PEM.
  public func rootKey(_ id: RootRecord.ID) async throws -> SecretBytes {
    try await read { database in
      guard let row = try Row.fetchOne(database, sql: "SELECT * FROM roots WHERE id = ?", arguments: [id.rawValue])
      else { throw StoreError.notFound("root certificate") }
      return try self.seals.take("sealed_key", of: row, "roots")
    }
  }

  /// Removes a root and its key. What was issued under it stays in the history.
  ///
  /// - Parameter expected: what must be there still; nil removes whatever is.
  /// - Throws: `ROOT_IN_USE` while it is in force, still trusted, or an update under it runs; `CHANGED_MEANWHILE`.
  public func removeRoot(_ id: RootRecord.ID, expecting expected: RootRecord? = nil) async throws {
    let now = clock()
    try await write { database in
      guard let root = try Self.roots(database, sql: "WHERE id = ? AND removed_at IS NULL", [id.rawValue]).first else {
        throw StoreError.notFound("root certificate")
      }
      // All of a root that ever changes.
      if let expected, (root.state, root.componentsUsing) != (expected.state, expected.componentsUsing) {
        throw StoreError.changedMeanwhile
      }
      if let reason = try Self.reasonToKeep(root, database) {
        throw StoreError(code: "ROOT_IN_USE", sentence: "“\(root.name)” cannot be removed: \(reason).")
      }
      try database.execute(
        sql: "UPDATE roots SET sealed_key = NULL, sealed_pin = NULL, removed_at = ? WHERE id = ?",
        arguments: [now.milliseconds, id.rawValue])
    }
  }

  private static func reasonToKeep(_ root: RootRecord, _ database: GRDB.Database) throws -> String? {
    switch root.state {
    case .inForce: return "it is in force on \(root.componentsUsing) components"
    case .retiring: return "components still trust it; retire it first"
    case .imported, .retired: if root.componentsUsing > 0 { return "components still use certificates of it" }
    }
    let runs = try Bool.fetchOne(
      database, sql: "SELECT EXISTS (SELECT 1 FROM updates WHERE root = ? AND outcome IS NULL)",
      arguments: [root.id.rawValue])
    return runs == true ? "an update to it is under way" : nil
  }

  static func roots(
    _ database: GRDB.Database, sql: String, _ arguments: StatementArguments = []
  ) throws -> [RootRecord] {
    let current = try Int64.fetchOne(database, sql: "SELECT root FROM certificate_sets WHERE is_current = 1")
    return try Row.fetchAll(database, sql: "SELECT * FROM roots \(sql)", arguments: arguments).map { row in
      let id: Int64 = row["id"]
      let der: Data = row["certificate"]
      let members = try Int.fetchOne(
        database,
        sql: """
          SELECT count(*) FROM set_members JOIN certificate_sets USING (number)
          WHERE is_current = 1 AND set_members.root = ?
          """, arguments: [id])
      return RootRecord(
        id: RootRecord.ID(rawValue: id), name: row["name"], certificate: try Certificate.of(der: Array(der)),
        warnings: try JSON.value(row["warnings"]), importedAt: Date(milliseconds: row["imported_at"]),
        importedBy: row["imported_by"],
        state: try state(
          of: id, row["fingerprint"], importedAt: row["imported_at"], current: current, database),
        componentsUsing: members ?? 0, module: try (row["module"] as String?).map { try JSON.value($0) })
    }
  }

  private static func state(
    of id: Int64, _ fingerprint: String, importedAt: Int64, current: Int64?, _ database: GRDB.Database
  ) throws -> RootRecord.State {
    if id == current { return .inForce }
    if let retired = try retirement(of: fingerprint, record: id, database) {
      // What was retired and removed, and is imported again, counts as new.
      return retired >= importedAt ? .retired : .imported
    }
    // A rolled-back update took its root out of the bundles again, unless a restore was overridden. One that ended
    // otherwise left those in them that the components had presented.
    let isTrusted = try Bool.fetchOne(
      database,
      sql: """
        SELECT EXISTS (SELECT 1 FROM certificate_sets s LEFT JOIN updates u ON u.id = s.update_id
                       WHERE s.root = ?1 AND coalesce(u.outcome, '') <> 'rolledBack')
            OR EXISTS (SELECT 1 FROM updates WHERE root = ?1 AND outcome = 'rolledBackWithErrors' AND retires IS NULL)
            OR EXISTS (SELECT 1 FROM former_roots f JOIN updates u ON u.id = f.update_id
                       WHERE f.fingerprint = ?2 AND coalesce(u.outcome, 'rolledBack') <> 'rolledBack')
        """, arguments: [id, fingerprint])
    return isTrusted == true ? .retiring : .imported
  }
}
