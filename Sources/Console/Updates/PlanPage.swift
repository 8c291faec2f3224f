import Foundation
import PKI
import Rotation
import Store

/// The page of a plan: everything that would happen, and everything in the way.
enum PlanPage {
  /// Whether somebody else has to agree, and what came of the last request.
  struct SecondPerson {
    let isNeeded: Bool
    let last: Agreement?
  }

  /// - Parameter earlyKeys: how many keys are made; nil for a plan that was started.
  static func model(
    _ id: Plan.ID, _ plan: Plan, rows: PlanRows = PlanRows(), refusal: ProblemDetails?, served: String?,
    startedAs: UpdateRecord.ID?, earlyKeys: Int?, _ second: SecondPerson, _ visit: Visit
  ) -> PageModel {
    let (count, problems) = problems(plan)
    let selection = rows.selection(of: plan)
    let title =
      plan.retires.map { "Plan to retire \(VisibleText.of($0.name))" }
      ?? "Plan of an update to \(VisibleText.of(plan.root.name))"
    var model: PageModel = [
      "title": title,
      "header": [
        "title": title,
        "lead": "Nothing has been touched yet. Read what would happen, then start.",
        "hasBreadcrumbs": true,
        "breadcrumbs": [
          ["label": "Certificate Management", "href": "/roots"] as PageModel,
          plan.retires.map(RetirementPages.crumb)
            ?? Part.link(VisibleText.of(plan.root.name), "/roots/\(plan.root.id)"),
        ],
      ] as PageModel,
      "plan": "\(id)",
      "facts": facts(plan, served, earlyKeys: earlyKeys),
      "hasProblems": count > 0,
      "problemsHeading": Display.count(count, "problem") + " found beforehand",
      "problemCount": Display.count(count, "problem"),
      "problems": problems,
      "hasMoreProblems": count > problems.count,
      "moreProblems": count - problems.count,
      "isBlocked": plan.isBlocked,
      "mayStart": visit.may(.operator),
      "isStarted": startedAs != nil,
      "mustAccept": count > 0 && !plan.isBlocked,
      "hasRefusals": !plan.refusals.isEmpty,
      "refusals": plan.refusals.map(refused),
      "mustAcceptNamesake": plan.hasNamesake,
      "components": selection.shown.map(component),
      "componentsHeading": Display.count(plan.components.count, "component")
        + (PlanRows.arePaged(plan) ? "" : ", in this order"),
      "section": "/roots",
      "startLabel": second.isNeeded ? "Ask for agreement" : plan.retires == nil ? "Start Update" : "Retire Root",
      "startPath": second.isNeeded ? "/plans/\(id)/agreements" : "/updates",
      "mustAsk": second.isNeeded,
      "inSpite": second.isNeeded ? "Ask for agreement" : "Start",
      "rootPath": plan.retires.map(RetirementPages.path) ?? "/roots/\(plan.root.id)/update",
      "rootPathLabel": plan.retires == nil ? "Change the choices" : "Look again at what depends on it",
    ]
    model["listing"] = rows.model(selection, of: plan, at: "/plans/\(id)")
    model.merge(PlanForecast.model(plan)) { $1 }
    if second.isNeeded, startedAs == nil, let last = second.last { model.merge(request(last)) { $1 } }
    if let startedAs {
      model["banner"] =
        [
          "tone": "note", "title": "Update \(startedAs) was started with this plan",
          "more": Part.link("Open update \(startedAs)", "/updates/\(startedAs)"),
        ] as PageModel
    }
    if let refusal {
      model["banner"] =
        [
          "tone": "error", "title": "The update was not started", "text": VisibleText.of(refusal.sentence),
          "code": refusal.code, "role": "alert",
        ] as PageModel
    }
    return model
  }

  /// What came of the last request for an agreement. While something can still come of it, nobody asks again.
  private static func request(_ agreement: Agreement) -> PageModel {
    let asker = VisibleText.of(agreement.askerName)
    let (tone, title): (String, String) =
      switch agreement.standing {
      case .waiting: ("warn", "\(asker) has asked for an agreement to this plan")
      case .agreed:
        ("ok", "\(VisibleText.of(agreement.answererName ?? "")) has agreed to this plan; \(asker) may start it")
      case .declined: ("error", "\(VisibleText.of(agreement.answererName ?? "")) has declined this plan")
      case .expired, .void, .withdrawn, .used: ("note", "A request for an agreement to this plan came to nothing")
      }
    var banner = Part.banner(
      tone, title, text: agreement.reason.isEmpty ? nil : VisibleText.of(agreement.reason))
    banner["more"] = Part.link("Open the request", AgreementRoutes.path(agreement.id))
    var model: PageModel = ["banner": banner]
    if agreement.standing.isOpen {
      model["request"] = Part.link("Open the request", AgreementRoutes.path(agreement.id))
    }
    return model
  }

  private static func facts(_ plan: Plan, _ served: String?, earlyKeys: Int?) -> PageModel {
    if let retires = plan.retires { return RetirementPages.facts(retires, plan) }
    var rows: [PageModel] = [
      ["term": "Root certificate", "text": VisibleText.of(plan.root.name), "note": VisibleText.of(plan.root.subject)],
      [
        "term": "Child certificates",
        "text": "valid for \(Display.count(plan.months, "month")), until \(Display.day(plan.childNotAfter))",
      ],
      ["term": "Management Server HTTPS Certificate", "text": https(plan.https, served)],
      ["term": "If System Certificates Fail", "text": plan.policy.label],
      ["term": "Estimated time", "text": "about \(Display.duration(Double(plan.estimatedSeconds)))"],
      ["term": "Planned", "text": Display.moment(plan.madeAt)],
    ]
    if let token = plan.root.token {
      rows.insert(["term": "Signatures", "text": "signed in the hardware module \(VisibleText.of(token))"], at: 1)
    }
    if let earlyKeys, !plan.isBlocked, !plan.withSlowKeys.isEmpty {
      rows.append([
        "term": "RSA keys", "text": "\(earlyKeys) of \(plan.withSlowKeys.count) made",
        "note": "They are made while you read, on cores that nothing else wants. The update makes those that are left.",
      ])
    }
    return ["rows": rows]
  }

  private static func https(_ choice: HTTPSChoice, _ served: String?) -> String {
    switch choice {
    case .existing: "Use Existing"
    case .trustStore: "From the trust store" + (served.map { ": \(VisibleText.of($0))" } ?? "")
    case .issue: "Issue One From This Root"
    }
  }

  /// How many there are, and those that are listed: all of a small system, of a large one the first, what prevents the
  /// update before all others.
  private static func problems(_ plan: Plan) -> (count: Int, listed: [PageModel]) {
    var found: [(problem: Problem, planned: Int?)] = plan.problems.map { ($0, nil) }
    for index in plan.components.indices { found += plan.components[index].problems.map { ($0, index) } }
    let listed =
      PlanRows.arePaged(plan)
      ? (found.filter(\.problem.isBlocking) + found.filter { !$0.problem.isBlocking }).prefix(PlanRows.listed)
      : found[...]
    return (found.count, listed.map { problem($0.problem, of: $0.planned.map { plan.components[$0] }) })
  }

  private static func problem(_ problem: Problem, of planned: PlannedComponent?) -> PageModel {
    var model: PageModel = [
      "sentence": VisibleText.of(problem.sentence), "advice": VisibleText.of(problem.advice), "code": problem.code,
      "isBlocking": problem.isBlocking,
    ]
    if let planned { model["component"] = VisibleText.of(planned.component.name) }
    return model
  }

  private static func refused(_ connection: RefusedConnection) -> PageModel {
    [
      "client": VisibleText.of(connection.client), "server": VisibleText.of(connection.server),
      "by": connection.refusedBy == .client ? VisibleText.of(connection.client) : VisibleText.of(connection.server),
      "moment": connection.moment, "reason": VisibleText.of(connection.reason),
    ]
  }

  private static func component(_ planned: PlannedComponent) -> PageModel {
    let component = planned.component
    var model: PageModel = [
      "name": VisibleText.of(component.name),
      "stage": component.stage,
      "description": VisibleText.of(component.description),
      "hasProblems": !planned.problems.isEmpty,
      "problems": planned.problems.map { problem($0, of: nil) },
      "status": planned.problems.isEmpty
        ? ["tone": "ok", "label": "ready"] as PageModel
        : ["tone": "warn", "label": Display.count(planned.problems.count, "problem")] as PageModel,
      "actions": planned.actions.map {
        ["title": $0.kind.title, "sentence": VisibleText.of($0.sentence)] as PageModel
      },
      "files": planned.findings.files.map(file),
      "hasServed": !planned.findings.served.isEmpty,
      "served": planned.findings.served.map { served in
        [
          "endpoint": VisibleText.of(served.endpoint), "subject": VisibleText.of(served.subject),
          "issuer": VisibleText.of(served.issuer), "until": Display.moment(served.notAfter),
        ] as PageModel
      },
      "hasNotes": !planned.notes.isEmpty,
      "notes": planned.notes.map { VisibleText.of($0) },
    ]
    model["group"] = component.rollingGroup.map { VisibleText.of($0) }
    model["maintenance"] = component.maintenance.map { VisibleText.of($0) }
    return model
  }

  private static func file(_ file: FoundFile) -> PageModel {
    guard let state = file.state else {
      return ["path": VisibleText.of(file.path), "role": file.role.words, "state": "not there yet"]
    }
    return [
      "path": VisibleText.of(file.path), "role": file.role.words,
      "state": "\(state.size) bytes, owner \(state.owner):\(state.group), mode \(state.mode)",
    ]
  }
}

extension FileLayout.Role {
  /// What a file of this role is called.
  var words: String {
    switch self {
    case .certificateChain: "certificate chain"
    case .key: "key"
    case .combined: "certificate chain and key"
    case .trustBundle: "trust bundle"
    case .keyStore: "key store"
    case .trustStore: "trust store"
    }
  }
}
