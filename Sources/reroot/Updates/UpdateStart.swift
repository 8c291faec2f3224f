import ArgumentParser
import Console
import PKI

/// Starts a plan, and watches where that is wanted.
struct UpdateStart {
  let plan: JSONValue
  let acceptsProblems: Bool
  let acceptsNamesake: Bool

  func run(_ client: APIClient, _ watching: WatchOptions, json: Bool) throws {
    // What the server would refuse is shown with its reasons.
    let hasProblems = plan["isBlocked"]?.flag == true || (!acceptsProblems && !PlanText.problems(plan).isEmpty)
    if hasProblems, !json { PlanText.print(plan) }
    let update = try started(client)
    if watching.watch { return try watching.asking.watch(client, update.number("id"), json: json) }
    try json ? Output.json(update) : Output.line(UpdateText.line(update))
  }

  private func started(_ client: APIClient) throws -> JSONValue {
    let body: JSONValue = [
      "plan": plan["id"] ?? .null, "acceptProblems": .bool(acceptsProblems), "acceptNamesake": .bool(acceptsNamesake),
    ]
    do {
      return try client.json(.post("/updates", [], .json(body), isRepeatable: true))
    } catch let failure as CommandFailure where failure.code == "AGREEMENT_NEEDED" {
      let command = "reroot agreements ask \(plan.number("id"))"
      throw CommandFailure(failure.status, failure.code, "\(failure.sentence) Ask for it: \(command)")
    }
  }
}
