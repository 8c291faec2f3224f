import Foundation
import HTTP
import Rotation
import Store

extension Router where Context == Visit {
  /// From the form of an update to its end: `/roots/:id/update`, `/plans`, `/updates`.
  mutating func addUpdateRoutes() {
    on(.get, "/roots/:id/update") { _, parameters, visit in
      let choices = UpdateFormInput(root: try RootRecord.ID(parameters), months: "12")
      return try await UpdateFormPage.response(choices, problems: [], visit)
    }
    on(.post, "/plans", makePlan)
    on(.get, "/plans/:id") { _, parameters, visit in
      try await planPage(Plan.ID(parameters), refusal: nil, visit)
    }
    on(.get, "/updates") { _, _, visit in
      try visit.page("updates/list", await UpdatesPage.model(visit.services.store))
    }
    on(.post, "/updates", startUpdate)
    on(.get, "/updates/:id") { _, parameters, visit in
      try visit.page("updates/show", await UpdatePage.model(UpdateRecord.ID(parameters), visit.services.store))
    }
    on(.post, "/updates/:id/decisions", decide)
    on(.get, "/updates/:id/events") { request, parameters, visit in
      let update = try UpdateRecord.ID(parameters)
      _ = try await visit.services.store.update(update)
      let after = request.headers.first("last-event-id") ?? request.query["after"] ?? "0"
      return .events(try await visit.services.updates.events.watch(update, after: Int(after) ?? 0))
    }
  }
}

@Sendable private func makePlan(
  _ request: Request, _: PathParameters, _ visit: Visit
) async throws -> Response {
  let input = try UpdateFormInput(request.form)
  let (choices, problems) = try await input.checked(visit.services.store, now: visit.services.clock())
  guard let choices else { return try await UpdateFormPage.response(input, problems: problems, visit) }
  let plan = try await visit.services.updates.plan(choices)
  return visit.redirect(to: "/plans/\(plan)")
}

private func planPage(_ id: Plan.ID, refusal: String?, _ visit: Visit) async throws -> Response {
  let plan = try await visit.services.store.plan(id)
  return try visit.page("plans/show", PlanPage.model(id, plan, refusal: refusal), status: refusal == nil ? 200 : 409)
}

@Sendable private func startUpdate(
  _ request: Request, _: PathParameters, _ visit: Visit
) async throws -> Response {
  guard let number = request.form["plan"].flatMap({ Int64($0) }) else { throw PageError.notFound("plan") }
  let plan = Plan.ID(rawValue: number)
  do {
    let update = try await visit.services.updates.start(
      plan, acceptsProblems: request.form["acceptProblems"] != nil, by: visit.signedIn().name)
    return visit.redirect(to: "/updates/\(update)")
  } catch let refusal as UpdateRefusal {
    return try await planPage(plan, refusal: refusal.sentence, visit)
  }
}

@Sendable private func decide(
  _ request: Request, _ parameters: PathParameters, _ visit: Visit
) async throws -> Response {
  let update = try UpdateRecord.ID(parameters)
  guard let kind = request.form["decision"].flatMap(Decision.Kind.init(rawValue:)),
    let question = request.form["question"].flatMap({ Int($0) })
  else {
    throw PageError(400, "The form names no decision, or not the failure that it answers. Open the update again.")
  }
  let actions = request.form.all("action").compactMap(ActionID.init)
  let decision = Decision(
    kind, question: question, actions: actions.isEmpty ? nil : actions, by: try visit.signedIn().name)
  do {
    try await visit.services.updates.decide(update, decision)
  } catch let refusal as Refusal {
    throw refusal.pageError
  } catch let refusal as UpdateRefusal {
    throw PageError(409, refusal.sentence)
  }
  return visit.redirect(to: "/updates/\(update)")
}

extension Refusal {
  /// The page that tells why a decision was not taken.
  var pageError: PageError {
    switch self {
    case .stale:
      PageError(
        409,
        "Somebody has decided since this page was drawn, or the update has gone on. Nothing was changed by your click. "
          + "Open the update again to see how it stands.", title: "This question has been answered already")
    case .notOffered:
      PageError(
        409, "This decision is not possible as the update stands now. Nothing was changed. Open the update again.",
        title: "This decision is not possible now")
    case .unexpected(let reason):
      PageError(409, "The update does not take this decision: \(reason). Nothing was changed.")
    }
  }
}

extension Identifier {
  /// The number in a path such as `/updates/:id`.
  init(_ parameters: PathParameters) throws {
    guard let number = parameters.integer("id"), number > 0 else { throw PageError.notFound("page") }
    self.init(rawValue: Int64(number))
  }
}
