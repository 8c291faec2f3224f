@testable import Rotation

/// Small systems for the tests.
enum Sample {
  static let old = RootKey("old")
  static let new = RootKey("new")

  static func member(_ number: Int64, stage: Int = 1, trusts: Bool = true, group: String? = nil) -> Course.Member {
    Course.Member(
      id: Component.ID(rawValue: number), name: "c\(number)", stage: stage, usage: .both, hasTrustBundle: trusts,
      presentsBefore: old, acceptsBefore: trusts ? [old] : nil, group: group)
  }

  static func course(
    _ members: [Course.Member] = [member(1), member(2)], policy: FailurePolicy = .stop, https: Bool = false,
    parallel: Int = 8, first: Int? = nil, settling: Int? = nil
  ) -> Course {
    Course(
      members: members, root: new, policy: policy, changesHTTPS: https, parallel: parallel, first: first,
      settling: settling)
  }

  /// A system that has moved to the new root and still trusts the old one, which is to go.
  static func retirement(
    _ members: [Course.Member] = [moved(1), moved(2)], policy: FailurePolicy = .stop, parallel: Int = 8
  ) -> Course {
    Course(members: members, root: new, retires: old, policy: policy, changesHTTPS: false, parallel: parallel)
  }

  static func moved(_ number: Int64, stage: Int = 1, accepts: Set<RootKey>? = [old, new]) -> Course.Member {
    Course.Member(
      id: Component.ID(rawValue: number), name: "c\(number)", stage: stage, usage: .both,
      hasTrustBundle: accepts != nil, presentsBefore: new, acceptsBefore: accepts)
  }

  static let failure = Failure(code: "BROKEN", sentence: "It broke.", advice: "Mend it.")
}

extension ActionID {
  static func of(_ kind: ActionKind, _ number: Int64) -> ActionID {
    ActionID(kind, Component.ID(rawValue: number))
  }
}

/// Plays the part of the shell: carries out what the state asks for, failing what it is told to fail.
struct Player {
  var state: UpdateState
  var events: [Event] = []
  var pending: [(id: ActionID, attempt: Int)] = []
  var order: [ActionID] = []
  /// Actions that fail, and how often they still do.
  var failing: [ActionID: Int] = [:]
  var groups = GroupWatch()

  init(_ course: Course, failing: [ActionID: Int] = [:]) {
    state = UpdateState(course: course)
    self.failing = failing
  }

  mutating func send(_ event: Event) throws {
    let before = state
    let effects = try state.apply(event)
    groups.take(event, from: before, to: state)
    events.append(event)
    for case .perform(let id, let attempt) in effects {
      pending.append((id, attempt))
      order.append(id)
      groups.begin(id, state)
    }
  }

  mutating func start() throws {
    try send(.started(by: "ada"))
  }

  /// Ends one action in flight.
  mutating func step(at index: Int = 0) throws {
    let (id, attempt) = pending.remove(at: index)
    if let left = failing[id], left > 0 {
      failing[id] = left - 1
      try send(.actionFailed(id, attempt: attempt, Sample.failure))
    } else {
      try send(.actionSucceeded(id, attempt: attempt))
    }
  }

  /// Goes on until nothing is in flight.
  mutating func run() throws {
    while !pending.isEmpty { try step() }
  }

  mutating func decide(_ kind: Decision.Kind, actions: [ActionID]? = nil) throws {
    try send(.decided(Decision(kind, question: state.question, actions: actions, by: "ada")))
    try run()
  }

  func isGrouped(_ component: Component.ID) -> Bool {
    state.course.members.contains { $0.id == component && $0.group != nil }
  }

  func status(_ kind: ActionKind, _ number: Int64) -> ActionState.Status? {
    state.action(.of(kind, number))?.status
  }
}
