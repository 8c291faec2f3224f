import Console
import Foundation

extension ServerOptions {
  /// A column of a list: its title, and what stands in it for an item.
  typealias Column = (title: String, value: (JSONValue) -> String)

  /// Prints everything that the API has at a path, as JSON or as a table: what every command does that lists something.
  ///
  /// - Parameter sentence: what is said where there is nothing.
  func list(
    _ path: String, _ query: [(String, String?)] = [], ifEmpty sentence: String, _ columns: [Column]
  ) async throws {
    try await Complaint.ending {
      let items = try client().all(path, query)
      if json { return try Output.json(items) }
      var table = Table(columns.map(\.title))
      for item in items { table.add(columns.map { $0.value(item) }) }
      Output.table(table, ifEmpty: sentence)
    }
  }
}
