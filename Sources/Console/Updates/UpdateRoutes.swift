import Foundation
import HTTP
import Rotation
import Store

extension Router where Context == Visit {
  /// From the form of an update to its end: `/roots/:id/update`, `/plans`, `/updates`.
  mutating func addUpdateRoutes() {
    on(.get, "/roots/:id/update") { _, path, visit in
      let root = try await RootRoutes.root(path, visit)
      let form = UpdateForm(root: root, now: visit.services.clock())
      return try await UpdateRoutes.formPage(form, root, visit).response(visit)
    }
    on(.post, "/plans") { request, _, visit in try await UpdateRoutes.makePlan(request, visit) }
    on(.get, "/plans/:id") { _, path, visit in
      try await UpdateRoutes.planPage(try Plan.ID(path, "plan"), refusal: nil, visit)
    }
    on(.get, "/updates") { _, _, visit in
      try visit.page("updates/list", await UpdatesPage.model(visit.services.store))
    }
    on(.post, "/updates") { request, _, visit in try await UpdateRoutes.start(request, visit) }
    on(.get, "/updates/:id") { _, path, visit in
      try await UpdateRoutes.show(try UpdateRecord.ID(path, "update"), visit)
    }
    on(.get, "/updates/:id/events") { request, path, visit in
      try await UpdateRoutes.events(try UpdateRecord.ID(path, "update"), request, visit)
    }
    on(.post, "/updates/:id/decisions") { request, path, visit in
      try await UpdateRoutes.decide(try UpdateRecord.ID(path, "update"), request, visit)
    }
  }
}

enum UpdateRoutes {
  static func formPage(_ form: UpdateForm, _ root: RootRecord, _ visit: Visit) async throws -> UpdateFormPage {
    UpdateFormPage(form: form, root: root, servers: try await visit.services.store.serverCertificates())
  }

  static func makePlan(_ request: Request, _ visit: Visit) async throws -> Response {
    let services = visit.services
    let form = try UpdateForm(request.form)
    guard let root = try await services.store.roots().first(where: { $0.id == form.root }) else {
      throw PageError.notFound("root certificate")
    }
    var page = try await formPage(form, root, visit)
    let (choices, problems) = form.checked(root, servers: page.servers, now: services.clock())
    guard let choices else {
      page.problems = problems
      return try page.response(visit)
    }
    return visit.redirect(to: "/plans/\(try await services.updates.plan(choices))")
  }

  static func planPage(
    _ id: Plan.ID, refusal: String?, status: Int = 409, _ visit: Visit
  ) async throws -> Response {
    let store = visit.services.store
    let plan = try await store.plan(id)
    var served: String?
    if case .trustStore(let number) = plan.https {
      served = try await store.serverCertificates().first { $0.id.rawValue == number }?.name
    }
    let started = try await store.updates().first { $0.plan == id }
    return try visit.page(
      "plans/show", PlanPage.model(id, plan, refusal: refusal, served: served, startedAs: started?.id),
      status: refusal == nil ? 200 : status)
  }

  static func start(_ request: Request, _ visit: Visit) async throws -> Response {
    guard let number = request.form["plan"].flatMap({ Int64($0) }), number > 0 else {
      throw PageError.notFound("plan")
    }
    let plan = Plan.ID(rawValue: number)
    do {
      let update = try await visit.services.updates.start(
        plan, acceptsProblems: request.form["acceptProblems"] != nil,
        acceptsNamesake: request.form["acceptNamesake"] != nil, by: visit.signedIn().name)
      return visit.redirect(to: "/updates/\(update)")
    } catch let refusal as UpdateRefusal {
      return try await planPage(plan, refusal: refusal.sentence, status: refusal.status, visit)
    } catch let error as StoreError where ErrorPages.status(error) == 409 {
      return try await planPage(plan, refusal: error.sentence, visit)
    }
  }

  static func show(_ id: UpdateRecord.ID, _ visit: Visit) async throws -> Response {
    let store = visit.services.store
    // The log is read first: what is journaled after it comes over the stream, which begins behind it.
    let log = try await store.journalTail(id, limit: UpdatePage.logLength)
    return try visit.page(
      "updates/show", try await UpdatePage.read(id, store, now: visit.services.clock()).model(log: log))
  }

  static func events(_ id: UpdateRecord.ID, _ request: Request, _ visit: Visit) async throws -> Response {
    let services = visit.services
    _ = try await services.store.update(id)
    let after = request.headers.first("last-event-id") ?? request.query["after"] ?? "0"
    let stream = try await services.updates.events.watch(id, after: max(0, Int(after) ?? 0))
    try await services.register(stream, of: visit)
    services.extension?.join(stream)
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
    let decision = Decision(
      kind, question: question, actions: actions.isEmpty ? nil : actions, by: try visit.signedIn().name)
    do {
      try await visit.services.updates.decide(id, decision)
    } catch let refusal as Refusal {
      throw PageError(409, ErrorPages.sentence(refusal), title: ErrorPages.title(refusal), back: back)
    } catch let refusal as UpdateRefusal {
      throw PageError(refusal.status, refusal.sentence, back: back)
    } catch let error as StoreError where ErrorPages.status(error) == 409 {
      throw PageError(409, error.sentence, back: back)
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
