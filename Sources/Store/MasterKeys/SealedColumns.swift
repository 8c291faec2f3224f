/// A column whose values are sealed with the master key, each for its place (`table/column/row`).
struct SealedColumn: Sendable, Hashable {
  /// The table.
  let table: String
  /// The column, a BLOB.
  let column: String
  /// The column whose value stands for the row in the seal.
  let row: String

  init(_ table: String, _ column: String, row: String = "id") {
    self.table = table
    self.column = column
    self.row = row
  }

  /// Every sealed column there is. Who adds one to a table adds it here: a change of the master key seals these anew, and
  /// a value that is not among them would never open again. A test holds this against the tables.
  static let all = [
    SealedColumn("settings", "sealed_value", row: "key"),
    SealedColumn("roots", "sealed_key"),
    SealedColumn("roots", "sealed_pin"),
    SealedColumn("held_imports", "sealed_key"),
    SealedColumn("kept_files", "sealed_content"),
    SealedColumn("issuances", "sealed_key"),
    SealedColumn("early_keys", "sealed_key"),
    SealedColumn("server_certificates", "sealed_key"),
    SealedColumn("https", "sealed_key"),
    SealedColumn("second_factors", "sealed_secret"),
  ]
}
