import Foundation

/// What the plan of a retirement is computed from.
public struct RetirementRequest: Sendable {
  /// The root that goes.
  public var retires: RetiredRoot
  /// The root that is in force and stays.
  public var kept: PlannedRoot
  /// Every component with what was found there.
  public var components: [(component: Component, findings: Findings)]
  /// What still needs the root that is to go.
  public var dependencies: [Dependency]
  /// How many actions may be in flight at once.
  public var parallel: Int
  /// The moment of planning.
  public var now: Date

  /// Collects what the plan is computed from.
  public init(
    retires: RetiredRoot, kept: PlannedRoot, components: [(component: Component, findings: Findings)],
    dependencies: [Dependency], parallel: Int = 8, now: Date
  ) {
    self.retires = retires
    self.kept = kept
    self.components = components
    self.dependencies = dependencies
    self.parallel = parallel
    self.now = now
  }
}

extension PlanMaker {
  /// Makes the plan of a retirement: which trust bundles lose the root, and what forbids it. Changes nothing.
  public static func make(_ request: RetirementRequest) -> Plan {
    let components = request.components
      .sorted { ($0.component.stage, $0.component.name) < ($1.component.stage, $1.component.name) }
      .map { retired($0.component, $0.findings, request) }
    let acting = components.count { !$0.actions.isEmpty }
    let parallel = max(1, min(Course.usuallyFirst, request.parallel))
    var plan = Plan(
      root: request.kept, retires: request.retires, months: 0, childNotAfter: request.now, policy: .stop,
      https: .existing, components: components, problems: problems(request), refusals: [],
      estimatedSeconds: max(1, Int((Double(acting) / Double(parallel)).rounded(.up))),
      madeAt: request.now)
    plan.refusals = refusals(plan.course(parallel: request.parallel), without: request.retires)
    if let first = plan.refusals.first { plan.problems.append(refused(first, plan.refusals.count, request)) }
    return plan
  }

  private static func problems(_ request: RetirementRequest) -> [Problem] {
    var problems = request.dependencies.filter { $0.component == nil }.map { $0.problem(request) }
    if request.retires.key == request.kept.key {
      problems.append(
        Problem(
          code: "ROOT_IN_FORCE", sentence: "“\(request.retires.name)” is in force.",
          advice: "Bring another root into force first.", isBlocking: true))
    }
    return problems
  }

  /// A root that somebody still needs in order to accept a peer is not taken away.
  private static func refused(_ first: RefusedConnection, _ count: Int, _ request: RetirementRequest) -> Problem {
    Problem(
      code: "CONNECTIONS_WOULD_BREAK",
      sentence: "Without “\(request.retires.name)” \(first.client) and \(first.server) would refuse each other"
        + (count > 1 ? ", and so would others" : "") + "; see the list.",
      advice: "Put “\(request.kept.name)” into the trust bundle of the side that refuses, or give the other side a "
        + "certificate of it; then look again.", isBlocking: true)
  }

  private static func retired(
    _ component: Component, _ findings: Findings, _ request: RetirementRequest
  ) -> PlannedComponent {
    let holds = findings.accepts?.contains(request.retires.key) ?? false
    let own = request.dependencies.filter { $0.component == component.id }
    var actions: [PlannedAction] = []
    if holds, let bundle = component.files.trustFile {
      actions = [
        PlannedAction(
          kind: .trust,
          sentence: "Look again at every component; take “\(request.retires.name)” out of \(bundle); then "
            + "\(component.activation.sentence), and check that the same certificate is served as before")
      ]
    }
    return PlannedComponent(
      component: component, findings: findings, actions: actions,
      problems: own.map { $0.problem(request) } + lastRoot(component, findings, request)
        + kept(findings.problems, holds: holds, besides: own),
      notes: holds ? [] : [note(component)])
  }

  /// A component whose bundle is emptied would refuse every peer.
  private static func lastRoot(
    _ component: Component, _ findings: Findings, _ request: RetirementRequest
  ) -> [Problem] {
    guard findings.accepts == [request.retires.key] else { return [] }
    return [
      Problem(
        code: "LAST_ROOT",
        sentence: "“\(request.retires.name)” is the only root in the trust bundle of “\(component.name)”.",
        advice: "Update it to “\(request.kept.name)” first, which puts that root into the bundle.", isBlocking: true)
    ]
  }

  /// The problems of the look that matter here. Whether a bundle that cannot be read holds the root is not known.
  private static func kept(_ problems: [Problem], holds: Bool, besides own: [Dependency]) -> [Problem] {
    problems.compactMap { problem in
      var problem = problem
      if problem.code == "BUNDLE_UNREADABLE" { problem.isBlocking = true }
      if problem.isBlocking { return problem }
      // A certificate that is not valid is none the worse for it, and what was not seen stands there already.
      let isInvalid = ["CERTIFICATE_EXPIRED", "CERTIFICATE_NOT_YET_VALID"].contains(problem.code)
      let isTold = isInvalid || own.contains { $0.sentence.contains(problem.sentence) }
      return holds && !isTold ? problem : nil
    }
  }

  private static func note(_ component: Component) -> String {
    component.files.trustFile == nil
      ? "No trust bundle is configured: if it trusts this root by other means, see to it there."
      : "Its trust bundle does not hold this root: nothing is done here."
  }

  /// What leaves the bundles is presented by nobody, so that nothing can be refused which was accepted before; this
  /// says so from what was found, and would name what was overlooked.
  private static func refusals(_ course: Course, without root: RetiredRoot) -> [RefusedConnection] {
    let sides = course.members.map { member in
      Connections.Side(
        member: member, presents: course.presentsAfter(member), accepts: course.acceptsAfter(member))
    }
    return Connections(sides).refused(moment: "once “\(root.name)” has left the bundles", onlyNew: true).examples
  }
}

extension Dependency {
  /// What it means for the plan of a retirement.
  fileprivate func problem(_ request: RetirementRequest) -> Problem {
    let update = "Update it to “\(request.kept.name)” first"
    let advice =
      switch kind {
      case .presents where component == nil:
        "Let the console serve another certificate first: “\(request.kept.name)” can issue one in an update."
      case .presents: update + ", or remove it from the components if it is not in use any more."
      case .setAside: "It was set aside by Override. " + update + "."
      case .unseen: "See to it that it can be seen, or remove it from the components if it is not in use any more."
      }
    return Problem(code: kind.code, sentence: sentence, advice: advice, isBlocking: true)
  }
}

extension Dependency.Kind {
  /// A stable word for programs.
  public var code: String {
    switch self {
    case .presents: "DEPENDS_ON_ROOT"
    case .setAside: "SET_ASIDE"
    case .unseen: "NOT_SEEN"
    }
  }
}
