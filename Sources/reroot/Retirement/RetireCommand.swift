import ArgumentParser
import Console
import PKI

/// `reroot retire`: takes an old root out of the trust bundles.
struct RetireCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retire", abstract: "Retire an earlier root that nothing depends on any more.",
    discussion: """
      Takes the root out of every trust bundle, as an update of its own, with plan, journal and decisions. It is refused \
      while anything depends on the root. With --dry-run only the plan is printed.

      Exit statuses:

      \(CommandStatus.table)
      """)

  @Argument(help: "The root certificate: its number, name or fingerprint.")
  var root: String

  @Flag(help: "Only make the plan, and print it.")
  var dryRun = false

  @Flag(help: "Start in spite of the problems that the plan names.")
  var acceptProblems = false

  @OptionGroup var watching: WatchOptions

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      let fingerprint = try RetiringChoice.fingerprint(root, client)
      let plan = try client.json(.post("/retirement-plans", [], .json(["fingerprint": .string(fingerprint)])))
      guard dryRun else {
        return try UpdateStart(plan: plan, acceptsProblems: acceptProblems, acceptsNamesake: false)
          .run(client, watching, json: server.json)
      }
      try server.json ? Output.json(plan) : PlanText.print(plan)
      if plan["isBlocked"]?.flag == true { throw ExitCode(CommandStatus.refused.rawValue) }
    }
  }
}
