import Foundation
import GRDB
import PKI
import Testing

@testable import Store

@Suite("What the data folder gives away without the master key") struct SealedColumnTests {
  private static func columns(_ store: Store) async throws -> [(table: String, column: String, type: String)] {
    try await store.read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT m.name AS "table", c.name AS "column", c.type FROM sqlite_master m, pragma_table_info(m.name) c
          WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> 'grdb_migrations'
          """
      ).map { ($0["table"], $0["column"], $0["type"]) }
    }
  }

  @Test("Every column named sealed… is sealed anew by a change of the master key, and no other")
  func registry() async throws {
    let columns = try await Self.columns(TestSystem().store).filter { $0.column.hasPrefix("sealed") }
    #expect(columns.allSatisfy { $0.type == "BLOB" })
    #expect(columns.count >= 7)
    let named = Set(columns.map { "\($0.table).\($0.column)" })
    let registered = SealedColumn.all.map { "\($0.table).\($0.column)" }
    #expect(named == Set(registered), "Register it in SealedColumns.swift.")
    #expect(Set(registered).count == registered.count)
  }

  @Test("Every other column stands with the reason why it may be plain")
  func plainColumns() async throws {
    let columns = try await Self.columns(TestSystem().store).filter { !$0.column.hasPrefix("sealed") }
    for column in columns {
      let name = "\(column.table).\(column.column)"
      #expect(
        PlainColumns.reasons[name] != nil, "Say in PlainColumns.swift why \(name) may be plain, or name it sealed_….")
    }
    let there = Set(columns.map { "\($0.table).\($0.column)" })
    for name in PlainColumns.reasons.keys.sorted() { #expect(there.contains(name), "\(name) is not there any more") }
  }

  @Test("No planted key, password or token stands in any column or file, open, in the log, or closed")
  func planted() async throws {
    let planted = try await PlantedSecrets(TestSystem())
    let forms = planted.forms
    #expect(forms.count >= 14)
    // The search finds what is there: the certificate's name.
    var hits = 0
    func search(_ bytes: Data, _ place: String) {
      for form in forms where bytes.range(of: form.bytes) != nil { Issue.record("\(form.name) stands in \(place)") }
      if bytes.range(of: Data("Planted root".utf8)) != nil { hits += 1 }
    }
    func searchFolder(_ folder: String) throws {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        search(try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)), name)
      }
    }
    for column in try await Self.columns(planted.system.store) {
      let values = try await planted.system.store.read { database in
        try DatabaseValue.fetchAll(database, sql: "SELECT \(column.column) FROM \(column.table)")
      }
      for value in values {
        search(Data.fromDatabaseValue(value) ?? Data("\(value)".utf8), "\(column.table).\(column.column)")
      }
    }
    try searchFolder(planted.system.folder.path)
    try planted.system.store.close()
    try searchFolder(planted.system.folder.path)
    #expect(hits >= 3)
  }
}
