import Foundation
import GRDB
import PKI

/// What can be asked of a database without changing it: whether it is whole, what version it has, whether its secrets open.
struct DatabaseExamination: Sendable {
  let reader: any DatabaseReader

  /// What SQLite finds wrong with the file, at most ten lines; none when it is whole.
  func damage() throws -> [String] {
    do {
      return try reader.read { database in
        let lines = try String.fetchAll(database, sql: "PRAGMA integrity_check(10)")
        return lines == ["ok"] ? [] : lines
      }
    } catch let error as DatabaseError where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) {
      return [error.message ?? "it is no database"]
    }
  }

  /// The migrations that it has had, in this program's order, then those that this program does not know.
  func schema() throws -> (applied: [String], missing: [String], unknown: [String]) {
    let known = Migrations.all.migrations
    let applied = try reader.read { database in
      try database.tableExists("grdb_migrations")
        ? try String.fetchAll(database, sql: "SELECT identifier FROM grdb_migrations ORDER BY rowid") : []
    }
    return (applied, known.filter { !applied.contains($0) }, applied.filter { !known.contains($0) })
  }

  /// Opens every secret, one after the other.
  ///
  /// - Returns: how many opened, and the places of those that did not.
  func openSecrets(_ seals: Seals) throws -> (opened: Int, broken: [String]) {
    try reader.read { database in
      var opened = 0
      var broken: [String] = []
      // A database of an older version lacks some of them.
      for place in SealedColumn.all where try Self.has(place, database) {
        let rows = try Row.fetchCursor(
          database,
          sql:
            "SELECT \(place.row) AS place, \(place.column) AS sealed FROM \(place.table) WHERE \(place.column) IS NOT NULL"
        )
        while let row = try rows.next() {
          let sealed: Data = row["sealed"]
          let name: DatabaseValue = row["place"]
          let key = String.fromDatabaseValue(name) ?? Int64.fromDatabaseValue(name).map(String.init) ?? "?"
          if (try? seals.open(Array(sealed), place.table, place.column, key)) == nil {
            broken.append("\(place.table)/\(place.column)/\(key)")
          } else {
            opened += 1
          }
        }
      }
      return (opened, broken)
    }
  }

  private static func has(_ place: SealedColumn, _ database: GRDB.Database) throws -> Bool {
    try database.tableExists(place.table) && database.columns(in: place.table).contains { $0.name == place.column }
  }
}
