import ArgumentParser
import Console
import PKI
import Rotation

/// `reroot plan`: what an update would do. Nothing is changed by it.
struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Plan an update: look at every component, and say what would be done and what is in the way.",
    discussion: """
      Nothing is changed. The plan has a number, by which `reroot update start --plan` starts it.

      Exit status: 0 when it can be started, 14 when a problem forbids it.
      """)

  @OptionGroup var choices: PlanOptions

  @OptionGroup var server: ServerOptions

  func validate() throws {
    guard choices.root != nil else {
      throw ValidationError("Give the root with --root: its number, name or fingerprint.")
    }
  }

  func run() async throws {
    try await Complaint.ending {
      let plan = try choices.make(try server.client())
      try server.json ? Output.json(plan) : PlanText.print(plan)
      if plan["isBlocked"]?.flag == true { throw ExitCode(CommandStatus.refused.rawValue) }
    }
  }
}

/// The choices of the form *Update Certificates*.
struct PlanOptions: ParsableArguments {
  /// What happens when an action fails.
  enum Policy: String, CaseIterable, ExpressibleByArgument { case stop, `continue` }

  /// Which certificate the console serves afterwards.
  enum HTTPS: String, CaseIterable, ExpressibleByArgument {
    case existing, issue
    case trustStore = "trust-store"
  }

  @Option(help: "The root certificate that signs: its number, name or fingerprint.")
  var root: String?

  @Option(help: "For how many months the child certificates are valid.")
  var months = 12

  @Option(help: "What happens when an action fails: stop and ask, or continue.")
  var onFailure = Policy.stop

  @Option(
    help: "The console's own HTTPS certificate: the existing one, one that the root issues, or one of the trust store.")
  var https = HTTPS.existing

  @Option(help: ArgumentHelp("Which one of the trust store, with --https trust-store.", valueName: "number"))
  var serverCertificate: Int64?

  func validate() throws {
    guard Validity.months.contains(months) else {
      throw ValidationError("--months is \(Validity.months.lowerBound) to \(Validity.months.upperBound).")
    }
    guard (https == .trustStore) == (serverCertificate != nil) else {
      throw ValidationError("--https trust-store and --server-certificate belong together.")
    }
  }

  /// Has the plan made.
  func make(_ client: APIClient) throws -> JSONValue {
    let found = try RootChoice.find(root ?? "", client)
    var body: [String: JSONValue] = [
      "root": found["id"] ?? .null, "months": .integer(Int64(months)),
      "https": .string(https == .trustStore ? "trustStore" : https.rawValue), "onFailure": .string(onFailure.rawValue),
    ]
    if let serverCertificate { body["serverCertificate"] = .integer(serverCertificate) }
    return try client.json(.post("/plans", [], .json(.object(body))))
  }
}

/// A plan as text.
enum PlanText {
  static func print(_ plan: JSONValue) {
    let what =
      plan["retires"]?.text.map { "retire “\($0)”; “\(plan.words("root"))” stays" }
      ?? "update to “\(plan.words("root"))”"
    Output.line("Plan \(plan.number("id")): \(what).")
    var fields = [("On failure", plan.words("onFailure")), ("Takes about", "\(plan.number("estimatedSeconds")) s")]
    if plan["retires"]?.text == nil {
      fields.insert(("Valid until", "\(plan["notAfter"]?.moment ?? "") (\(plan.number("months")) months)"), at: 0)
    }
    Output.fields(fields)
    components(plan)
    for problem in plan["problems"]?.elements ?? [] { Output.line(sentence(problem, nil)) }
    for component in plan["components"]?.elements ?? [] {
      let name = component.words("name")
      for problem in component["problems"]?.elements ?? [] { Output.line(sentence(problem, name)) }
      for note in component["notes"]?.elements ?? [] { Output.line("note     \(name): \(note.text ?? "")") }
    }
    for refusal in plan["refusals"]?.elements ?? [] {
      Output.line(
        "refused  \(refusal.words("client")) → \(refusal.words("server")), \(refusal.words("moment")): "
          + refusal.words("reason"))
    }
    Output.line(
      plan["isBlocked"]?.flag == true
        ? "It cannot be started."
        : "It can be started: reroot update start --plan \(plan.number("id"))\(acceptance(plan))")
  }

  /// The options without which it would be refused.
  private static func acceptance(_ plan: JSONValue) -> String {
    let codes = problems(plan).compactMap { $0["code"]?.text }
    return (codes.isEmpty ? "" : " --accept-problems")
      + (codes.contains("SAME_NAME_OTHER_KEY") ? " --accept-namesake" : "")
  }

  /// Everything that stands in the way, whomever it concerns.
  static func problems(_ plan: JSONValue) -> [JSONValue] {
    (plan["problems"]?.elements ?? [])
      + (plan["components"]?.elements ?? []).flatMap { $0["problems"]?.elements ?? [] }
  }

  private static func components(_ plan: JSONValue) {
    var table = Table("STAGE", "COMPONENT", "PROBLEMS", "NOTES")
    for component in plan["components"]?.elements ?? [] {
      table.add(
        component.number("stage"), component.words("name"), "\(component["problems"]?.elements?.count ?? 0)",
        "\(component["notes"]?.elements?.count ?? 0)")
    }
    Output.table(table, ifEmpty: "It has no components.")
  }

  private static func sentence(_ problem: JSONValue, _ component: String?) -> String {
    let kind = problem["isBlocking"]?.flag == true ? "forbids " : "problem "
    return "\(kind) " + (component.map { "\($0): " } ?? "") + "\(problem.words("sentence")) \(problem.words("advice"))"
  }
}
