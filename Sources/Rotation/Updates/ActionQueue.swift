/// The actions that are ready to begin, first in the front. Taking one costs the same however many there are.
struct ActionQueue: Sendable, Equatable {
  private var urgent: [ActionID] = []
  private var ordered: [ActionID] = []
  private var head = 0

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

  /// Replaces all that was not put in front.
  mutating func fill(_ ids: [ActionID]) {
    ordered = ids
    head = 0
  }

  /// Forgets everything.
  mutating func clear() {
    urgent = []
    fill([])
  }
}
