// What a restart finds otherwise than the journal says. The world is believed.

extension UpdateState {
  /// The actions that ended well and whose work can be looked for: at a target, or on the wire. A certificate that was
  /// generated and the console's own are in Reroot's own keeping.
  public var undoableActions: [ActionID] {
    allActions.map(\.id).filter(canBeUndone)
  }

  func canBeUndone(_ id: ActionID) -> Bool {
    guard let component = id.component, action(id)?.status == .succeeded else { return false }
    return switch id.kind {
    case .trust, .deploy, .verify: direction == .forward && !isSetAside(component)
    case .restore, .restoreTrust: true
    case .generate, .activate, .https, .restoreHTTPS: false
    }
  }

  mutating func fail(_ lost: Event.InterruptedAction) {
    change(lost.action) {
      $0.status = .failed
      $0.failure = lost.failure
      $0.isIgnored = false
    }
    openFailures.append(lost.action)
  }

  /// An action that had succeeded counts as failed, and what was built on it is to be done again.
  mutating func undo(_ undone: Event.InterruptedAction) {
    fail(undone)
    guard undone.action.kind == .deploy, let component = undone.action.component else { return }
    for kind in [ActionKind.activate, .verify] {
      let later = ActionID(kind, component)
      openFailures.removeAll { $0 == later }
      change(later) { $0.makeWaiting() }
    }
  }

  /// Goes through all phases again after the next decision, so that what was found undone in an earlier one is done
  /// before anything that needs it. What is not waiting is passed over.
  mutating func rewind() {
    queue.clear()
    cursor = -1
    guard direction == .forward else { return }
    for index in rows.indices.reversed() {
      if let next = begunReplacement(index) { queue.putInFront(next) }
      // No phase of the way forward holds what puts back a component that was set aside.
      for kind in [ActionKind.restoreTrust, .restore] where rows[index][kind]?.status == .waiting {
        queue.putInFront(ActionID(kind, course.members[index].id))
      }
    }
  }

  /// What is next at a component that is in the middle of being replaced, so that it is finished first; nil where a
  /// decision says what is next, or where nothing was begun.
  private func begunReplacement(_ index: Int) -> ActionID? {
    let component = course.members[index].id
    guard !openFailures.contains(where: { $0.component == component }) else { return nil }
    let kinds: [ActionKind] = [.deploy, .activate, .verify]
    guard let kind = kinds.first(where: { rows[index][$0]?.status == .waiting }) else { return nil }
    let next = ActionID(kind, component)
    return kind != .deploy || holdsGroup(next) ? next : nil
  }

  /// Whether a failed action that is retried begins before everything else. After ``rewind()`` it waits for its phase,
  /// unless no phase holds it or its rolling group is kept for it.
  func isUrgent(_ id: ActionID) -> Bool {
    guard cursor < 0 else { return true }
    guard direction == .forward else { return false }
    return switch id.kind {
    case .restore, .restoreTrust: true
    case .deploy, .activate, .verify: holdsGroup(id)
    case .generate, .trust, .https, .restoreHTTPS: false
    }
  }
}
