// Which action begins when.

extension UpdateState {
  /// Begins what may begin now, goes on to the next phase when one is finished, and asks or ends when there is
  /// nothing else to do.
  mutating func schedule() -> [Effect] {
    if standing == .stopping {
      guard inFlight.isEmpty else { return [] }
      if isAborting { return rollBack() }
      return ask()
    }
    var effects: [Effect] = []
    while standing == .running {
      while counted < limit, let id = nextReady() {
        effects.append(begin(id))
      }
      guard inFlight.isEmpty else { break }
      cursor += 1
      seenWell = 0
      if phases.indices.contains(cursor) {
        queue.fill(waitingActions(in: phases[cursor]))
      } else {
        effects.append(finish())
      }
    }
    return effects
  }

  /// How many of the actions in flight count against the limit: of those that only settle not more than a number are free,
  /// so that not ever more components change before the first is known to last.
  private var counted: Int { inFlight.count - min(settling.count, course.settling ?? 0) }

  /// How many actions may be in flight in this phase.
  private var limit: Int {
    guard let generating = course.generating, phases.indices.contains(cursor), phases[cursor] == .generate else {
      return places
    }
    return max(places, generating)
  }

  /// As many components as were seen to be well may be at risk beyond the first ones: what breaks every component breaks no
  /// more than those, and what breaks none takes the time of all of them at once.
  private var places: Int { min(course.parallel, (course.first ?? course.parallel) + seenWell) }

  /// Counts a component whose part in this phase has been seen to be well.
  mutating func countSeenWell(_ id: ActionID) {
    guard let first = course.first, id.kind.endsPart else { return }
    seenWell = min(seenWell + 1, max(0, course.parallel - first))
  }

  private mutating func begin(_ id: ActionID) -> Effect {
    var attempt = 0
    change(id) {
      $0.status = .running
      $0.attempts += 1
      $0.failure = nil
      $0.isIgnored = false
      attempt = $0.attempts
    }
    inFlight[id] = attempt
    enterGroup(id)
    return .perform(id, attempt: attempt)
  }

  /// Takes the next action that is to be carried out, marking as skipped those that are not.
  private mutating func nextReady() -> ActionID? {
    while let id = queue.next() {
      if action(id)?.status == .waiting {
        guard let reason = reasonToSkip(id) else {
          if waitsForGroup(id) { continue }
          return id
        }
        change(id) { $0.skip(reason) }
      }
      enqueueNext(after: id)
      leaveGroup(after: id)
    }
    return nil
  }

  private func reasonToSkip(_ id: ActionID) -> ActionState.SkipReason? {
    guard let row = row(of: id) else { return .setAside }
    switch id.kind {
    case .generate, .deploy, .activate, .verify:
      if row.isSetAside { return .setAside }
      if id.kind == .generate { return nil }
      return row[.generate]?.status == .succeeded ? nil : .noCertificate
    case .restoreTrust where direction == .backward:
      return keepsNewRoot ? .stillNeeded : nil
    case .trust, .https, .restore, .restoreTrust, .restoreHTTPS:
      return nil
    }
  }

  /// Deploy, activate and verify of one component follow each other in one phase; every other action stands alone.
  mutating func enqueueNext(after id: ActionID) {
    switch id.kind {
    case .deploy: queue.putInFront(ActionID(.activate, id.component))
    case .activate: queue.putInFront(ActionID(.verify, id.component))
    case .generate, .trust, .verify, .https, .restore, .restoreTrust, .restoreHTTPS: break
    }
  }

  private func waitingActions(in phase: Phase) -> [ActionID] {
    switch phase {
    case .generate: waiting(.generate, in: rows.indices)
    case .trust(let range): waiting(.trust, in: range)
    case .replace(let range):
      range.compactMap { index in
        [ActionKind.deploy, .activate, .verify]
          .first { rows[index][$0]?.status == .waiting }
          .map { ActionID($0, course.members[index].id) }
      }
    case .https: console[.https]?.status == .waiting ? [ActionID(.https)] : []
    case .restoreHTTPS: console[.restoreHTTPS]?.status == .waiting ? [ActionID(.restoreHTTPS)] : []
    case .restore(let range): waiting(.restore, in: range)
    case .restoreTrust(let range): waiting(.restoreTrust, in: range)
    }
  }

  private func waiting(_ kind: ActionKind, in range: Range<Int>) -> [ActionID] {
    range.filter { rows[$0][kind]?.status == .waiting }.map { ActionID(kind, course.members[$0].id) }
  }

  private mutating func finish() -> Effect {
    let outcome: Outcome =
      switch direction {
      case .forward: isWhole ? .completed : .completedWithErrors
      case .backward: isRestored ? .rolledBack : .rolledBackWithErrors
      }
    standing = .ended(outcome)
    question += 1
    return .finish(outcome)
  }

  private func everyRow(_ holds: (ActionRow) -> Bool) -> Bool { rows.allSatisfy(holds) && holds(console) }

  /// Every component is on the new set, and so is the console.
  private var isWhole: Bool {
    everyRow { row in
      !row.isSetAside
        && ActionKind.allCases.allSatisfy { kind in
          kind.isRestoring || row[kind].map { $0.status == .succeeded } ?? true
        }
    }
  }

  /// Everything that was touched is back.
  private var isRestored: Bool {
    everyRow { row in
      ActionKind.allCases.allSatisfy { kind in
        !kind.isRestoring || row[kind].map { $0.status == .succeeded || $0.skipped == .notNeeded } ?? true
      }
    }
  }
}

extension ActionKind {
  /// Whether nothing comes after it for its component in a phase.
  fileprivate var endsPart: Bool {
    switch self {
    case .generate, .trust, .verify, .restore, .restoreTrust: true
    case .deploy, .activate, .https, .restoreHTTPS: false
    }
  }
}
