/// Where an update stands: a pure function of its course and of the events in its journal.
///
/// ``apply(_:)`` decides; the shell performs the effects that it returns and reports back with further events.
public struct UpdateState: Sendable, Equatable {
  /// What stays the same.
  public let course: Course
  /// Whether it runs, waits for a decision, or has ended.
  public internal(set) var standing: Standing = .planned
  /// What happens when an action fails; Continue Update changes it for good.
  public internal(set) var policy: FailurePolicy
  /// Forward to the new certificate set, or backward to the previous one.
  public internal(set) var direction: Direction = .forward
  /// Counts the questions: a decision must name the current one.
  public internal(set) var question = 0
  /// The failures that wait for a decision, in the order in which they happened.
  public internal(set) var openFailures: [ActionID] = []
  /// Whether the program ended in the middle, and nobody has decided since.
  public internal(set) var wasInterrupted = false
  /// Whether Abort had been chosen when the program ended, and nobody has decided since.
  public internal(set) var abortWasPending = false
  /// Whether Abort was chosen while actions were in flight.
  public internal(set) var isAborting = false

  var rows: ActionRows
  var console = ActionRow()
  var rowOf: [Component.ID: Int]
  var phases: [Phase]
  var cursor = -1
  /// Whether the journal is that of a backup, so that components may have been touched without its knowing.
  var mayBeTouched = false
  /// Whether a component that could not be put back may go on presenting the new root.
  var keepsNewRoot = false
  var queue = ActionQueue()
  var inFlight: [ActionID: Int] = [:]
  /// Those in flight whose result has been seen, and is only watched for a while.
  var settling: Set<ActionID> = []
  /// How many components were seen to be well since this phase began, and since the last failure; counted no further than it
  /// matters.
  var seenWell = 0
  /// Which component of a rolling group is being worked on; see RollingGroups.swift.
  var groupHolders: [String: Component.ID] = [:]

  /// The state before the start.
  public init(course: Course) {
    self.course = course
    policy = course.policy
    rows = ActionRows(
      course.members.map { member in
        var row = ActionRow()
        if course.changesTrust(of: member) { row[.trust] = ActionState() }
        guard course.purpose == .renewal else { return row }
        row[.generate] = ActionState()
        row[.deploy] = ActionState()
        row[.activate] = ActionState()
        row[.verify] = ActionState()
        return row
      })
    rowOf = Dictionary(course.members.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    if course.changesHTTPS { console[.https] = ActionState() }
    phases = course.forwardPhases
  }

  /// The ways in which an update can stand.
  public enum Standing: Sendable, Hashable {
    /// Not started.
    case planned
    /// Actions are begun as others end.
    case running
    /// Nothing new begins; the actions in flight are let finish.
    case stopping
    /// An administrator must decide.
    case deciding
    /// Over, though some decisions may still be open to an administrator.
    case ended(Outcome)
  }

  /// Which way an update goes.
  public enum Direction: String, Sendable, Hashable, Codable {
    case forward, backward
  }

}

// MARK: - Looking at it

extension UpdateState {
  /// How it ended; nil while it has not.
  public var outcome: Outcome? {
    if case .ended(let outcome) = standing { outcome } else { nil }
  }

  /// The actions in flight, in no particular order, with the number of each attempt.
  public var actionsInFlight: [ActionID: Int] { inFlight }

  /// The part that is being carried out; nil before the start and after the end.
  public var phase: Phase? { phases.indices.contains(cursor) ? phases[cursor] : nil }

  /// Where an action stands; nil when the update has no such action.
  public func action(_ id: ActionID) -> ActionState? {
    row(of: id)?[id.kind]
  }

  /// The component of a number; nil when the update has none of it.
  public func member(_ id: Component.ID) -> Course.Member? {
    rowOf[id].map { course.members[$0] }
  }

  /// Where an action of the component at a place stands, from 0 on; nil when the update has no such action.
  public func status(_ kind: ActionKind, at place: Int) -> ActionState.Status? { rows[place].status(kind) }

  /// The place of a component in the order of the course, from 0 on; nil when the update has none of this number.
  public func place(of id: Component.ID) -> Int? { rowOf[id] }

  /// At how many components an action succeeded, and the names of the first of them.
  public func succeeded(_ kind: ActionKind, naming limit: Int) -> (count: Int, names: [String]) {
    var count = 0
    var names: [String] = []
    for (index, row) in rows.enumerated() where row.status(kind) == .succeeded {
      count += 1
      if names.count < limit { names.append(course.members[index].name) }
    }
    return (count, names)
  }

  /// Whether a component was set aside by Override.
  public func isSetAside(_ component: Component.ID) -> Bool {
    rowOf[component].map { rows[$0].isSetAside } ?? false
  }

  /// Every action of one component in the order in which they are carried out, or the console's own for nil.
  public func actions(of component: Component.ID?) -> [(id: ActionID, state: ActionState)] {
    let row = component.map { id in rowOf[id].map { rows[$0] } ?? ActionRow() } ?? console
    return ActionKind.allCases.compactMap { kind in row[kind].map { (ActionID(kind, component), $0) } }
  }

  /// Every action of the update, component by component, the console's own last.
  public var allActions: [(id: ActionID, state: ActionState)] {
    course.members.flatMap { actions(of: $0.id) } + actions(of: nil)
  }

  /// The failed actions that Retry may repeat after the end: on the way back those of the way forward are history.
  public var retriableActions: [ActionID] {
    failedActions.map(\.id).filter { direction == .forward || $0.kind.isRestoring }
  }

  /// The failed actions, whether they still wait for a decision or were ignored.
  public var failedActions: [(id: ActionID, state: ActionState)] {
    var found: [(id: ActionID, state: ActionState)] = []
    func look(_ row: ActionRow, _ component: Component.ID?) {
      for kind in ActionKind.allCases where row.status(kind) == .failed {
        if let state = row[kind] { found.append((ActionID(kind, component), state)) }
      }
    }
    for place in rows.indices { look(rows[place], course.members[place].id) }
    look(console, nil)
    return found
  }

  /// How many actions stand where, in the direction in which the update goes.
  public var counts: Counts {
    var counts = Counts()
    let kinds = ActionKind.allCases.filter { $0.isRestoring == (direction == .backward) }
    func add(_ row: ActionRow) {
      for kind in kinds {
        if let status = row.status(kind) { counts.add(status) }
      }
    }
    for row in rows { add(row) }
    add(console)
    return counts
  }

  /// Numbers of actions by where they stand.
  public struct Counts: Sendable, Hashable {
    /// Ended well.
    public internal(set) var succeeded = 0
    /// Failed, ignored or not.
    public internal(set) var failed = 0
    /// In flight.
    public internal(set) var running = 0
    /// Still to come.
    public internal(set) var waiting = 0
    /// Not to be carried out.
    public internal(set) var skipped = 0

    /// All of them.
    public var total: Int { succeeded + failed + running + waiting + skipped }
    /// Those that will not be carried out any more, or have been.
    public var done: Int { succeeded + failed + skipped }

    mutating func add(_ status: ActionState.Status) {
      switch status {
      case .succeeded: succeeded += 1
      case .failed: failed += 1
      case .running: running += 1
      case .waiting: waiting += 1
      case .skipped: skipped += 1
      }
    }
  }

  func row(of id: ActionID) -> ActionRow? {
    guard let component = id.component else { return console }
    return rowOf[component].map { rows[$0] }
  }
}
