import Foundation
import GRDB
import PKI

/// Seals secrets for the rows that they belong to: one that is copied to another row, column or table does not open.
struct Seals: Sendable {
  let masterKey: MasterKey

  func seal(_ secret: SecretBytes, _ table: String, _ column: String, _ row: some CustomStringConvertible) throws
    -> [UInt8]
  {
    try masterKey.seal(secret, context: "\(table)/\(column)/\(row)")
  }

  func open(_ sealed: [UInt8], _ table: String, _ column: String, _ row: some CustomStringConvertible) throws
    -> SecretBytes
  {
    try masterKey.open(sealed, context: "\(table)/\(column)/\(row)")
  }

  /// Seals a secret into a row that has just been inserted, whose number is part of the seal.
  func put(
    _ secret: SecretBytes, into table: String, _ column: String, row: Int64, _ database: GRDB.Database
  ) throws {
    try database.execute(
      often: "UPDATE \(table) SET \(column) = ? WHERE id = ?",
      arguments: [Data(try seal(secret, table, column, row)), row])
  }

  /// Opens the secret of a row.
  func take(_ column: String, of row: Row, _ table: String) throws -> SecretBytes {
    guard let sealed: Data = row[column] else {
      throw StoreError(
        code: "NO_SECRET", sentence: "The private key of this record is not in Reroot's database any more.")
    }
    let number: Int64 = row["id"]
    return try open(Array(sealed), table, column, number)
  }
}
