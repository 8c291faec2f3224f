// Of the components of a rolling group one at a time is worked on: from the moment at which its files are touched until it
// was verified, or a failure was answered. So the replicas of a service are never all restarting at once.

extension ActionKind {
  /// Whether a component may be restarted by it, or be in the middle of that.
  var needsGroup: Bool {
    switch self {
    case .trust, .deploy, .activate, .verify, .restore, .restoreTrust: true
    case .generate, .https, .restoreHTTPS: false
    }
  }
}

extension UpdateState {
  /// Takes the group of an action that begins.
  mutating func enterGroup(_ id: ActionID) {
    guard id.kind.needsGroup, let (group, component) = group(of: id) else { return }
    groupHolders[group] = component
  }

  /// Whether another component of its group is being worked on; the action is then kept back until that has ended.
  mutating func waitsForGroup(_ id: ActionID) -> Bool {
    guard id.kind.needsGroup, let (group, component) = group(of: id), let holder = groupHolders[group],
      holder != component
    else { return false }
    queue.park(id, for: group)
    return true
  }

  /// Leaves the group to the next one, unless something of the component of an ended action is still to be done or to be
  /// decided. What ended without having begun may have been the next one itself.
  mutating func leaveGroup(after id: ActionID) {
    guard let (group, component) = group(of: id) else { return }
    if groupHolders[group] == component {
      guard !isAtWork(component) else { return }
      groupHolders[group] = nil
    }
    if groupHolders[group] == nil { queue.release(group) }
  }

  /// Leaves the groups of those components for which a decision has left nothing to do.
  mutating func leaveGroups() {
    // In a fixed order, so that a journal is played back to the same state.
    for (group, holder) in groupHolders.sorted(by: { $0.key < $1.key }) where !isAtWork(holder) {
      groupHolders[group] = nil
      queue.release(group)
    }
  }

  /// Whether the group of an action's component is kept for that component.
  func holdsGroup(_ id: ActionID) -> Bool {
    guard let (group, component) = group(of: id) else { return false }
    return groupHolders[group] == component
  }

  private func isAtWork(_ component: Component.ID) -> Bool {
    ActionKind.allCases.contains { inFlight[ActionID($0, component)] != nil }
      || openFailures.contains { $0.component == component } || queue.hasInFront(component)
  }

  private func group(of id: ActionID) -> (name: String, component: Component.ID)? {
    guard let component = id.component, let index = rowOf[component], let group = course.members[index].group else {
      return nil
    }
    return (group, component)
  }
}
