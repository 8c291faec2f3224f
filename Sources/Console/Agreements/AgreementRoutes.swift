import HTTP
import Rotation
import Store

extension ConsoleRouter {
  /// Asking another person for an agreement, and answering.
  mutating func addAgreementRoutes() {
    on(.post, "/plans/:id/agreements", for: .operator(to: "ask for an agreement")) { request, path, visit in
      try await AgreementRoutes.askToStart(try Plan.ID(path, "plan"), request, visit)
    }
    on(.get, "/agreements/:id", for: .viewer) { _, path, visit in
      try await AgreementRoutes.show(try Agreement.ID(path, "request for an agreement"), visit)
    }
    on(.post, "/agreements/:id/answers", for: .operator(to: "answer a request for an agreement")) {
      request, path, visit in
      try await AgreementRoutes.answer(try Agreement.ID(path, "request for an agreement"), request, visit)
    }
    on(.post, "/agreements/:id/withdrawal", for: .operator(to: "take a request back")) { _, path, visit in
      try await AgreementRoutes.withdraw(try Agreement.ID(path, "request for an agreement"), visit)
    }
  }
}

enum AgreementRoutes {
  static func path(_ id: Agreement.ID) -> String { "/agreements/\(id)" }

  static func askToStart(_ plan: Plan.ID, _ request: Request, _ visit: Visit) async throws -> Response {
    let form = request.form
    do {
      let agreement = try await AgreementDesk.askToStart(
        plan, acceptsProblems: form["acceptProblems"] != nil, acceptsNamesake: form["acceptNamesake"] != nil, visit)
      return visit.redirect(to: path(agreement.id))
    } catch {
      return try await UpdateRoutes.planPage(plan, refusing: error, visit)
    }
  }

  static func show(_ id: Agreement.ID, problem: SessionPages.Problem? = nil, _ visit: Visit) async throws -> Response {
    let store = visit.services.store
    let agreement = try await store.agreement(id)
    return try AgreementPages.show(agreement, try await AgreementAbout.read(agreement, store), problem, visit)
  }

  static func answer(_ id: Agreement.ID, _ request: Request, _ visit: Visit) async throws -> Response {
    let form = request.form
    let hash = form["hash"] ?? ""
    let back = (label: "Open the request", href: path(id))
    do {
      switch form["answer"] {
      case "agree": return agreed(try await AgreementDesk.agree(id, hash: hash, reason: form["reason"], visit), visit)
      case "decline":
        let declined = try await AgreementDesk.decline(id, hash: hash, reason: form["reason"], visit)
        return visit.redirect(to: path(id), notice: "You have declined. \(declined.askerName) sees your reason.")
      default: throw PageError(400, "The form says neither yes nor no. Nothing was changed.", back: back)
      }
    } catch let refusal as InputRefusal {
      return try await show(id, problem: refusal.fields.first, visit)
    } catch {
      throw PageError.refusal(error, back: back)
    }
  }

  private static func agreed(_ asked: Agreement, _ visit: Visit) -> Response {
    switch asked.subject {
    case .start:
      return visit.redirect(
        to: path(asked.id), notice: "You have agreed. \(asked.askerName) may start the update now.")
    case .abort(let update, _, _): return visit.redirect(to: "/updates/\(update)")
    case .switchOff:
      return visit.redirect(
        to: "/settings", notice: "The setting “Second person” is off: nobody has to agree any more.")
    }
  }

  static func withdraw(_ id: Agreement.ID, _ visit: Visit) async throws -> Response {
    _ = try await AgreementDesk.withdraw(id, visit)
    return visit.redirect(to: path(id), notice: "You have taken the request back.")
  }
}
