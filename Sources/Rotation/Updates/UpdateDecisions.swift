// What each decision does. The table of the four decisions in README.md says the same in words.

extension UpdateState {
  /// The decisions that are possible as things stand.
  public var offers: Set<Decision.Kind> {
    switch (standing, direction) {
    case (.planned, _): []
    case (.running, .forward), (.stopping, .forward): isAborting ? [] : [.abort]
    case (.running, .backward), (.stopping, .backward): []
    case (.deciding, .forward): [.abort, .override, .retry, .continueUpdate]
    case (.deciding, .backward): [.retry, .override]
    case (.ended(.completed), _): [.abort]
    case (.ended(.completedWithErrors), _): [.retry, .abort]
    case (.ended(.rolledBack), _): []
    case (.ended(.rolledBackWithErrors), _): [.retry]
    }
  }

  mutating func decided(_ decision: Decision) throws(Refusal) -> [Effect] {
    guard decision.question == question else { throw .stale(asked: decision.question, current: question) }
    guard offers.contains(decision.kind) else { throw .notOffered(decision.kind) }
    if decision.actions != nil { try checkChoice(decision) }
    question += 1
    wasInterrupted = false
    abortWasPending = false
    // Those that were in flight beside a failure were counted after it.
    seenWell = 0
    switch decision.kind {
    case .retry: retry(decision.actions)
    case .override: override()
    case .continueUpdate: continueUpdate()
    case .abort: return abort()
    }
    standing = .running
    leaveGroups()
    return schedule()
  }

  /// Single failures can be retried only once the update has ended; before that they are answered together.
  private func checkChoice(_ decision: Decision) throws(Refusal) {
    guard decision.kind == .retry, outcome != nil else { throw .notOffered(decision.kind) }
    let retriable = Set(retriableActions)
    for id in decision.actions ?? [] where !retriable.contains(id) {
      throw .unexpected("\(id) has not failed")
    }
  }

  // MARK: Retry

  private mutating func retry(_ chosen: [ActionID]?) {
    if outcome == nil {
      for id in openFailures.reversed() {
        let first = makeWaiting(id)
        if isUrgent(id) { queue.putInFront(first) }
      }
      openFailures = []
      return
    }
    let ids = chosen ?? retriableActions
    if direction == .backward {
      for id in ids { _ = makeWaiting(id) }
      keepRestoring()
    } else {
      retryAfterEnd(ids)
    }
    cursor = -1
  }

  /// Makes a failed action ready again and returns the one to begin with: a verification that failed is preceded by
  /// the activation, because a component that was not reloaded cannot serve anything else by waiting.
  private mutating func makeWaiting(_ id: ActionID) -> ActionID {
    change(id) { $0.makeWaiting() }
    guard id.kind == .verify else { return id }
    let activation = ActionID(.activate, id.component)
    change(activation) { $0.makeWaiting() }
    return activation
  }

  /// After the end the component was set aside or put back: everything from the failed action on is done again.
  private mutating func retryAfterEnd(_ ids: [ActionID]) {
    let forward = ids.filter { !$0.kind.isRestoring }
    let movedOn = Set(forward.compactMap(\.component))
    for id in forward { redo(from: id) }
    for id in ids where id.kind.isRestoring {
      // A component that is moved to the new set after all has nothing to put back.
      if let component = id.component, movedOn.contains(component) { continue }
      queue.putInFront(makeWaiting(id))
    }
  }

  private mutating func redo(from id: ActionID) {
    _ = makeWaiting(id)
    guard let component = id.component, let index = rowOf[component] else { return }
    let wasPutBack = rows[index][.restore].map { $0.attempts > 0 && $0.skipped == nil } ?? false
    rows[index].isSetAside = false
    rows[index][.restore]?.skip(.notNeeded)
    rows[index][.restoreTrust]?.skip(.notNeeded)
    let chain: [ActionKind] = [.generate, .trust, .deploy, .activate, .verify]
    for kind in chain where rows[index][kind] != nil {
      let isAfter = kind.ordinal > id.kind.ordinal && kind != .trust
      let wasUndone = wasPutBack && [.deploy, .activate, .verify].contains(kind)
      let isOpen = [.failed, .skipped].contains(rows[index][kind]?.status)
      if isAfter || wasUndone || isOpen { change(ActionID(kind, component)) { $0.makeWaiting() } }
    }
  }

  /// The bundles that were kept because a restore had failed are put back too, once it succeeds.
  private mutating func keepRestoring() {
    keepsNewRoot = rows.contains { $0[.restore]?.status == .failed }
    guard !keepsNewRoot else { return }
    for index in rows.indices where rows[index][.restoreTrust]?.skipped == .stillNeeded {
      rows[index][.restoreTrust]?.makeWaiting()
    }
  }

  // MARK: Override

  private mutating func override() {
    for id in openFailures.reversed() {
      change(id) { $0.isIgnored = true }
      if direction == .backward, id.kind == .restore { keepsNewRoot = true }
      guard direction == .forward, !id.kind.isRestoring, let component = id.component else { continue }
      setAside(component, after: id.kind)
    }
    openFailures = []
  }

  /// Puts a component back on the certificate and key that it had. Its trust bundle of old and new roots stays,
  /// because without it the component would refuse every other one; only a bundle that failed is put back.
  private mutating func setAside(_ component: Component.ID, after failed: ActionKind) {
    guard let index = rowOf[component] else { return }
    rows[index].isSetAside = true
    // One that is to be deployed again was deployed before, however that ended.
    let wasDeployed = rows[index][.deploy].map { $0.attempts > 0 && $0.status != .skipped } ?? false
    for kind in [ActionKind.generate, .deploy, .activate, .verify] where rows[index][kind]?.status == .waiting {
      rows[index][kind]?.skip(.setAside)
    }
    if failed == .trust {
      change(ActionID(.restoreTrust, component)) { $0.makeWaiting() }
      queue.putInFront(ActionID(.restoreTrust, component))
    }
    if wasDeployed {
      change(ActionID(.restore, component)) { $0.makeWaiting() }
      queue.putInFront(ActionID(.restore, component))
    }
  }

  // MARK: Continue Update

  private mutating func continueUpdate() {
    policy = .continue
    for id in openFailures.reversed() {
      change(id) { $0.isIgnored = true }
      enqueueNext(after: id)
    }
    openFailures = []
  }

  // MARK: Abort

  private mutating func abort() -> [Effect] {
    guard inFlight.isEmpty else {
      isAborting = true
      standing = .stopping
      // In a fixed order, so that the same journal always tells the same.
      return inFlight.sorted { "\($0.key)" < "\($1.key)" }.map { .end($0.key, attempt: $0.value) }
    }
    return rollBack()
  }

  /// Turns round: what was touched is put back, what was not begun is skipped.
  mutating func rollBack() -> [Effect] {
    isAborting = false
    direction = .backward
    openFailures = []
    for index in rows.indices { turnRound(&rows[index]) }
    turnRound(&console)
    queue.clear()
    groupHolders = [:]
    keepsNewRoot = false
    phases = course.backwardPhases
    cursor = -1
    standing = .running
    return schedule()
  }

  private func turnRound(_ row: inout ActionRow) {
    row.isSetAside = false
    for kind in ActionKind.allCases {
      switch row[kind]?.status {
      case .waiting: row[kind]?.skip(kind.isRestoring ? .notNeeded : .aborted)
      case .failed: row[kind]?.isIgnored = true
      case .running, .succeeded, .skipped, nil: break
      }
    }
    for (kind, undo) in Self.undone where wasTouched(row[kind]) && (mayBeTouched || row[undo]?.status != .succeeded) {
      Self.change(&row, undo) { $0.makeWaiting() }
    }
  }

  // MARK: After a restore

  /// Whatever is decided, the update goes through its phases from the first one, so that every component trusts the new
  /// root before one presents it, and the other way round on the way back.
  mutating func beginAnew() {
    for index in rows.indices { beginAnew(&rows[index]) }
    beginAnew(&console)
    openFailures = openFailures.filter { action($0)?.status == .failed }
    queue.clear()
    groupHolders = [:]
    cursor = -1
  }

  private func beginAnew(_ row: inout ActionRow) {
    if direction == .backward {
      // A restore that failed stays the question that is asked.
      for (kind, undo) in Self.undone where row[kind] != nil && row[undo]?.status != .failed {
        Self.change(&row, undo) { $0.makeWaiting() }
      }
    } else if !row.isSetAside {
      // What was generated is in the same database as the journal.
      if row[.generate]?.status == .failed { row[.generate]?.makeWaiting() }
      for kind in [ActionKind.trust, .deploy, .activate, .verify, .https] where row[kind]?.attempts ?? 0 > 0 {
        row[kind]?.makeWaiting()
      }
    }
  }

  /// What puts back what.
  private static let undone: [(ActionKind, ActionKind)] = [
    (.deploy, .restore), (.trust, .restoreTrust), (.https, .restoreHTTPS),
  ]

  /// Whether an attempt was ever made, however it ended, or may have been.
  private func wasTouched(_ state: ActionState?) -> Bool {
    state.map { $0.attempts > 0 || mayBeTouched } ?? false
  }
}

extension ActionState {
  mutating func makeWaiting() {
    status = .waiting
    failure = nil
    isIgnored = false
    skipped = nil
  }

  mutating func skip(_ reason: SkipReason) {
    status = .skipped
    skipped = reason
    failure = nil
    isIgnored = false
  }
}
