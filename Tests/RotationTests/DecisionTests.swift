import Testing

@testable import Rotation

@Suite("The four decisions")
struct DecisionTests {
  private func stopped(at id: ActionID, times: Int = 1, https: Bool = false) throws -> Player {
    var player = Player(
      Sample.course([Sample.member(1), Sample.member(2), Sample.member(3, stage: 2)], https: https),
      failing: [id: times])
    try player.start()
    try player.run()
    return player
  }

  @Test("Retry runs the failed action again and goes on", arguments: [ActionKind.generate, .trust, .deploy, .activate])
  func retry(kind: ActionKind) throws {
    var player = try stopped(at: .of(kind, 1))
    #expect(player.state.standing == .deciding)
    try player.decide(.retry)
    #expect(player.state.outcome == .completed)
    #expect(player.state.action(.of(kind, 1))?.attempts == 2)
  }

  @Test("Retry of a verification runs the activation again first")
  func retryVerification() throws {
    var player = try stopped(at: .of(.verify, 1))
    let before = player.order.count
    try player.decide(.retry)
    #expect(player.order[before] == .of(.activate, 1))
    #expect(player.order[before + 1] == .of(.verify, 1))
    #expect(player.state.outcome == .completed)
  }

  @Test("A new failure after Retry asks again")
  func retryFailsAgain() throws {
    var player = try stopped(at: .of(.deploy, 1), times: 2)
    try player.decide(.retry)
    #expect(player.state.standing == .deciding)
    #expect(player.state.question == 3)
    try player.decide(.retry)
    #expect(player.state.outcome == .completed)
  }

  @Test("Override puts the component back, goes on with the rest, and tells of the error at the end")
  func override() throws {
    var player = try stopped(at: .of(.verify, 1))
    try player.decide(.override)
    #expect(player.state.outcome == .completedWithErrors)
    #expect(player.status(.restore, 1) == .succeeded)
    #expect(player.status(.restoreTrust, 1) == nil)
    #expect(player.status(.verify, 3) == .succeeded)
    #expect(player.state.isSetAside(Component.ID(rawValue: 1)))
  }

  @Test("Override of a failed generation touches nothing of the component but lets it trust the new root")
  func overrideGeneration() throws {
    var player = try stopped(at: .of(.generate, 1))
    try player.decide(.override)
    #expect(player.status(.trust, 1) == .succeeded)
    #expect(player.status(.deploy, 1) == .skipped)
    #expect(player.status(.restore, 1) == nil)
    #expect(player.state.outcome == .completedWithErrors)
  }

  @Test("Override of a failed trust puts the bundle back and leaves the certificate alone")
  func overrideTrust() throws {
    var player = try stopped(at: .of(.trust, 1))
    try player.decide(.override)
    #expect(player.status(.restoreTrust, 1) == .succeeded)
    #expect(player.status(.restore, 1) == nil)
    #expect(player.status(.deploy, 1) == .skipped)
  }

  @Test("After Override a new failure asks again, under the same policy")
  func overrideAsksAgain() throws {
    var player = try stopped(at: .of(.verify, 1))
    player.failing[.of(.deploy, 3)] = 1
    try player.decide(.override)
    #expect(player.state.standing == .deciding)
    #expect(player.state.openFailures == [.of(.deploy, 3)])
  }

  @Test("A component that cannot be put back by Override asks again")
  func overrideRestoreFails() throws {
    var player = try stopped(at: .of(.verify, 1))
    player.failing[.of(.restore, 1)] = 1
    try player.decide(.override)
    #expect(player.state.openFailures == [.of(.restore, 1)])
    try player.decide(.override)
    #expect(player.state.outcome == .completedWithErrors)
    #expect(player.status(.verify, 3) == .succeeded)
  }

  @Test("Continue Update tries the remaining actions of the failed component and never asks again")
  func continueUpdate() throws {
    var player = try stopped(at: .of(.activate, 1))
    player.failing[.of(.deploy, 3)] = 1
    try player.decide(.continueUpdate)
    #expect(player.status(.verify, 1) == .succeeded)
    #expect(player.status(.activate, 3) == .succeeded)
    #expect(player.state.outcome == .completedWithErrors)
  }

  @Test("Completed with errors, each failure offers Retry by itself")
  func retryOne() throws {
    var player = Player(
      Sample.course(policy: .continue), failing: [.of(.deploy, 1): 1, .of(.deploy, 2): 1])
    try player.start()
    try player.run()
    try player.decide(.retry, actions: [.of(.deploy, 1)])
    #expect(player.status(.verify, 1) == .succeeded)
    #expect(player.status(.deploy, 2) == .failed)
    #expect(player.state.outcome == .completedWithErrors)
    try player.decide(.retry)
    #expect(player.state.outcome == .completed)
  }

  @Test("Retry after Override brings the component that was put back to the new set")
  func retryAfterOverride() throws {
    var player = try stopped(at: .of(.verify, 1))
    try player.decide(.override)
    let before = player.order.count
    try player.decide(.retry)
    #expect(player.order[before...] == [.of(.deploy, 1), .of(.activate, 1), .of(.verify, 1)])
    #expect(player.state.outcome == .completed)
  }

  @Test("Abort puts back what was touched, certificates first and bundles last, and skips the rest")
  func abort() throws {
    var player = try stopped(at: .of(.verify, 1))
    try player.decide(.abort)
    #expect(player.state.outcome == .rolledBack)
    #expect(player.status(.restore, 1) == .succeeded)
    #expect(player.status(.restore, 3) == nil)
    #expect(player.status(.restoreTrust, 3) == .succeeded)
    #expect(player.state.action(.of(.deploy, 3))?.skipped == .aborted)
    let lastRestore = try #require(player.order.lastIndex { $0.kind == .restore })
    let firstBundle = try #require(player.order.firstIndex { $0.kind == .restoreTrust })
    #expect(lastRestore < firstBundle)
  }

  @Test("Abort before anything was touched ends rolled back at once")
  func abortUntouched() throws {
    var player = try stopped(at: .of(.generate, 1))
    try player.decide(.abort)
    #expect(player.state.outcome == .rolledBack)
    #expect(!player.order.contains { $0.kind.isRestoring })
  }

  @Test("Abort of a running update tells exactly what is in flight to come to its end, once")
  func abortEndsWhatHangs() throws {
    var state = UpdateState(course: Sample.course([Sample.member(1), Sample.member(2), Sample.member(3)], parallel: 2))
    _ = try state.apply(.started(by: "ada"))
    _ = try state.apply(.actionSucceeded(.of(.generate, 1), attempt: 1))
    let effects = try state.apply(.decided(Decision(.abort, question: state.question, by: "ada")))
    #expect(effects == [.end(.of(.generate, 2), attempt: 1), .end(.of(.generate, 3), attempt: 1)])
    #expect(state.offers.isEmpty, "nothing is left to decide until it has come to rest")
    #expect(try state.apply(.actionFailed(.of(.generate, 2), attempt: 1, Sample.failure)).isEmpty)
    #expect(try state.apply(.actionFailed(.of(.generate, 3), attempt: 1, Sample.failure)) == [.finish(.rolledBack)])
  }

  @Test("Abort of a running update lets the actions in flight finish, then rolls back")
  func abortRunning() throws {
    var player = Player(Sample.course())
    try player.start()
    try player.step()
    try player.step()
    try player.send(.decided(Decision(.abort, question: player.state.question, by: "ada")))
    #expect(player.state.standing == .stopping)
    #expect(player.state.direction == .forward)
    try player.run()
    #expect(player.state.outcome == .rolledBack)
  }

  @Test("A completed update can be rolled back, the console's certificate first")
  func abortCompleted() throws {
    var player = Player(Sample.course(https: true))
    try player.start()
    try player.run()
    let before = player.order.count
    try player.decide(.abort)
    #expect(player.order[before] == ActionID(.restoreHTTPS))
    #expect(player.state.outcome == .rolledBack)
  }

  @Test("A failing restore asks again, offering Retry and Override only")
  func restoreFails() throws {
    var player = try stopped(at: .of(.verify, 1))
    player.failing[.of(.restore, 2)] = 1
    try player.decide(.abort)
    #expect(player.state.standing == .deciding)
    #expect(player.state.offers == [.retry, .override])
    try player.decide(.retry)
    #expect(player.state.outcome == .rolledBack)
  }

  @Test("Overriding a failing restore keeps the new root trusted, and the end says so")
  func restoreOverridden() throws {
    var player = try stopped(at: .of(.verify, 1))
    player.failing[.of(.restore, 2)] = 1
    try player.decide(.abort)
    try player.decide(.override)
    #expect(player.state.outcome == .rolledBackWithErrors)
    #expect(player.state.action(.of(.restoreTrust, 1))?.skipped == .stillNeeded)
    // What failed on the way forward is history, and neither repeated nor put among what waits.
    #expect(player.state.retriableActions == [.of(.restore, 2)])
    let forward = Decision(.retry, question: player.state.question, actions: [.of(.verify, 1)], by: "bob")
    #expect(throws: Refusal.unexpected("verify:1 has not failed")) { try player.send(.decided(forward)) }
    try player.decide(.retry)
    #expect(player.status(.verify, 1) == .failed)
    #expect(player.state.outcome == .rolledBack)
    #expect(player.status(.restoreTrust, 1) == .succeeded)
  }

  @Test("Abort after Override does not put the same component back twice")
  func abortAfterOverride() throws {
    var player = try stopped(at: .of(.verify, 1))
    player.failing[.of(.deploy, 3)] = 1
    try player.decide(.override)
    try player.decide(.abort)
    #expect(player.state.outcome == .rolledBack)
    #expect(player.order.count { $0 == .of(.restore, 1) } == 1)
  }

  @Test("A decision that answers an earlier question is refused and changes nothing")
  func stale() throws {
    var player = try stopped(at: .of(.verify, 1), times: 2)
    let old = Decision(.override, question: player.state.question, by: "bob")
    try player.decide(.retry)
    let before = player.state
    #expect(throws: Refusal.stale(asked: 1, current: 3)) { try player.send(.decided(old)) }
    #expect(player.state == before)
  }

  @Test("Every decision says what it would do, with components and connections")
  func consequences() throws {
    let player = try stopped(at: .of(.trust, 1))
    let consequences = player.state.consequences
    #expect(consequences.map(\.kind) == [.abort, .override, .retry, .continueUpdate])
    let override = try #require(consequences.first { $0.kind == .override })
    #expect(override.components == ["c1"])
    // c1 would present the old root, which all accept, but refuse the new one: two servers and two clients.
    #expect(override.refusalCount == 4)
    let abort = try #require(consequences.first { $0.kind == .abort })
    #expect(abort.refusalCount == 0)
  }
}
