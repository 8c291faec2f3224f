import ArgumentParser
import Console

/// `reroot watching`: what differs between updates, and a look now.
struct WatchingCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watching", abstract: "Show what is not as Reroot deployed it, or look at every endpoint now.",
    subcommands: [Show.self, Look.self], defaultSubcommand: Show.self)

  /// `reroot watching show`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what the last look has found.",
      discussion: "Exit status: 0 when everything is as it was deployed, 1 when something differs.")

    @OptionGroup var server: ServerOptions

    func run() async throws { try await WatchingText.show(server, afterLook: false) }
  }

  /// `reroot watching look`.
  struct Look: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Look at every endpoint now, and show what differs.",
      discussion: """
        What takes longer than ten seconds goes on without this command. Exit status: 0 when everything was looked at and \
        is as it was deployed, 1 otherwise.
        """)

    @OptionGroup var server: ServerOptions

    func run() async throws { try await WatchingText.show(server, afterLook: true) }
  }
}

private enum WatchingText {
  static func show(_ server: ServerOptions, afterLook: Bool) async throws {
    try await Complaint.ending {
      let client = try server.client()
      let looked = afterLook ? try client.json(.post("/watching/looks")) : nil
      let state = try client.json(.get("/watching"))
      if server.json {
        try Output.json(looked.map { ["look": $0, "watching": state] } ?? state)
      } else {
        print(state, looked)
      }
      let isOver = looked.map { $0["isOver"]?.flag == true } ?? true
      guard isOver, state["differing"]?.elements?.isEmpty == true else {
        throw ExitCode(CommandStatus.failed.rawValue)
      }
    }
  }

  private static func print(_ state: JSONValue, _ looked: JSONValue?) {
    for one in state["differing"]?.elements ?? [] {
      for finding in one["findings"]?.elements ?? [] {
        Output.line("\(one.words("name")): \(finding.words("sentence")) Since \(one["since"]?.moment ?? "").")
      }
    }
    if let looked { return Output.line(looked.words("sentence")) }
    let at = state["lookedAt"]?.moment ?? ""
    Output.line(at.isEmpty ? "Nothing has been looked at yet." : "Looked at last at \(at).")
  }
}
