import Foundation
import GRDB

/// Names of users as they are told apart: two that look the same, or differ in case only, are one.
public enum SignInName {
  /// The compatible composed form (NFKC) without regard to case (each letter's full upper and then lower case, which is
  /// the same for what Unicode's case folding holds equal), with one space for many and without the selector of pictures. A
  /// name that nobody can have is not kept in full.
  public static func folded(_ name: String) -> String {
    let compatible = String(name.prefix(400)).precomposedStringWithCompatibilityMapping
    let caseless = compatible.uppercased().lowercased().precomposedStringWithCompatibilityMapping
    let visible = String(String.UnicodeScalarView(caseless.unicodeScalars.filter { $0.value != 0xFE0F }))
    return String(visible.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(200))
  }

  /// Gives every user the folded name. Of two who were let in with the same one by an earlier version, the first has it and
  /// the others one that nobody can sign in by: they are found by their own spelling.
  static func foldAll(_ database: GRDB.Database) throws {
    var taken: Set<String> = []
    for row in try Row.fetchAll(database, sql: "SELECT id, name FROM users ORDER BY id") {
      let (id, name): (Int64, String) = (row["id"], row["name"])
      var folded = folded(name)
      if !taken.insert(folded).inserted { folded += "\u{1F}\(id)" }
      try database.execute(sql: "UPDATE users SET folded_name = ? WHERE id = ?", arguments: [folded, id])
    }
  }

  /// The user who signs in by a name: the one who is spelt so, or else the one whose name it is folded.
  static func row(of name: String, _ database: GRDB.Database) throws -> Row? {
    let spelt = name.precomposedStringWithCanonicalMapping
    return try Row.fetchOne(
      database,
      sql: """
        SELECT * FROM users WHERE name = ?1 COLLATE BINARY OR name = ?2 COLLATE BINARY OR folded_name = ?3
        ORDER BY name = ?1 COLLATE BINARY DESC, name = ?2 COLLATE BINARY DESC LIMIT 1
        """, arguments: [name, spelt, folded(name)])
  }
}
