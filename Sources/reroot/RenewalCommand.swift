import ArgumentParser
import Console

/// `reroot renewal`: whether the child certificates are renewed by themselves, and when.
struct RenewalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renewal", abstract: "Show how renewals stand, and say when child certificates are renewed.",
    discussion: """
      What is due is begun within a minute, inside a maintenance window where there are any. To renew without waiting, start \
      an update under the root in force: `reroot update start --root ROOT`.
      """,
    subcommands: [Show.self, Set.self], defaultSubcommand: Show.self)

  /// `reroot renewal show`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show whether a renewal is due, and what it waits for.")

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let renewal = try server.client().json(.get("/renewal"))
        if server.json { return try Output.json(renewal) }
        Output.fields(
          [
            ("Renewal", RenewalWords.of(renewal.words("standing"))), ("Due", renewal["dueAt"]?.moment ?? ""),
            ("Waits for", renewal.words("reason")), ("In the way", renewal.words("held")),
          ].filter { !$0.1.isEmpty })
      }
    }
  }

  /// `reroot renewal set`.
  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say when child certificates are renewed, and in which windows.",
      discussion: "What is not given stays as it is. It changes settings that `reroot settings show` shows, too.")

    @Option(help: "off, “30 days” or “33 percent” of their life before their end.")
    var before: String?

    @Option(
      name: .customLong("window"),
      help: ArgumentHelp(
        "When one may begin: “Mon-Fri 22:00-04:00”, “daily 03:00-05:00”; may be given again; any for every time.",
        valueName: "window"))
    var windows: [String] = []

    @Option(help: "The time zone of the windows, such as Europe/Berlin.")
    var timeZone: String?

    @OptionGroup var server: ServerOptions

    func validate() throws {
      guard before != nil || !windows.isEmpty || timeZone != nil else {
        throw ValidationError("Give --before, --window or --time-zone.")
      }
      guard windows == ["any"] || !windows.contains("any") else {
        throw ValidationError("--window any stands alone: it is for every time.")
      }
    }

    func run() async throws {
      try await Complaint.ending {
        var members: [String: JSONValue] = [:]
        if let before { members["renewal"] = .string(before) }
        if !windows.isEmpty {
          members["maintenanceWindows"] = .array(windows == ["any"] ? [] : windows.map { .string($0) })
        }
        if let timeZone { members["maintenanceTimeZone"] = .string(timeZone) }
        var request = APIRequest(method: "PATCH", path: "/settings")
        request.body = .json(.object(members))
        let settings = try server.client().json(request)
        let shown = ["renewal", "maintenanceWindows", "maintenanceTimeZone"].map { ($0, settings[$0] ?? .null) }
        try SettingsText.show(.object(Dictionary(shown) { first, _ in first }), json: server.json)
      }
    }
  }
}

private enum RenewalWords {
  static func of(_ standing: String) -> String {
    switch standing {
    case "off": "off"
    case "nothing": "no certificate is in force"
    case "notDue": "not due yet"
    case "waits": "due, and waits"
    case "due": "due, and begins within a minute"
    default: "the settings cannot be read"
    }
  }
}
