import Foundation
import PKI
import Rotation

/// The part of a plan's page that says what is foreseen: what failures would break, and how the acceptance of the new root
/// will be proven.
enum PlanForecast {
  static func model(_ plan: Plan) -> PageModel {
    var model: PageModel = [:]
    if plan.retires != nil {
      model["judged"] =
        "Every pair of a client and a server was judged at the end, when no bundle holds the root any more. Certificates "
        + "stay as they are and bundles lose nothing else, so what is accepted at the end is accepted at every moment "
        + "before it."
    } else if let moments = plan.judgedMoments {
      model["judged"] =
        "Every pair of a client and a server was judged at \(Display.count(moments, "moment")) of the update: of the "
        + "planned course, and of what follows each decision on each failure."
        + (plan.contingencies.map { $0.isEmpty ? " No failure would break a connection either." : "" } ?? "")
    }
    if let contingencies = plan.contingencies, !contingencies.isEmpty {
      model["hasContingencies"] = true
      model["contingenciesHeading"] = heading(plan.contingencyCount ?? contingencies.count, listed: contingencies.count)
      model["contingencies"] = contingencies.map(contingency)
    }
    let evidence = plan.components.compactMap { planned in planned.findings.trustEvidence.map { (planned, $0) } }
    if !evidence.isEmpty { model["trust"] = trust(evidence) }
    return model
  }

  private static func heading(_ count: Int, listed: Int) -> String {
    "Only if something fails: \(Display.count(count, "case")) in which connections would break"
      + (count > listed ? "; the first \(listed)" : "")
  }

  private static func contingency(_ contingency: Contingency) -> PageModel {
    let refusing = Set(contingency.refusals.map { $0.refusedBy == .client ? $0.client : $0.server }).sorted()
    var model: PageModel = [
      "what": VisibleText.of(
        "\(contingency.actions.map(\.title).joined(separator: ", ")) fails at \(contingency.component)"),
      "decision": contingency.decisions.map(\.label).joined(separator: " or "),
      "connections": contingency.refusals.map { VisibleText.of("\($0.client) → \($0.server)") },
      "by": VisibleText.of("refused by " + refusing.joined(separator: " or ")),
    ]
    let further = contingency.count - contingency.refusals.count
    if further > 0 { model["more"] = "and \(further) more" }
    return model
  }

  /// How it will be proven at each component that has a trust bundle.
  private static func trust(_ found: [(planned: PlannedComponent, evidence: TrustEvidence)]) -> PageModel {
    let missing = found.filter(\.evidence.isMissing)
    // Of a small system all.
    let listed = missing.prefix(found.count > PlanRows.pageLength ? PlanRows.listed : .max)
    var model: PageModel = [
      "sentence": sentence(proven: found.count - missing.count, of: found.count),
      "rest": missing.count == found.count
        ? "Why it is not provable:"
        : missing.count == 1 ? "At one it is not provable:" : "At the others it is not provable:",
      "isWhole": missing.isEmpty,
      "missing": listed.map { planned, evidence in
        ["name": VisibleText.of(planned.component.name), "sentence": VisibleText.of(evidence.reason)] as PageModel
      },
    ]
    if listed.count < missing.count { model["more"] = "And at \(missing.count - listed.count) more." }
    return model
  }

  private static func sentence(proven: Int, of all: Int) -> String {
    let (which, verbs) =
      switch (proven, all) {
      case (0, 1): ("The one component with a trust bundle", "will not show on the wire that it accepts")
      case (0, _): ("None of the \(all) components with a trust bundle", "will show on the wire that it accepts")
      case (1, 1): ("The one component with a trust bundle", "will show on the wire that it accepts")
      case (1, _): ("1 of \(all) components with a trust bundle", "will show on the wire that it accepts")
      case (all, _): ("All \(all) components with a trust bundle", "will show on the wire that they accept")
      default: ("\(proven) of \(all) components with a trust bundle", "will show on the wire that they accept")
      }
    return "\(which) \(verbs) the new root."
  }
}
