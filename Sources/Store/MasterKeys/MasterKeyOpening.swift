import Foundation
import GRDB
import PKI

/// Finds the master key that a database is sealed with.
struct MasterKeyOpening {
  let source: MasterKeySource
  let folder: String
  let isNew: Bool

  /// A value that only the right master key opens, made at the first start.
  static let check = "master_key_check"
  /// How the key is derived; there only where it comes from a passphrase.
  static let derivation = "master_key_derivation"

  /// What can be read before the database is opened. A key that is missing is missed before anything else is made.
  func find() throws -> FoundMasterKey {
    switch source {
    case .file(let path):
      return try MasterKeyFile.find(path, folder: folder, mayCreate: isNew)
    case .credential(let name):
      let path = try MasterKeySource.credentialPath(name, ProcessInfo.processInfo.environment)
      guard FileManager.default.fileExists(atPath: path) else {
        throw StoreError(
          code: "MASTER_KEY_CREDENTIAL_MISSING",
          sentence: "There is no systemd credential “\(name)” (\(path)). Give the service's unit "
            + "LoadCredentialEncrypted=\(name).")
      }
      return FoundMasterKey(key: try MasterKeyFile.read(path, othersMayNot: 0o007))
    case .passphrase:
      return FoundMasterKey()
    }
  }

  /// The seals of an open database.
  ///
  /// Throws `WRONG_MASTER_KEY`, `WRONG_PASSPHRASE`, or `MASTER_KEY_OF_ANOTHER_KIND` where the key does not come from there.
  func seals(_ found: FoundMasterKey, _ database: DatabasePool) throws -> Seals {
    let kept = try database.read { try Self.setting("value", Self.derivation, $0) as String? }
    if case .passphrase(let ask) = source { return try passphraseSeals(kept, ask, database) }
    guard kept == nil else {
      throw StoreError(
        code: "MASTER_KEY_OF_ANOTHER_KIND",
        sentence: "The master key of this data folder is derived from a passphrase. Start with --master-key-passphrase."
      )
    }
    for key in [found.key, found.next].compactMap(\.self) {
      let seals = Seals(masterKey: key)
      guard try database.write({ try Self.opens($0, seals) }) else { continue }
      try settle(found, uses: key)
      return seals
    }
    throw StoreError(
      code: "WRONG_MASTER_KEY",
      sentence: "The master key does not belong to this data folder. Give the key that was made for it with "
        + "--master-key-file.")
  }

  private func passphraseSeals(
    _ kept: String?, _ ask: (Bool) throws -> SecretBytes, _ database: DatabasePool
  ) throws -> Seals {
    if let kept {
      let seals = Seals(masterKey: try MasterKeyDerivation(text: kept).key(of: ask(false)))
      guard try database.write({ try Self.opens($0, seals) }) else {
        throw StoreError(
          code: "WRONG_PASSPHRASE",
          sentence: "The passphrase is not the one of this data folder. Start again and type the right one.")
      }
      return seals
    }
    guard try database.read({ try Self.setting("sealed_value", Self.check, $0) as Data? }) == nil else {
      throw StoreError(
        code: "MASTER_KEY_OF_ANOTHER_KIND",
        sentence:
          "The master key of this data folder comes from a file or a systemd credential. Start with that one, or "
          + "change to a passphrase with “reroot master-key rotate --to-passphrase”.")
    }
    let passphrase = try ask(true)
    try Passphrase.check(passphrase)
    let derivation = try MasterKeyDerivation.generate()
    let seals = Seals(masterKey: try derivation.key(of: passphrase))
    try database.write { try Self.put($0, seals, derivation) }
    return seals
  }

  /// After a rotation that was interrupted: the new key gets its place where the database was sealed with it already, and is
  /// forgotten where it was not.
  private func settle(_ found: FoundMasterKey, uses key: MasterKey) throws {
    guard let path = found.path else { return }
    if let current = found.key, current == key {
      unlink(MasterKeyFile.next(path))
    } else {
      try MasterKeyFile.move(MasterKeyFile.next(path), to: path)
    }
  }

  /// Whether a key opens the check; the first key does, and is held to it from then on.
  private static func opens(_ database: GRDB.Database, _ seals: Seals) throws -> Bool {
    guard let sealed: Data = try setting("sealed_value", check, database) else {
      try put(database, seals, nil)
      return true
    }
    return (try? seals.open(Array(sealed), "settings", "sealed_value", check)) != nil
  }

  /// Writes down what tells the right key, and how it is derived; nil where it is not.
  static func put(_ database: GRDB.Database, _ seals: Seals, _ derivation: MasterKeyDerivation?) throws {
    let sealed = try seals.seal(SecretBytes(utf8: "reroot"), "settings", "sealed_value", check)
    try database.execute(
      sql: "INSERT OR REPLACE INTO settings (key, sealed_value) VALUES (?, ?)", arguments: [check, Data(sealed)])
    try database.execute(sql: "DELETE FROM settings WHERE key = ?", arguments: [Self.derivation])
    if let derivation {
      try database.execute(
        sql: "INSERT INTO settings (key, value) VALUES (?, ?)", arguments: [Self.derivation, derivation.text])
    }
  }

  static func setting<Value: DatabaseValueConvertible>(
    _ column: String, _ key: String, _ database: GRDB.Database
  ) throws -> Value? {
    try Value.fetchOne(database, sql: "SELECT \(column) FROM settings WHERE key = ?", arguments: [key])
  }
}
