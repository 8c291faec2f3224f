import Foundation
import GRDB
import PKI
import Rotation

/// A certificate that was issued, or is about to be: its serial number and key are on disk before it is signed.
public struct IssuanceRecord: Sendable {
  /// The number of an issuance in the store.
  public typealias ID = Identifier<IssuanceRecord>
}

extension Store {
  /// Writes down that a certificate is about to be signed.
  ///
  /// - Parameters:
  ///   - update: the update that needs it; nil outside of one.
  ///   - component: the component that gets it; nil for the console.
  ///   - key: its private key, PKCS#8 in PEM; nil for a component that keeps its key.
  ///   - early: the number of that key where it was made ahead; it is used up.
  public func beginIssuance(
    update: UpdateRecord.ID?, component: Component.ID?, root: RootRecord.ID, serial: SerialNumber, key: SecretBytes?,
    early: EarlyKey.ID? = nil, names: [String]
  ) async throws -> IssuanceRecord.ID {
    let now = clock()
    return try await write { database in
      if let early { try Self.useUp(early, database) }
      try database.execute(
        often: """
          INSERT INTO issuances (update_id, component, root, serial, names, begun_at) VALUES (?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          update?.rawValue, component?.rawValue, root.rawValue, serial.hex, try JSON.text(names), now.milliseconds,
        ])
      let id = database.lastInsertedRowID
      if let key { try self.seals.put(key, into: "issuances", "sealed_key", row: id, database) }
      return IssuanceRecord.ID(rawValue: id)
    }
  }

  /// Keeps the certificate that was signed for an intent, once.
  public func finishIssuance(_ id: IssuanceRecord.ID, certificate: Certificate) async throws {
    let now = clock()
    try await write { database in
      try database.execute(
        often: """
          UPDATE issuances SET certificate = ?, not_after = ?, finished_at = ? WHERE id = ? AND certificate IS NULL
          """,
        arguments: [Data(certificate.der), certificate.notAfter.milliseconds, now.milliseconds, id.rawValue])
      guard database.changesCount == 1 else { throw StoreError.notFound("issuance that is still open") }
    }
  }

  /// The newest certificate that an update issued to a component, or to the console, with its key in PEM; without
  /// the key where the component keeps it.
  public func newestIssued(
    _ update: UpdateRecord.ID, component: Component.ID?
  ) async throws -> (certificate: Certificate, key: SecretBytes?)? {
    try await read { database in
      guard let row = try Self.newestIssued(update, component?.rawValue, database) else { return nil }
      let der: Data = row["certificate"]
      let sealed: Data? = row["sealed_key"]
      let key = try sealed.map { _ in try self.seals.take("sealed_key", of: row, "issuances") }
      return (try Certificate.of(der: Array(der)), key)
    }
  }

  /// The row of the newest certificate that an update issued to a component, or to the console for nil, with its key.
  static func newestIssued(
    _ update: UpdateRecord.ID, _ component: Int64?, _ database: GRDB.Database
  ) throws -> Row? {
    try Row.fetchOne(
      database,
      often: """
        SELECT * FROM issuances WHERE update_id = ? AND component IS ? AND certificate IS NOT NULL
        ORDER BY id DESC LIMIT 1
        """, arguments: [update.rawValue, component])
  }
}
