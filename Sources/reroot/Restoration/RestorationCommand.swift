import ArgumentParser
import Console
import PKI

/// `reroot restoration`: what differs after a restore from a backup.
struct RestorationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restoration", abstract: "Read, and confirm, what differs after a restore from a backup.",
    subcommands: [Show.self, Look.self, Confirm.self], defaultSubcommand: Show.self)

  /// `reroot restoration show`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what is not as the restored database says.",
      discussion: "Exit status: 0 when updates can start, 11 when they wait for the look or for somebody who reads it.")

    @OptionGroup var server: ServerOptions

    func run() async throws { try await RestorationText.show(.get("/restoration"), server) }
  }

  /// `reroot restoration look`.
  struct Look: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Look at every component again.")

    @OptionGroup var server: ServerOptions

    func run() async throws { try await RestorationText.show(.post("/restoration/looks"), server) }
  }

  /// `reroot restoration confirm`.
  struct Confirm: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Confirm to have read what differs, so that updates can start again.")

    @OptionGroup var server: ServerOptions

    func run() async throws { try await RestorationText.show(.post("/restoration/confirmation"), server) }
  }
}

/// A restoration as text.
enum RestorationText {
  static func show(_ request: APIRequest, _ server: ServerOptions) async throws {
    try await Complaint.ending {
      let found = try server.client().json(request)
      try server.json ? Output.json(found) : print(found)
      if found["isOpen"]?.flag == true { throw ExitCode(CommandStatus.waiting.rawValue) }
    }
  }

  private static func print(_ found: JSONValue) {
    Output.line(
      "Restored at \(found["restoredAt"]?.moment ?? "") from a backup of \(found["backupMadeAt"]?.moment ?? "").")
    for one in found["components"]?.elements ?? [] where one.words("verdict") != "same" {
      let sentences = (one["sentences"]?.elements ?? []).compactMap(\.text).joined(separator: " ")
      Output.line("\(one.words("verdict"))  \(one.words("name")): \(sentences)")
    }
    if found["lookedAt"]?.text == nil { Output.line("Not every component has been looked at yet.") }
    Output.line(
      found["isOpen"]?.flag == true
        ? "Updates wait. Once what differs has been read: reroot restoration confirm" : "Updates can start.")
  }
}
