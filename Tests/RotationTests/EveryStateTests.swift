import Testing

@testable import Rotation

@Suite("Every state and every event")
struct EveryStateTests {
  @Test(
    "Each event is taken exactly in the states that it belongs to, and otherwise refused without a trace",
    arguments: [
      ("one component", Sample.course([Sample.member(1)], https: true, parallel: 1), 2_000),
      ("one component, Continue", Sample.course([Sample.member(1)], policy: .continue, parallel: 1), 1_000),
      ("two components at once", Sample.course(parallel: 2), 3_000),
      ("one component at first", Sample.course(parallel: 2, first: 1, settling: 1), 3_000),
      ("one component at once beside one that settles", Sample.course(parallel: 1, settling: 1), 3_000),
      (
        "two stages, one without a bundle",
        Sample.course([Sample.member(1), Sample.member(2, stage: 2, trusts: false)], parallel: 2), 3_000
      ),
      (
        "a retirement in two stages, one component without a bundle",
        Sample.retirement(
          [Sample.moved(1), Sample.moved(2, stage: 2), Sample.moved(3, accepts: nil)], parallel: 1), 2_000
      ),
      ("a retirement of two at once", Sample.retirement(parallel: 2), 2_000),
      (
        "two of a rolling group",
        Sample.course([Sample.member(1, group: "web"), Sample.member(2, group: "web")], parallel: 2), 3_000
      ),
    ])
  func everything(name: String, course: Course, limit: Int) throws {
    var seen: Set<String> = []
    var frontier = [UpdateState(course: course)]
    var accepted = 0
    var refused = 0
    while let state = frontier.popLast(), seen.count < limit {
      guard seen.insert(signature(state)).inserted else { continue }
      for event in events(for: state) {
        var next = state
        if belongs(event, to: state) {
          _ = try next.apply(event)
          accepted += 1
          check(next, after: event)
          if !seen.contains(signature(next)) { frontier.insert(next, at: 0) }
        } else {
          #expect(throws: Refusal.self, "\(name): \(event) in \(state.standing)") { _ = try next.apply(event) }
          #expect(next == state, "\(name): \(event) was refused but left a trace")
          refused += 1
        }
      }
    }
    #expect(seen.count > 40 && accepted > 100 && refused > 1_000)
    print("\(name): \(seen.count) states, \(accepted) events taken, \(refused) refused")
  }

  /// Every event, with those parts that matter: each action, the right and a wrong attempt, the right and a wrong
  /// question.
  private func events(for state: UpdateState) -> [Event] {
    var events: [Event] = [.started(by: "x"), .halted, .journalRestored, .interrupted([])]
    let lost = state.actionsInFlight.keys.sorted { "\($0)" < "\($1)" }
    events.append(.interrupted(lost.map { .init(action: $0, failure: Sample.failure) }))
    let undoable = Set(state.undoableActions)
    let other = state.allActions.map(\.id).first { state.actionsInFlight[$0] == nil && !undoable.contains($0) }
    for undone in state.undoableActions + [other].compactMap(\.self) {
      events.append(.interrupted((lost + [undone]).map { .init(action: $0, failure: Sample.failure) }))
    }
    let ids = ActionKind.allCases.flatMap { kind in
      state.course.members.map { ActionID(kind, $0.id) } + [ActionID(kind)]
    }
    for id in ids {
      let attempt = state.actionsInFlight[id] ?? 1
      events.append(.actionSucceeded(id, attempt: attempt))
      events.append(.actionFailed(id, attempt: attempt, Sample.failure))
      events.append(.actionSucceeded(id, attempt: attempt + 1))
      events.append(.actionSettles(id, attempt: attempt))
      events.append(.actionSettles(id, attempt: attempt + 1))
    }
    for kind in Decision.Kind.allCases {
      for question in [state.question - 1, state.question, state.question + 1] {
        events.append(.decided(Decision(kind, question: question, by: "x")))
      }
    }
    for failed in state.failedActions where state.outcome != nil {
      events.append(.decided(Decision(.retry, question: state.question, actions: [failed.id], by: "x")))
    }
    return events
  }

  private func belongs(_ event: Event, to state: UpdateState) -> Bool {
    let runs = state.standing == .running || state.standing == .stopping
    return switch event {
    case .started: state.standing == .planned
    case .halted: runs
    case .journalRestored: state.standing == .deciding
    case .interrupted(let actions): isFound(actions.map(\.action), in: state)
    case .actionSettles(let id, let attempt): state.actionsInFlight[id] == attempt && !state.settling.contains(id)
    case .actionSucceeded(let id, let attempt): state.actionsInFlight[id] == attempt
    case .actionFailed(let id, let attempt, _): state.actionsInFlight[id] == attempt
    case .decided(let decision):
      decision.question == state.question && state.offers.contains(decision.kind)
        && (decision.actions ?? []).allSatisfy(state.retriableActions.contains)
    }
  }

  /// All that was in flight, and what had succeeded and can be looked for.
  private func isFound(_ actions: [ActionID], in state: UpdateState) -> Bool {
    let undone = Set(actions).subtracting(state.actionsInFlight.keys)
    let runs = state.standing == .running || state.standing == .stopping
    return (runs || state.standing == .deciding && !undone.isEmpty)
      && undone.isSubset(of: state.undoableActions) && actions.count == undone.count + state.actionsInFlight.count
  }

  private func check(_ state: UpdateState, after event: Event) {
    switch state.standing {
    case .planned: Issue.record("back to planned after \(event)")
    case .running, .stopping: #expect(!state.actionsInFlight.isEmpty, "nothing in flight after \(event)")
    case .deciding:
      #expect(state.actionsInFlight.isEmpty && (!state.openFailures.isEmpty || state.wasInterrupted))
    case .ended: #expect(state.actionsInFlight.isEmpty && state.openFailures.isEmpty)
    }
    let members = state.course.members.filter { $0.group != nil }.map(\.id)
    let atWork = state.actionsInFlight.keys.filter { $0.kind != .generate }.compactMap(\.component)
    #expect(Set(atWork).intersection(members).count <= 1, "two of a group at once after \(event)")
    #expect(state.allActions.allSatisfy { ($0.state.status == .failed) == ($0.state.failure != nil) })
    #expect(state.allActions.allSatisfy { ($0.state.status == .skipped) == ($0.state.skipped != nil) })
  }

  /// What distinguishes states, without the counters that grow for ever.
  private func signature(_ state: UpdateState) -> String {
    let actions = state.allActions.map { "\($0.id)=\($0.state.status)\($0.state.isIgnored)\($0.state.skipped as Any)" }
    let aside = state.course.members.map { state.isSetAside($0.id) }
    return "\(state.standing) \(state.direction) \(state.policy) \(state.isAborting) \(state.wasInterrupted) "
      + "\(state.keepsNewRoot) \(state.mayBeTouched) \(state.cursor) \(state.openFailures) \(state.settling.map(\.description).sorted()) \(aside) \(state.groupHolders) \(state.seenWell) \(actions)"
  }
}
