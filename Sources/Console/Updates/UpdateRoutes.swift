import Foundation
import HTTP
import Rotation
import Store

extension ConsoleRouter {
  /// From the form of an update to its end: `/roots/:id/update`, `/plans`, `/updates`.
  mutating func addUpdateRoutes() {
    on(.get, "/roots/:id/update", for: .operator(to: "plan an update")) { _, path, visit in
      let root = try await RootRoutes.root(path, visit)
      let form = UpdateForm(root: root, now: visit.services.clock())
      return try await UpdateRoutes.formPage(form, root, visit).response(visit)
    }
    on(.post, "/plans", for: .operator(to: "plan an update")) { request, _, visit in
      try await UpdateRoutes.makePlan(request, visit)
    }
    on(.get, "/plans/:id", for: .viewer) { request, path, visit in
      try await UpdateRoutes.planPage(try Plan.ID(path, "plan"), rows: PlanRows(request.query), refusal: nil, visit)
    }
    on(.get, "/updates", for: .viewer) { request, _, visit in
      var model = try await UpdatesPage.model(visit.services.store, request.query)
      model["banner"] = try await visit.services.renewal.banner()
      return try visit.page("updates/list", model)
    }
    on(.post, "/updates", for: .operator(to: "start an update")) { request, _, visit in
      try await UpdateRoutes.start(request, visit)
    }
    on(.get, "/updates/:id", for: .viewer) { request, path, visit in
      try await UpdateRoutes.show(try UpdateRecord.ID(path, "update"), UpdateRows(request.query), visit)
    }
    on(.get, "/updates/:id/events", for: .viewer) { request, path, visit in
      try await UpdateRoutes.events(try UpdateRecord.ID(path, "update"), request, visit)
    }
    on(.post, "/updates/:id/decisions", for: .operator(to: "decide on an update")) { request, path, visit in
      try await UpdateRoutes.decide(try UpdateRecord.ID(path, "update"), request, visit)
    }
  }
}

enum UpdateRoutes {
  static func formPage(_ form: UpdateForm, _ root: RootRecord, _ visit: Visit) async throws -> UpdateFormPage {
    UpdateFormPage(form: form, root: root, servers: try await visit.services.store.serverCertificates())
  }

  static func makePlan(_ request: Request, _ visit: Visit) async throws -> Response {
    let form = try UpdateForm(request.form)
    do {
      let plan = try await UpdateDesk.plan(form, visit)
      return visit.redirect(to: "/plans/\(plan)")
    } catch let refusal as InputRefusal {
      var page = try await formPage(form, try await UpdateDesk.root(form.root, visit), visit)
      page.problems = refusal.fields
      return try page.response(visit)
    }
  }

  static func planPage(
    _ id: Plan.ID, rows: PlanRows = PlanRows(), refusal: ProblemDetails?, _ visit: Visit
  ) async throws -> Response {
    let store = visit.services.store
    let plan = try await store.plan(id)
    var served: String?
    if case .trustStore(let number) = plan.https {
      served = try await store.serverCertificates().first { $0.id.rawValue == number }?.name
    }
    let started = try await store.update(startedWith: id)
    let second = PlanPage.SecondPerson(
      isNeeded: try await store.isSecondPersonOn(), last: try await store.lastAgreement(on: id))
    let early = started == nil ? try await store.componentsWithEarlyKeys(id).count : nil
    return try visit.page(
      "plans/show",
      PlanPage.model(
        id, plan, rows: rows, refusal: refusal, served: served, startedAs: started?.id, earlyKeys: early, second, visit),
      status: refusal?.status ?? 200)
  }

  /// The page of a plan with why it was not started, or why nobody was asked to agree; throws every other error as it is.
  static func planPage(_ id: Plan.ID, refusing error: any Error, _ visit: Visit) async throws -> Response {
    guard error is UpdateRefusal || (error as? StoreError).map({ ProblemDetails.status($0) == 409 }) == true else {
      throw error
    }
    return try await planPage(id, refusal: ProblemDetails(error), visit)
  }

  static func start(_ request: Request, _ visit: Visit) async throws -> Response {
    guard let number = request.form["plan"].flatMap({ Int64($0) }), number > 0 else {
      throw PageError.notFound("plan")
    }
    let plan = Plan.ID(rawValue: number)
    do {
      let update = try await UpdateDesk.start(
        plan, acceptsProblems: request.form["acceptProblems"] != nil,
        acceptsNamesake: request.form["acceptNamesake"] != nil, visit)
      return visit.redirect(to: "/updates/\(update)")
    } catch {
      return try await planPage(plan, refusing: error, visit)
    }
  }

  static func show(_ id: UpdateRecord.ID, _ rows: UpdateRows, _ visit: Visit) async throws -> Response {
    let store = visit.services.store
    // The log is read first: what is journaled after it comes over the stream, which begins behind it.
    let log = try await store.journalTail(id, limit: UpdatePage.logLength)
    return try visit.page(
      "updates/show",
      try await UpdatePage.read(
        id, store, now: visit.services.clock(), unwritten: visit.services.updates.surroundings.unwritten
      )
      .model(log: log, rows: rows, mayDecide: visit.may(.operator)))
  }

  static func events(_ id: UpdateRecord.ID, _ request: Request, _ visit: Visit) async throws -> Response {
    let services = visit.services
    _ = try await services.store.update(id)
    let after = request.headers.first("last-event-id") ?? request.query["after"] ?? "0"
    let stream = try await services.updates.events.watch(
      id, after: max(0, Int(after) ?? 0), for: visit.may(.operator) ? .deciders : .viewers)
    try await services.register(stream, of: visit)
    services.extension?.join(stream, visit)
    return .events(stream)
  }

  static func decide(_ id: UpdateRecord.ID, _ request: Request, _ visit: Visit) async throws -> Response {
    let back = (label: "Open update \(id)", href: "/updates/\(id)")
    guard let kind = request.form["decision"].flatMap(Decision.Kind.init(rawValue:)),
      let question = request.form["question"].flatMap({ Int($0) })
    else {
      throw PageError(
        400, "The form names no decision, or not the failure that it answers. Nothing was changed.", back: back)
    }
    let named = request.form.all("action")
    let actions = named.compactMap { ActionID($0) }
    guard actions.count == named.count else {
      throw PageError(400, "The form names an action that does not exist. Nothing was changed.", back: back)
    }
    do {
      let decided = try await UpdateDesk.decide(
        id, kind, question: question, actions: actions.isEmpty ? nil : actions, reason: request.form[ReasonField.name],
        visit)
      if case .asked(let agreement) = decided { return visit.redirect(to: AgreementRoutes.path(agreement.id)) }
    } catch let refusal as InputRefusal {
      throw PageError(422, refusal.sentence, code: refusal.code, title: "The reason is missing", back: back)
    } catch {
      throw PageError.refusal(error, back: back)
    }
    return visit.redirect(to: "/updates/\(id)")
  }
}

extension Identifier {
  /// The number in a path such as `/updates/:id`; 404 where it is none.
  init(_ path: PathParameters, _ what: String) throws {
    guard let number = path.integer("id"), number > 0 else { throw PageError.notFound(what) }
    self.init(rawValue: Int64(number))
  }
}
