@testable import Rotation

/// Watches from outside that never two components of a rolling group are between their deployment, or any other touch, and
/// the end of their verification.
struct GroupWatch {
  /// The components that were touched and not seen again since.
  private(set) var touched: Set<Component.ID> = []
  /// What must not happen.
  private(set) var violations: [String] = []

  private static let kinds: Set<ActionKind> = [.trust, .deploy, .activate, .verify, .restore, .restoreTrust]
  private static let lasts: Set<ActionKind> = [.trust, .verify, .restore, .restoreTrust]

  mutating func take(_ event: Event, from before: UpdateState, to state: UpdateState) {
    switch event {
    case .actionSucceeded(let id, _): end(id, state)
    case .actionFailed(let id, _, _): if !state.openFailures.contains(id) { end(id, state) }
    case .decided: touched = touched.filter { isUnfinished($0, state) }
    case .started, .actionSettles, .halted, .interrupted, .journalRestored: break
    }
    // What was touched is all put back, or is as it was.
    if before.direction != state.direction { touched = [] }
    if state.outcome != nil, !touched.isEmpty {
      violations.append("ended with \(touched) touched")
    }
  }

  mutating func begin(_ id: ActionID, _ state: UpdateState) {
    guard Self.kinds.contains(id.kind), let component = id.component,
      let group = state.course.members.first(where: { $0.id == component })?.group
    else { return }
    let others = state.course.members.filter { $0.group == group && $0.id != component && touched.contains($0.id) }
    if !others.isEmpty { violations.append("\(id) began while \(others.map(\.name)) of its group were touched") }
    touched.insert(component)
  }

  private mutating func end(_ id: ActionID, _ state: UpdateState) {
    guard let component = id.component, Self.lasts.contains(id.kind),
      !state.actionsInFlight.keys.contains(where: { $0.component == component && $0 != id })
    else { return }
    touched.remove(component)
  }

  /// Whether something that was begun goes on after a decision.
  private func isUnfinished(_ component: Component.ID, _ state: UpdateState) -> Bool {
    func status(_ kind: ActionKind) -> ActionState.Status? { state.action(ActionID(kind, component))?.status }
    // On the way back nothing of the way forward is done any more.
    let wasDeployed = state.direction == .forward && (state.action(ActionID(.deploy, component))?.attempts ?? 0) > 0
    return Self.kinds.contains { status($0) == .running }
      || state.openFailures.contains { $0.component == component }
      || wasDeployed && !state.isSetAside(component) && (status(.activate) == .waiting || status(.verify) == .waiting)
      || state.isSetAside(component) && (status(.restore) == .waiting || status(.restoreTrust) == .waiting)
  }
}
