import Foundation
import GRDB
import PKI
import Rotation

/// What the console serves HTTPS with.
public struct HTTPSRecord: Sendable {
  /// Where it comes from.
  public let source: Source
  /// The chain, its own certificate first.
  public let chain: [Certificate]
  /// Its key, PKCS#8 in PEM.
  public let key: SecretBytes
  /// Since when.
  public let since: Date

  /// Describes what the console serves HTTPS with.
  public init(source: Source, chain: [Certificate], key: SecretBytes, since: Date) {
    self.source = source
    self.chain = chain
    self.key = key
    self.since = since
  }

  /// Where the console's certificate comes from.
  public enum Source: Sendable, Hashable, Codable {
    /// Of its own making, self-signed.
    case own
    /// From the trust store.
    case trustStore(ServerCertificateRecord.ID)
    /// Issued by a root in an update.
    case issued(RootRecord.ID)
  }
}

extension HTTPSRecord.Source {
  fileprivate var auditText: String {
    switch self {
    case .own: "of its own making"
    case .trustStore(let id): "server certificate \(id)"
    case .issued(let root): "issued by root \(root)"
    }
  }
}

extension Store {
  /// What the console serves HTTPS with; nil before the first start.
  public func https() async throws -> HTTPSRecord? {
    try await read { try self.https($0) }
  }

  func https(_ database: GRDB.Database) throws -> HTTPSRecord? {
    try Row.fetchOne(database, sql: "SELECT * FROM https ORDER BY id DESC LIMIT 1").map(https)
  }

  /// The chain that the console serves HTTPS with, and where it comes from, without its key; nil before the first start.
  public func httpsChain() async throws -> (source: HTTPSRecord.Source, chain: [Certificate])? {
    try await read { database in
      guard let row = try Row.fetchOne(database, sql: "SELECT * FROM https ORDER BY id DESC LIMIT 1") else {
        return nil
      }
      return (try JSON.value(row["source"]), try Certificate.parse(pem: row["chain"]))
    }
  }

  /// What the console served HTTPS with before an update exchanged it; nil when it did not.
  public func previousHTTPS(_ update: UpdateRecord.ID) async throws -> HTTPSRecord? {
    try await read { database in
      try Row.fetchOne(
        database,
        sql: """
          SELECT * FROM https WHERE id < (SELECT min(id) FROM https WHERE update_id = ?) ORDER BY id DESC LIMIT 1
          """, arguments: [update.rawValue]
      ).map(self.https)
    }
  }

  /// Makes the console serve HTTPS with something else from now on; what it served before stays on record.
  public func setHTTPS(
    _ source: HTTPSRecord.Source, chain: [Certificate], key: SecretBytes, update: UpdateRecord.ID?
  ) async throws {
    let now = clock()
    try await write { database in
      try database.execute(
        sql: "INSERT INTO https (source, chain, update_id, since) VALUES (?, ?, ?, ?)",
        arguments: [
          try JSON.text(source), chain.map(\.pem).joined(), update?.rawValue, now.milliseconds,
        ])
      try self.seals.put(key, into: "https", "sealed_key", row: database.lastInsertedRowID, database)
      var details = ["source": source.auditText, "fingerprint": chain.first?.fingerprint.hex ?? "none"]
      if let update { details["update"] = "\(update)" }
      try self.recordOwn(.httpsChanged, on: "the console's certificate", details, database)
    }
  }

  private func https(_ row: Row) throws -> HTTPSRecord {
    HTTPSRecord(
      source: try JSON.value(row["source"]), chain: try Certificate.parse(pem: row["chain"]),
      key: try seals.take("sealed_key", of: row, "https"), since: Date(milliseconds: row["since"]))
  }
}
