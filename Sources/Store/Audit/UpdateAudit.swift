import GRDB
import Rotation

extension Store {
  /// What an update is called in the audit log.
  static func auditSubject(of id: UpdateRecord.ID) -> String { "update \(id)" }

  /// Records what became of an update by itself: that it waits, was found interrupted, was halted, has ended. Who
  /// started it and who decided is recorded by whoever lets them in.
  func recordCourse(
    of id: UpdateRecord.ID, _ events: [Event], _ state: UpdateState, before: UpdateState.Standing,
    _ database: GRDB.Database
  ) throws {
    let subject = Self.auditSubject(of: id)
    for event in events {
      switch event {
      case .interrupted(let actions):
        try recordOwn(
          .updateInterrupted, on: subject, ["actions": Self.listed(actions.map(\.action), state)], database)
      case .journalRestored:
        try recordOwn(.updateInterrupted, on: subject, ["by": "a restore from a backup"], database)
      case .halted: try recordOwn(.updateHalted, on: subject, [:], database)
      case .started, .actionSettles, .actionSucceeded, .actionFailed, .decided: break
      }
    }
    if state.standing == .deciding, before != .deciding, !state.openFailures.isEmpty {
      try recordOwn(.updateFailed, on: subject, ["failed": Self.listed(state.openFailures, state)], database)
    }
    if let outcome = state.outcome, .ended(outcome) != before || events.contains(where: \.isDecision) {
      try recordOwn(
        .updateEnded, on: subject,
        ["outcome": outcome.rawValue, "failed": Self.listed(state.failedActions.map(\.id), state)], database)
    }
  }

  /// The first few actions by kind and component, and how many more there are.
  private static func listed(_ actions: [ActionID], _ state: UpdateState) -> String {
    guard !actions.isEmpty else { return "none" }
    let names = Dictionary(state.course.members.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
    let shown = actions.prefix(20).map { action in
      "\(action.kind.rawValue) \(action.component.map { names[$0] ?? "component \($0)" } ?? "the console")"
    }
    return shown.joined(separator: ", ") + (actions.count > 20 ? " and \(actions.count - 20) more" : "")
  }
}

extension Event {
  fileprivate var isDecision: Bool { if case .decided = self { true } else { false } }
}
