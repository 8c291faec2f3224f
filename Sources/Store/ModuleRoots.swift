import Foundation
import GRDB
import PKI

/// Where the key of a root is that stays in a hardware module.
public struct ModuleReference: Sendable, Hashable, Codable {
  /// The library that the module is reached by (PKCS#11).
  public var library: String
  /// The token and its key.
  public var uri: TokenURI

  /// Describes the place of a key.
  public init(library: String, uri: TokenURI) {
    self.library = library
    self.uri = uri
  }

  /// What the token is called.
  public var token: String { uri.token ?? uri.serial ?? "" }
}

extension Store {
  /// Keeps a root whose key stays in a hardware module, with the PIN, sealed.
  ///
  /// Throws `ROOT_EXISTS` when the same certificate is there already.
  public func importModuleRoot(
    name: String, certificate: Certificate, module: ModuleReference, pin: SecretBytes, warnings: [PFXWarning],
    by user: String
  ) async throws -> RootRecord.ID {
    let now = clock()
    return try await write { database in
      let id = try Self.insertRoot(name, certificate, warnings, now, by: user, database)
      self.amendAct { $0.add("root", "\(id)") }
      try database.execute(
        sql: "UPDATE roots SET module = ? WHERE id = ?", arguments: [try JSON.text(module), id])
      try self.seals.put(pin, into: "roots", "sealed_pin", row: id, database)
      return RootRecord.ID(rawValue: id)
    }
  }

  /// The PIN of the token that a root's key is in. Throws `NO_PIN` once the token has refused it.
  public func pin(of id: RootRecord.ID) async throws -> SecretBytes {
    try await read { database in
      let row = try Row.fetchOne(
        database, sql: "SELECT * FROM roots WHERE id = ? AND sealed_pin IS NOT NULL", arguments: [id.rawValue])
      guard let row else {
        throw StoreError(
          code: "NO_PIN",
          sentence:
            "The PIN of the root's hardware module is not known any more: the module refused the one that was kept. Give "
            + "it anew (“Change PIN” of the root), then try again.")
      }
      return try self.seals.take("sealed_pin", of: row, "roots")
    }
  }

  /// Keeps another PIN, sealed.
  public func keepPIN(_ pin: SecretBytes, of id: RootRecord.ID) async throws {
    try await write { try self.seals.put(pin, into: "roots", "sealed_pin", row: id.rawValue, $0) }
  }

  /// Forgets a PIN that the token has refused, so that it is not tried again: tokens lock after a few wrong ones. Another
  /// one that is kept by now stays.
  public func forgetPIN(_ refused: SecretBytes, of id: RootRecord.ID) async throws {
    // No act of anybody's: the act that met the refusal may fail because of it, and is recorded when it has succeeded.
    try await writeAside { database in
      let row = try Row.fetchOne(
        database, sql: "SELECT * FROM roots WHERE id = ? AND sealed_pin IS NOT NULL", arguments: [id.rawValue])
      guard let row, try self.seals.take("sealed_pin", of: row, "roots") == refused else { return }
      try database.execute(sql: "UPDATE roots SET sealed_pin = NULL WHERE id = ?", arguments: [id.rawValue])
    }
  }
}
