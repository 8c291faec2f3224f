/// The actions that are ready to begin, first in the front. Taking one costs the same however many there are.
struct ActionQueue: Sendable, Equatable {
  private var urgent: [ActionID] = []
  private var ordered: [ActionID] = []
  private var head = 0
  /// Those that were taken while another component of their rolling group was worked on, the first of each group first.
  private var parked: [String: [ActionID]] = [:]

  /// Takes the next action; those put in front come first, the latest of them foremost.
  mutating func next() -> ActionID? {
    if let last = urgent.popLast() { return last }
    guard head < ordered.count else { return nil }
    defer { head += 1 }
    return ordered[head]
  }

  /// Puts an action before all others, so that a component that was begun is finished first.
  mutating func putInFront(_ id: ActionID) {
    urgent.append(id)
  }

  /// Whether an action of the component was put in front.
  func hasInFront(_ component: Component.ID) -> Bool {
    urgent.contains { $0.component == component }
  }

  /// Keeps an action back until its group is free.
  mutating func park(_ id: ActionID, for group: String) {
    parked[group, default: []].append(id)
  }

  /// Puts in front what has waited longest for a group.
  mutating func release(_ group: String) {
    guard var waiting = parked[group], !waiting.isEmpty else { return }
    urgent.insert(waiting.removeFirst(), at: 0)
    parked[group] = waiting.isEmpty ? nil : waiting
  }

  /// Replaces all that was not put in front.
  mutating func fill(_ ids: [ActionID]) {
    ordered = ids
    head = 0
  }

  /// Forgets everything.
  mutating func clear() {
    urgent = []
    parked = [:]
    fill([])
  }
}
