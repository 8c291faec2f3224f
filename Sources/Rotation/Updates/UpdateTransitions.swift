extension UpdateState {
  /// Takes one event, and returns what the shell must do next.
  ///
  /// - Throws: a ``Refusal``, and then nothing has changed.
  public mutating func apply(_ event: Event) throws(Refusal) -> [Effect] {
    switch event {
    case .started: try start()
    case .actionSettles(let id, let attempt): try settles(id, attempt: attempt)
    case .actionSucceeded(let id, let attempt): try succeeded(id, attempt: attempt)
    case .actionFailed(let id, let attempt, let failure): try failed(id, attempt: attempt, failure)
    case .interrupted(let actions): try interrupted(actions)
    case .halted: try halted()
    case .journalRestored: try journalRestored()
    case .decided(let decision): try decided(decision)
    }
  }

  private mutating func start() throws(Refusal) -> [Effect] {
    guard standing == .planned else { throw .unexpected("the update has been started already") }
    standing = .running
    return schedule()
  }

  private mutating func settles(_ id: ActionID, attempt: Int) throws(Refusal) -> [Effect] {
    try checkInFlight(id, attempt: attempt)
    guard settling.insert(id).inserted else { throw .unexpected("\(id) settles already") }
    countSeenWell(id)
    return schedule()
  }

  private mutating func succeeded(_ id: ActionID, attempt: Int) throws(Refusal) -> [Effect] {
    try checkInFlight(id, attempt: attempt)
    // One that has settled was counted then.
    if !settling.contains(id) { countSeenWell(id) }
    land(id)
    change(id) { $0.status = .succeeded }
    enqueueNext(after: id)
    leaveGroup(after: id)
    return schedule()
  }

  private mutating func failed(_ id: ActionID, attempt: Int, _ failure: Failure) throws(Refusal) -> [Effect] {
    try checkInFlight(id, attempt: attempt)
    land(id)
    seenWell = 0
    let goesOn = (policy == .continue && direction == .forward) || isAborting
    change(id) {
      $0.status = .failed
      $0.failure = failure
      $0.isIgnored = goesOn
    }
    if goesOn {
      enqueueNext(after: id)
      leaveGroup(after: id)
    } else {
      openFailures.append(id)
      standing = .stopping
    }
    return schedule()
  }

  /// The program ended while the update ran or asked, and has looked since. Always asks, even under Continue Update:
  /// nobody can know what an administrator wants after a crash.
  private mutating func interrupted(_ actions: [Event.InterruptedAction]) throws(Refusal) -> [Effect] {
    let undone = actions.filter { inFlight[$0.action] == nil }
    switch standing {
    case .running, .stopping: break
    case .deciding where !undone.isEmpty: break
    default: throw .unexpected("nothing was running that could have been interrupted")
    }
    let named = Set(actions.map(\.action))
    guard named.count == actions.count, named.isSuperset(of: inFlight.keys) else {
      throw .unexpected("the interrupted actions are not those that were in flight")
    }
    for action in undone where !canBeUndone(action.action) {
      throw .unexpected("\(action.action) has not succeeded")
    }
    for action in actions where land(action.action) { fail(action) }
    // A deployment last: what is built on it is to be done again, found undone or not.
    for action in undone where action.action.kind != .deploy { undo(action) }
    for action in undone where action.action.kind == .deploy { undo(action) }
    if !undone.isEmpty { rewind() }
    abortWasPending = abortWasPending || isAborting
    isAborting = false
    wasInterrupted = true
    return ask()
  }

  /// The program is being ended in good order: the actions in flight are let finish, and the next start asks.
  private mutating func halted() throws(Refusal) -> [Effect] {
    guard standing == .running || standing == .stopping else { throw .unexpected("nothing is running") }
    standing = .stopping
    // A rollback would begin something new; who wants it decides again after the next start.
    abortWasPending = abortWasPending || isAborting
    isAborting = false
    wasInterrupted = true
    return schedule()
  }

  /// Nobody knows what happened after the backup: any component may have been touched, put back, or moved on. So nothing
  /// that was done counts as done any more. Asks anew: an answer to what was asked before the backup counts for nothing.
  private mutating func journalRestored() throws(Refusal) -> [Effect] {
    guard standing == .deciding else { throw .unexpected("only an update that waits for a decision can be restored") }
    wasInterrupted = true
    mayBeTouched = true
    beginAnew()
    return ask()
  }

  private func checkInFlight(_ id: ActionID, attempt: Int) throws(Refusal) {
    guard inFlight[id] == attempt else { throw .unexpected("attempt \(attempt) of \(id) is not in flight") }
  }

  /// Takes an action out of those in flight; the answer is whether it was among them.
  @discardableResult
  private mutating func land(_ id: ActionID) -> Bool {
    settling.remove(id)
    return inFlight.removeValue(forKey: id) != nil
  }

  mutating func ask() -> [Effect] {
    standing = .deciding
    question += 1
    return [.ask(question: question)]
  }

  mutating func change(_ id: ActionID, _ body: (inout ActionState) -> Void) {
    if let component = id.component {
      guard let index = rowOf[component] else { return }
      Self.change(&rows[index], id.kind, body)
    } else {
      Self.change(&console, id.kind, body)
    }
  }

  static func change(_ row: inout ActionRow, _ kind: ActionKind, _ body: (inout ActionState) -> Void) {
    var state = row[kind] ?? ActionState()
    body(&state)
    row[kind] = state
  }
}
