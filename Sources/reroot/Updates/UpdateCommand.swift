import ArgumentParser
import Console
import Foundation
import PKI
import Rotation

/// `reroot update`: start, watch, decide on, list and show updates.
struct UpdateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update", abstract: "Start, watch and decide on updates.",
    discussion: "Exit statuses:\n\n\(CommandStatus.table)",
    subcommands: [Start.self, Watch.self, Decide.self, List.self, Show.self])

  /// `reroot update start --root R --months N`.
  struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Plan an update and start it, or start a plan.",
      discussion: """
        A plan in which anything stands in the way is printed and not started, unless --accept-problems says that it was \
        read; what forbids the start cannot be accepted. With --watch the progress is shown until the end, and on a failure \
        the decision is asked for at a terminal.

        Exit statuses:

        \(CommandStatus.table)
        """)

    @OptionGroup var choices: PlanOptions

    @Option(help: ArgumentHelp("A plan that was made before, in place of --root and --months.", valueName: "number"))
    var plan: Int64?

    @Flag(help: "Start in spite of the problems that the plan names.")
    var acceptProblems = false

    @Flag(help: "Start although another root of the same name is trusted.")
    var acceptNamesake = false

    @OptionGroup var watching: WatchOptions

    @OptionGroup var server: ServerOptions

    func validate() throws {
      guard (plan == nil) == (choices.root != nil) else {
        throw ValidationError("Give either --root and --months, or the number of a plan with --plan.")
      }
    }

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let made = try plan.map { try client.json(.get("/plans/\($0)")) } ?? choices.make(client)
        try UpdateStart(plan: made, acceptsProblems: acceptProblems, acceptsNamesake: acceptNamesake)
          .run(client, watching, json: server.json)
      }
    }
  }

  /// `reroot update watch [ID]`.
  struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Watch an update to its end.",
      discussion: """
        At a terminal: a bar and one line per component, in colours unless NO_COLOR is set. Elsewhere one line an event, \
        with --json one JSON object a line. A connection that is lost is made again. To end the watching does not end the \
        update.

        Exit statuses:

        \(CommandStatus.table)
        """)

    @Argument(help: "The number of the update (default: the newest).")
    var id: Int64?

    @OptionGroup var asking: AskOptions

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let id = try id ?? UpdateCommand.newest(client)
        try asking.watch(client, "\(id)", json: server.json)
      }
    }
  }

  /// `reroot update decide ID DECISION`.
  struct Decide: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Answer the failure of an update: retry, override, continue or abort.",
      discussion: """
        A decision answers one question. Without --question it is the one that is open now; with it, a decision that comes \
        too late changes nothing.
        """)

    @Argument(help: "The number of the update.")
    var id: Int64

    @Argument(help: "retry, override, continue or abort.")
    var decision: Decision.Kind

    @Option(
      help: ArgumentHelp("The number of the question, as `reroot update show --json` says it.", valueName: "number"))
    var question: Int64?

    @Option(
      name: .customLong("action"),
      help: ArgumentHelp("With retry: one failed action, such as deploy:7; may be given again.", valueName: "action"))
    var actions: [String] = []

    @Option(help: "Why; needed for override. It stands in the audit log.")
    var reason: String?

    @OptionGroup var watching: WatchOptions

    @OptionGroup var server: ServerOptions

    func validate() throws {
      for action in actions where ActionID(action) == nil {
        throw ValidationError("“\(action)” is no action. Take one as `reroot update show` names it, such as deploy:7.")
      }
    }

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let question = try question ?? client.json(.get("/updates/\(id)"))["question"]?.whole ?? 0
        let sent = UpdateDecision(decision: decision.rawValue, question: question, actions: actions, reason: reason)
        let answer = try sent.send(client, update: "\(id)")
        guard sent.isTaken(answer) else {
          if server.json { try Output.json(answer) }
          throw ExitCode(CommandStatus.waiting.rawValue)
        }
        if watching.watch { return try watching.asking.watch(client, "\(id)", answered: question, json: server.json) }
        let update = try client.json(.get("/updates/\(id)"))
        try server.json ? Output.json(update) : Output.line(UpdateText.line(update))
      }
    }
  }

  /// `reroot update list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the updates, the newest first.")

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await server.list(
        "/updates", ifEmpty: "There is no update yet.",
        [
          ("ID", { $0.number("id") }), ("ROOT", { $0.words("root") }),
          ("STANDS", { StandingWords.of($0.words("standing")) }),
          // Of what has ended only its page counts the actions.
          ("DONE", { $0["counts"].map { "\($0.number("succeeded"))/\($0.number("total"))" } ?? "" }),
          ("STARTED", { $0["startedAt"]?.moment ?? "" }), ("BY", { $0.words("startedBy") }),
        ])
    }
  }

  /// `reroot update show [ID]`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show how an update stands, with what failed and what each decision would do.")

    @Argument(help: "The number of the update (default: the newest).")
    var id: Int64?

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let id = try id ?? UpdateCommand.newest(client)
        let update = try client.json(.get("/updates/\(id)"))
        if server.json { return try Output.json(update) }
        var progress = UpdateProgress()
        progress.take(update: update)
        progress.take(actions: try client.all("/updates/\(id)/actions"))
        var terminal = Terminal.current()
        terminal.rows = .max
        Output.text(ProgressPicture.lines(progress, terminal).joined(separator: "\n") + "\n")
        if CommandStatus(standing: progress.standing) != nil, progress.standing != "completed" {
          Output.text(FailureText.end(progress, columns: terminal.columns, hasColours: terminal.hasColours) + "\n")
        }
      }
    }
  }

  /// The number of the newest update.
  static func newest(_ client: APIClient) throws -> Int64 {
    guard let id = try client.json(.get("/updates", [("limit", "1")]))["items"]?.elements?.first?["id"]?.whole else {
      throw CommandFailure(.refused, "NOT_FOUND", "There is no update yet.")
    }
    return id
  }
}

/// One line about an update.
enum UpdateText {
  static func line(_ update: JSONValue) -> String {
    "Update \(update.number("id")), \(update.words("root")): \(StandingWords.of(update.words("standing")))."
  }
}

/// Whether an update is watched, and who is asked.
struct WatchOptions: ParsableArguments {
  @Flag(help: "Show the progress until the end.")
  var watch = false

  @OptionGroup var asking: AskOptions
}

/// Who is asked when an update fails.
struct AskOptions: ParsableArguments {
  @Flag(help: "Ask nothing, also at a terminal: end with the status 11 when a decision is needed.")
  var noInput = false

  /// Watches, and ends the command with the status of how the update stands then.
  func watch(_ client: APIClient, _ id: String, answered: Int64? = nil, json: Bool) throws {
    let style: UpdateWatch.Style = json ? .json : Terminal.current().canReplace ? .picture : .lines
    let asks = !noInput && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
    let status = try UpdateWatch(client, update: id, style: style, asks: asks).run(answered: answered)
    if status != .done { throw ExitCode(status.rawValue) }
  }
}
