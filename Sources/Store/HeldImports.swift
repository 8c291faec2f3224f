import Foundation
import GRDB
import PKI

/// An uploaded root that has been inspected and waits for its confirmation.
public struct HeldImport: Sendable {
  /// The root certificate.
  public let certificate: Certificate
  /// Its key, PKCS#8 in PEM.
  public let key: SecretBytes
  /// What else there is to know about it.
  public let details: Details

  /// What is known of an upload besides its certificate.
  public struct Details: Sendable, Codable {
    /// The name of the uploaded file.
    public var fileName: String
    /// The friendly name that the file gives (PKCS#9).
    public var friendlyName: String?
    /// What the administrator should know before confirming.
    public var warnings: [PFXWarning]
    /// Who uploaded it.
    public var uploadedBy: String

    /// Describes an upload.
    public init(fileName: String, friendlyName: String?, warnings: [PFXWarning], uploadedBy: String) {
      self.fileName = fileName
      self.friendlyName = friendlyName
      self.warnings = warnings
      self.uploadedBy = uploadedBy
    }
  }
}

extension Store {
  /// For how long an upload waits for its confirmation, in seconds.
  public static let importLifetime: TimeInterval = 15 * 60
  /// By so much a clock is set back without it being thought wrong before, in seconds.
  private static let clockStep: TimeInterval = 300

  /// Keeps an inspected upload, sealed, until it is confirmed or its time is over.
  ///
  /// - Returns: a token that only the uploader's page knows; the store keeps its hash.
  public func holdImport(
    certificate: Certificate, key: PrivateKey, details: HeldImport.Details
  ) async throws -> String {
    let token = SecureRandom.token()
    let pem = try key.pkcs8PEM()
    let expires = clock().addingTimeInterval(Self.importLifetime)
    try await write { database in
      try self.dropExpiredImports(database)
      try database.execute(
        sql: "INSERT INTO held_imports (token_hash, certificate, details, expires_at) VALUES (?, ?, ?, ?)",
        arguments: [
          TokenHash.of(token), Data(certificate.der), try JSON.text(details), expires.milliseconds,
        ])
      try self.seals.put(pem, into: "held_imports", "sealed_key", row: database.lastInsertedRowID, database)
    }
    return token
  }

  /// The upload of a token; nil when it was dropped, or its time is over.
  public func heldImport(_ token: String) async throws -> HeldImport? {
    let now = clock()
    return try await read { database -> HeldImport? in
      let row = try Row.fetchOne(
        database, sql: "SELECT * FROM held_imports WHERE token_hash = ? AND expires_at > ? AND expires_at <= ?",
        // One that ends later than any begun now was held before the clock was set back.
        arguments: [
          TokenHash.of(token), now.milliseconds,
          now.addingTimeInterval(Self.importLifetime + Self.clockStep).milliseconds,
        ])
      guard let row else { return nil }
      let der: Data = row["certificate"]
      return HeldImport(
        certificate: try Certificate(der: Array(der)), key: try self.seals.take("sealed_key", of: row, "held_imports"),
        details: try JSON.value(row["details"]))
    }
  }

  /// Forgets, with their keys, the uploads that nobody has confirmed in time.
  func dropExpiredImports(_ database: GRDB.Database) throws {
    try database.execute(
      sql: "DELETE FROM held_imports WHERE expires_at <= ?1 OR expires_at > ?2",
      arguments: [
        clock().milliseconds, clock().addingTimeInterval(Self.importLifetime + Self.clockStep).milliseconds,
      ])
  }
}

/// Tokens of 256 random bits are kept as hashes: whoever reads the database cannot use them.
enum TokenHash {
  static func of(_ token: String) -> String { Digest.sha256Hex(Array(token.utf8)) }
}
