import PKI
import Rotation
import Testing

@testable import Store

/// Plays the runner's part: performs what the store says, issuing a certificate at each generate.
struct TestUpdate {
  let system: TestSystem
  let root: RootRecord.ID
  let id: UpdateRecord.ID
  var pending: [(action: ActionID, attempt: Int)] = []
  /// The actions that fail.
  var failing: Set<ActionID> = []

  static let failure = Failure(code: "BROKEN", sentence: "It broke.", advice: "Mend it.")

  static func start(
    _ system: TestSystem, _ components: [Component], root: RootRecord.ID, failing: Set<ActionID> = []
  ) async throws -> TestUpdate {
    let plan = try await system.savePlan(root)
    let started = try await system.store.startUpdate(plan: plan, course: .of(components), by: "ada", worker: "w1")
    var update = TestUpdate(system: system, root: root, id: started.update.id, failing: failing)
    update.take(started.advance)
    return update
  }

  var state: UpdateState {
    get async throws { try await system.store.state(id) }
  }

  mutating func take(_ advance: Advance) {
    for case .perform(let action, let attempt) in advance.effects { pending.append((action, attempt)) }
  }

  mutating func send(_ event: Event) async throws {
    take(try await system.store.advance(id, [event], worker: "w1"))
  }

  mutating func step() async throws {
    let (action, attempt) = pending.removeFirst()
    if failing.contains(action) {
      return try await send(.actionFailed(action, attempt: attempt, Self.failure))
    }
    if action.kind == .generate, let component = action.component { _ = try await issue(component) }
    try await send(.actionSucceeded(action, attempt: attempt))
  }

  mutating func run() async throws {
    while !pending.isEmpty { try await step() }
  }

  mutating func decide(_ kind: Decision.Kind) async throws {
    try await send(.decided(Decision(kind, question: try await state.question, by: "ada")))
    try await run()
  }

  func issue(_ component: Component.ID?) async throws -> TestIdentity {
    let identity = try TestIdentity.make("child")
    let intent = try await system.store.beginIssuance(
      update: id, component: component, root: root, serial: .random(), key: try identity.pem(), names: ["child"])
    try await system.store.finishIssuance(intent, certificate: identity.certificate)
    return identity
  }
}
