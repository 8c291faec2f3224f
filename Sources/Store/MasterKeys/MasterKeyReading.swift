import Foundation
import GRDB
import PKI

extension MasterKeyOpening {
  /// The seals of a database that is only looked at, also beside a server: nothing is made, and nothing is put in its
  /// place after a rotation. A passphrase is asked for between transactions: one that lasts as long as somebody types would
  /// keep a server's log from being folded into its database.
  ///
  /// - Throws: what ``find()`` throws, `WRONG_MASTER_KEY`, `WRONG_PASSPHRASE` or `MASTER_KEY_OF_ANOTHER_KIND`.
  static func sealsForReading(
    _ source: MasterKeySource, folder: String, _ reader: some DatabaseReader
  ) throws -> Seals {
    let kept: String? = try reader.read { try setting("value", derivation, $0) }
    let candidates = try candidates(source, folder, kept).map { Seals(masterKey: $0) }
    let sealed: Data? = try reader.read { try setting("sealed_value", check, $0) }
    for seals in candidates {
      if let sealed, (try? seals.open(Array(sealed), "settings", "sealed_value", check)) != nil { return seals }
    }
    throw kept == nil
      ? StoreError(
        code: "WRONG_MASTER_KEY",
        sentence: "The master key does not belong to this data folder. Give the one that the server is started with.")
      : StoreError(
        code: "WRONG_PASSPHRASE",
        sentence: "The passphrase is not that of this data folder's master key. Type the right one.")
  }

  private static func candidates(
    _ source: MasterKeySource, _ folder: String, _ kept: String?
  ) throws -> [MasterKey] {
    guard case .passphrase(let ask) = source else {
      guard kept == nil else { throw isOfAnotherKind("is derived from a passphrase; give --master-key-passphrase") }
      let found = try MasterKeyOpening(source: source, folder: folder, isNew: false).find()
      return [found.key, found.next].compactMap(\.self)
    }
    guard let kept else {
      throw isOfAnotherKind("comes from a file or a credential, not from a passphrase")
    }
    return [try MasterKeyDerivation(text: kept).key(of: ask(false))]
  }

  private static func isOfAnotherKind(_ how: String) -> StoreError {
    StoreError(code: "MASTER_KEY_OF_ANOTHER_KIND", sentence: "The master key of this data folder \(how).")
  }
}
