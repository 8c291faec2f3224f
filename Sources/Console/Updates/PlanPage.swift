import Foundation
import Rotation

/// The page of a plan: everything that would happen, and everything in the way.
enum PlanPage {
  static func model(_ id: Plan.ID, _ plan: Plan, refusal: String?, served: String?) -> PageModel {
    let problems = problems(plan)
    var model: PageModel = [
      "title": "Plan of an update to \(plan.root.name)",
      "header": [
        "title": "Plan of an update to \(Text.visible(plan.root.name))",
        "lead": "Nothing has been touched yet. Read what would happen, then start.",
        "hasBreadcrumbs": true,
        "breadcrumbs": [
          ["label": "Certificate Management", "href": "/roots"] as PageModel,
          ["label": Text.visible(plan.root.name), "href": "/roots/\(plan.root.id)"] as PageModel,
        ],
      ] as PageModel,
      "plan": "\(id)",
      "facts": facts(plan, served),
      "hasProblems": !problems.isEmpty,
      "problemsHeading": Display.count(problems.count, "problem") + " found beforehand",
      "problemCount": Display.count(problems.count, "problem"),
      "problems": problems,
      "isBlocked": plan.isBlocked,
      "mustAccept": !problems.isEmpty && !plan.isBlocked,
      "hasRefusals": !plan.refusals.isEmpty,
      "refusals": plan.refusals.map(refused),
      "components": plan.components.map(component),
      "componentsHeading": Display.count(plan.components.count, "component"),
      "section": "/roots",
      "rootPath": "/roots/\(plan.root.id)/update",
    ]
    if let refusal {
      model["banner"] =
        ["tone": "error", "title": "The update was not started", "text": Text.visible(refusal), "role": "alert"]
        as PageModel
    }
    return model
  }

  private static func facts(_ plan: Plan, _ served: String?) -> PageModel {
    let rows: [PageModel] = [
      ["term": "Root certificate", "text": Text.visible(plan.root.name), "note": Text.visible(plan.root.subject)],
      [
        "term": "Child certificates",
        "text": "valid for \(Display.count(plan.months, "month")), until \(Display.day(plan.childNotAfter))",
      ],
      ["term": "Management Server HTTPS Certificate", "text": https(plan.https, served)],
      ["term": "If System Certificates Fail", "text": plan.policy.label],
      ["term": "Estimated time", "text": "about \(Display.duration(Double(plan.estimatedSeconds)))"],
      ["term": "Planned", "text": Display.moment(plan.madeAt)],
    ]
    return ["rows": rows]
  }

  private static func https(_ choice: HTTPSChoice, _ served: String?) -> String {
    switch choice {
    case .existing: "Use Existing"
    case .trustStore: "From the trust store" + (served.map { ": \(Text.visible($0))" } ?? "")
    case .issue: "Issue One From This Root"
    }
  }

  private static func problems(_ plan: Plan) -> [PageModel] {
    let general = plan.problems.map { problem($0, of: nil) }
    return general + plan.components.flatMap { planned in planned.problems.map { problem($0, of: planned) } }
  }

  private static func problem(_ problem: Problem, of planned: PlannedComponent?) -> PageModel {
    var model: PageModel = [
      "sentence": Text.visible(problem.sentence), "advice": Text.visible(problem.advice), "code": problem.code,
      "isBlocking": problem.isBlocking,
    ]
    if let planned { model["component"] = Text.visible(planned.component.name) }
    return model
  }

  private static func refused(_ connection: RefusedConnection) -> PageModel {
    [
      "client": Text.visible(connection.client), "server": Text.visible(connection.server),
      "by": connection.refusedBy == .client ? Text.visible(connection.client) : Text.visible(connection.server),
      "moment": connection.moment, "reason": Text.visible(connection.reason),
    ]
  }

  private static func component(_ planned: PlannedComponent) -> PageModel {
    let component = planned.component
    return [
      "name": Text.visible(component.name),
      "stage": component.stage,
      "description": Text.visible(component.description),
      "hasProblems": !planned.problems.isEmpty,
      "status": planned.problems.isEmpty
        ? ["tone": "ok", "label": "ready"] as PageModel
        : ["tone": "warn", "label": Display.count(planned.problems.count, "problem")] as PageModel,
      "actions": planned.actions.map { ["title": $0.kind.title, "sentence": Text.visible($0.sentence)] as PageModel },
      "files": planned.findings.files.map(file),
      "hasServed": !planned.findings.served.isEmpty,
      "served": planned.findings.served.map { served in
        [
          "endpoint": Text.visible(served.endpoint), "subject": Text.visible(served.subject),
          "issuer": Text.visible(served.issuer), "until": Display.moment(served.notAfter),
        ] as PageModel
      },
      "hasNotes": !planned.notes.isEmpty,
      "notes": planned.notes.map(Text.visible),
    ]
  }

  private static func file(_ file: FoundFile) -> PageModel {
    guard let state = file.state else {
      return ["path": Text.visible(file.path), "role": file.role.words, "state": "not there yet"]
    }
    return [
      "path": Text.visible(file.path), "role": file.role.words,
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
    }
  }
}
