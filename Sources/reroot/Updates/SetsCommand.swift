import ArgumentParser
import Console

/// `reroot sets`: the certificate sets.
struct SetsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sets", abstract: "List the certificate sets: what was in force together, the newest first.")

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      let sets = try client.all("/sets")
      if server.json { return try Output.json(sets) }
      let names = Dictionary(try client.all("/roots").map { ($0.number("id"), $0.words("name")) }) { first, _ in first }
      var table = Table("NUMBER", "IN FORCE", "ROOT", "UPDATE", "COMPONENTS", "MADE")
      for set in sets {
        table.add(
          set.number("number"), set["isCurrent"]?.flag == true ? "yes" : "no",
          names[set.number("root")] ?? "removed (\(set.number("root")))", set.number("update"),
          "\(set["members"]?.elements?.count ?? 0)", set["madeAt"]?.moment ?? "")
      }
      Output.table(table, ifEmpty: "There is no certificate set yet.")
    }
  }
}
