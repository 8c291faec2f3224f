import ArgumentParser
import Console
import PKI

/// `reroot agreements`: where a second person has to agree.
struct AgreementsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agreements", abstract: "Ask for the agreement of a second person, and give it.",
    subcommands: [List.self, Show.self, Ask.self, Agree.self, Decline.self, Withdraw.self])

  /// `reroot agreements list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the open requests.")

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await server.list(
        "/agreements", ifEmpty: "Nothing waits for an agreement.",
        [
          ("ID", { $0.number("id") }), ("WHAT", { $0.words("act") }), ("PLAN", { $0.number("plan") }),
          ("UPDATE", { $0.number("update") }), ("ASKED BY", { $0.words("askedBy") }),
          ("UNTIL", { $0["expiresAt"]?.moment ?? "" }), ("STANDS", { $0.words("standing") }),
        ])
    }
  }

  /// `reroot agreements ask PLAN`.
  struct Ask: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Ask that somebody agrees to start a plan.")

    @Argument(help: "The number of the plan.")
    var plan: Int64

    @Flag(help: "Start in spite of the problems that the plan names.")
    var acceptProblems = false

    @Flag(help: "Start although another root of the same name is trusted.")
    var acceptNamesake = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let body: JSONValue = ["acceptProblems": .bool(acceptProblems), "acceptNamesake": .bool(acceptNamesake)]
        let asked = try server.client().json(
          .post("/plans/\(plan)/agreements", [], .json(body), isRepeatable: true))
        try AgreementText.show(asked, json: server.json)
      }
    }
  }

  /// `reroot agreements show ID`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a request with the plan that it is about, and the hash that an agreement names.")

    @Argument(help: "The number of the request.")
    var id: Int64

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let request = try client.json(.get("/agreements/\(id)"))
        let plan = try request["plan"]?.whole.map { try client.json(.get("/plans/\($0)")) }
        if server.json { return try Output.json(["request": request, "plan": plan ?? .null]) }
        try AgreementText.show(request, json: false)
        if let plan { PlanText.print(plan) }
        Output.line("Hash \(request.words("hash"))")
      }
    }
  }

  /// `reroot agreements agree ID HASH`.
  struct Agree: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Agree to a request, to exactly what was read.",
      discussion:
        "`reroot agreements show` prints what it is about, and the hash. What has changed since has another one.")

    @Argument(help: "The number of the request.")
    var id: Int64

    @Argument(help: "The hash of what was read (none where there is no plan).")
    var hash = ""

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        try AgreementText.answer(
          id, ["answer": "agree", "hash": .string(hash)], try server.client(), json: server.json)
      }
    }
  }

  /// `reroot agreements decline ID --reason WHY`.
  struct Decline: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Decline a request.")

    @Argument(help: "The number of the request.")
    var id: Int64

    @Option(help: "Why.")
    var reason: String

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let hash = try client.json(.get("/agreements/\(id)"))["hash"] ?? .null
        try AgreementText.answer(
          id, ["answer": "decline", "hash": hash, "reason": .string(reason)], client, json: server.json)
      }
    }
  }

  /// `reroot agreements withdraw ID`.
  struct Withdraw: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Withdraw a request of one's own.")

    @Argument(help: "The number of the request.")
    var id: Int64

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        try AgreementText.show(
          try server.client().json(.post("/agreements/\(id)/withdrawal")), json: server.json)
      }
    }
  }
}

enum AgreementText {
  static func show(_ agreement: JSONValue, json: Bool) throws {
    if json { return try Output.json(agreement) }
    Output.line("Request \(agreement.number("id")), \(agreement.words("act")): \(agreement.words("standing")).")
  }

  static func answer(_ id: Int64, _ body: JSONValue, _ client: APIClient, json: Bool) throws {
    try show(try client.json(.post("/agreements/\(id)/answers", [], .json(body))), json: json)
  }
}
