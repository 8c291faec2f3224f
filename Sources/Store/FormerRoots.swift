import Foundation
import GRDB
import PKI
import Rotation

/// A root that is not in force any more and is still trusted: one of an earlier certificate set, or one that components
/// presented certificates of when an update began. It need not have been imported.
public struct RetiringRoot: Sendable {
  /// The certificate.
  public let certificate: Certificate
  /// What administrators call it; the name in its subject where it was never imported.
  public let name: String
  /// Its number; nil where it was never imported, or has been removed.
  public let record: RootRecord.ID?

  /// How the core names it.
  public var key: RootKey { RootKey(certificate.fingerprint.hex) }
}

extension Store {
  /// The roots that are retiring, the imported ones first; none before the first certificate set.
  public func retiringRoots() async throws -> [RetiringRoot] {
    try await read { database in
      guard try Int.fetchOne(database, sql: "SELECT number FROM certificate_sets WHERE is_current = 1") != nil else {
        return []
      }
      let roots = try Self.roots(database, sql: "WHERE removed_at IS NULL ORDER BY id DESC")
      let imported = roots.filter { $0.state == .retiring }
        .map { RetiringRoot(certificate: $0.certificate, name: $0.name, record: $0.id) }
      return imported + (try self.foundRoots(database))
    }
  }

  /// The certificates of the roots that have been taken out of every trust bundle, and not been brought back since.
  public func retiredRoots() async throws -> [Certificate] {
    try await read { database in
      let retired = try String.fetchAll(
        database, sql: "SELECT DISTINCT retires FROM updates WHERE retires IS NOT NULL AND outcome = 'completed'")
      return try retired.compactMap { fingerprint in
        let record = try Int64.fetchOne(
          database, sql: "SELECT id FROM roots WHERE fingerprint = ? ORDER BY removed_at IS NULL DESC, id DESC LIMIT 1",
          arguments: [fingerprint])
        guard try Self.retirement(of: fingerprint, record: record, database) != nil else { return nil }
        return try self.rootCertificate(fingerprint, database)
      }
    }
  }

  /// The certificate of a root, imported or once presented by a component; nil where nothing is known of it.
  public func rootCertificate(_ key: RootKey) async throws -> Certificate? {
    try await read { try self.rootCertificate(key.fingerprint, $0) }
  }

  /// The components that were set aside by Override in the update that made the current certificate set.
  public func setAsideComponents() async throws -> Set<Component.ID> {
    guard let update = try await currentSet()?.update else { return [] }
    let state = try await state(update)
    return Set(state.course.members.map(\.id).filter(state.isSetAside))
  }

  /// Remembers which roots were presented when an update began: from then on they are on their way out.
  ///
  /// - Parameter certificates: those of such roots that are known. They are kept, since a trust store of a component does
  ///   not open to everybody.
  static func recordFormerRoots(
    of id: UpdateRecord.ID, _ plan: Plan, _ certificates: [Certificate], _ database: GRDB.Database
  ) throws {
    guard plan.retires == nil else { return }
    for key in Set(plan.components.compactMap(\.findings.presents)) where key != plan.root.key {
      let certificate = certificates.first { $0.fingerprint.hex == key.fingerprint }
      try database.execute(
        sql: "INSERT INTO former_roots (update_id, fingerprint, certificate) VALUES (?, ?, ?)",
        arguments: [id.rawValue, key.fingerprint, certificate.map { Data($0.der) }])
    }
  }

  /// When a root left every trust bundle, in milliseconds; nil unless it has, and where an update has brought it back
  /// since.
  ///
  /// - Parameter record: its number; nil where it was never imported.
  static func retirement(
    of fingerprint: String, record: Int64?, _ database: GRDB.Database
  ) throws -> Int64? {
    try Int64.fetchOne(
      database,
      sql: """
        SELECT max(r.ended_at) FROM updates r WHERE r.retires = ?1 AND r.outcome = 'completed'
        AND NOT EXISTS (
          SELECT 1 FROM updates u
          WHERE u.id > r.id AND u.retires IS NULL AND coalesce(u.outcome, '') <> 'rolledBack'
          AND (u.root = ?2 OR u.id IN (SELECT update_id FROM former_roots WHERE fingerprint = ?1)))
        """, arguments: [fingerprint, record])
  }

  // MARK: Roots that were never imported

  private func foundRoots(_ database: GRDB.Database) throws -> [RetiringRoot] {
    let rows = try Row.fetchAll(
      database,
      sql: """
        SELECT f.fingerprint, max(f.update_id) AS newest FROM former_roots f JOIN updates u ON u.id = f.update_id
        WHERE coalesce(u.outcome, 'rolledBack') <> 'rolledBack'
        AND f.fingerprint NOT IN (SELECT fingerprint FROM roots WHERE removed_at IS NULL)
        GROUP BY f.fingerprint ORDER BY newest DESC
        """)
    return try rows.compactMap { row in
      let fingerprint: String = row["fingerprint"]
      guard try Self.retirement(of: fingerprint, record: nil, database) == nil,
        let certificate = try rootCertificate(fingerprint, database)
      else { return nil }
      return RetiringRoot(certificate: certificate, name: certificate.commonName ?? certificate.subject, record: nil)
    }
  }

  /// The certificate of a root that components presented, whether it is in the list, has been removed from it, or is
  /// known only from the bundles that were kept when an update was planned.
  private func rootCertificate(_ fingerprint: String, _ database: GRDB.Database) throws -> Certificate? {
    if let known = formerCertificates.withLock({ $0[fingerprint] }) { return known }
    var found: Certificate?
    if let der = try Data.fetchOne(
      database,
      sql: """
        SELECT certificate FROM roots WHERE fingerprint = ?1
        UNION ALL SELECT certificate FROM former_roots WHERE fingerprint = ?1 AND certificate IS NOT NULL LIMIT 1
        """, arguments: [fingerprint])
    {
      found = try Certificate.of(der: Array(der))
    } else {
      let files = try Row.fetchCursor(
        database,
        sql: """
          SELECT k.* FROM kept_files k JOIN updates u ON u.plan = k.plan
          WHERE u.id = (SELECT max(update_id) FROM former_roots WHERE fingerprint = ?)
          AND k.sealed_content IS NOT NULL AND json_extract(k.file, '$.role') = 'trustBundle'
          """, arguments: [fingerprint])
      while found == nil, let row = try files.next() {
        let content = try seals.take("sealed_content", of: row, "kept_files")
        let bundle = try? content.withBytes { try Certificate.parse(pem: String(decoding: $0, as: UTF8.self)) }
        found = bundle?.first { $0.fingerprint.hex == fingerprint }
      }
    }
    if let found { formerCertificates.withLock { $0[fingerprint] = found } }
    return found
  }
}
