import Foundation
import GRDB
import PKI
import Rotation

/// A certificate authority that Reroot itself trusts.
public struct AuthorityRecord: Sendable, Identifiable {
  /// The number of an authority in the store.
  public typealias ID = Identifier<AuthorityRecord>

  /// Its number.
  public let id: ID
  /// Its certificate.
  public let certificate: Certificate
  /// When it was added.
  public let addedAt: Date
  /// Who added it.
  public let addedBy: String
}

/// A server certificate with its key, which the console may serve HTTPS with.
public struct ServerCertificateRecord: Sendable, Identifiable {
  /// The number of a server certificate in the store.
  public typealias ID = Identifier<ServerCertificateRecord>

  /// Its number.
  public let id: ID
  /// What administrators call it.
  public let name: String
  /// The chain, its own certificate first.
  public let chain: [Certificate]
  /// When it was added.
  public let addedAt: Date
  /// Who added it.
  public let addedBy: String
}

extension Store {
  /// The trusted authorities, the newest first.
  public func authorities() async throws -> [AuthorityRecord] {
    try await read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM authorities ORDER BY id DESC").map { row in
        let der: Data = row["certificate"]
        return AuthorityRecord(
          id: AuthorityRecord.ID(rawValue: row["id"]), certificate: try Certificate.of(der: Array(der)),
          addedAt: Date(milliseconds: row["added_at"]), addedBy: row["added_by"])
      }
    }
  }

  /// Adds authorities; those that are there already are passed over.
  ///
  /// - Returns: how many were new.
  public func addAuthorities(_ certificates: [Certificate], by user: String) async throws -> Int {
    let now = clock()
    return try await write { database in
      var added = 0
      for certificate in certificates {
        try database.execute(
          sql: """
            INSERT OR IGNORE INTO authorities (fingerprint, certificate, added_at, added_by) VALUES (?, ?, ?, ?)
            """,
          arguments: [certificate.fingerprint.hex, Data(certificate.der), now.milliseconds, user])
        added += database.changesCount
      }
      return added
    }
  }

  /// Removes an authority.
  public func removeAuthority(_ id: AuthorityRecord.ID) async throws {
    try await write { database in
      try database.execute(sql: "DELETE FROM authorities WHERE id = ?", arguments: [id.rawValue])
      guard database.changesCount == 1 else { throw StoreError.notFound("authority") }
    }
  }

  /// The server certificates, by name.
  public func serverCertificates() async throws -> [ServerCertificateRecord] {
    try await read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM server_certificates ORDER BY name").map { row in
        ServerCertificateRecord(
          id: ServerCertificateRecord.ID(rawValue: row["id"]), name: row["name"],
          chain: try Certificate.parse(pem: row["chain"]), addedAt: Date(milliseconds: row["added_at"]),
          addedBy: row["added_by"])
      }
    }
  }

  /// Adds a server certificate with its key (PKCS#8 in PEM), sealed.
  public func addServerCertificate(
    name: String, chain: [Certificate], key: SecretBytes, by user: String
  ) async throws -> ServerCertificateRecord.ID {
    let now = clock()
    return try await write { database in
      let isTaken = try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM server_certificates WHERE name = ?)", arguments: [name])
      if isTaken == true {
        throw StoreError(
          code: "NAME_TAKEN", sentence: "There is a server certificate named “\(name)” already. Choose another name.")
      }
      try database.execute(
        sql: "INSERT INTO server_certificates (name, chain, added_at, added_by) VALUES (?, ?, ?, ?)",
        arguments: [name, chain.map(\.pem).joined(), now.milliseconds, user])
      let id = database.lastInsertedRowID
      try self.seals.put(key, into: "server_certificates", "sealed_key", row: id, database)
      return ServerCertificateRecord.ID(rawValue: id)
    }
  }

  /// The key of a server certificate, PKCS#8 in PEM.
  public func serverCertificateKey(_ id: ServerCertificateRecord.ID) async throws -> SecretBytes {
    try await read { database in
      let row = try Row.fetchOne(
        database, sql: "SELECT * FROM server_certificates WHERE id = ?", arguments: [id.rawValue])
      guard let row else { throw StoreError.notFound("server certificate") }
      return try self.seals.take("sealed_key", of: row, "server_certificates")
    }
  }

  /// Removes a server certificate.
  ///
  /// - Throws: `IN_USE` while the console serves HTTPS with it.
  public func removeServerCertificate(_ id: ServerCertificateRecord.ID) async throws {
    try await write { database in
      if try self.https(database)?.source == .trustStore(id) {
        throw StoreError(
          code: "IN_USE",
          sentence: "The console serves HTTPS with this certificate. Let it use another one first.")
      }
      try database.execute(sql: "DELETE FROM server_certificates WHERE id = ?", arguments: [id.rawValue])
      guard database.changesCount == 1 else { throw StoreError.notFound("server certificate") }
    }
  }
}
