import Testing

@testable import Rotation

@Suite("A rolling group")
struct RollingGroupTests {
  /// Three replicas and two others, all in one stage.
  private func course(policy: FailurePolicy = .stop, parallel: Int = 8) -> Course {
    Sample.course(
      (1...3).map { Sample.member($0, group: "web") } + (4...5).map { Sample.member($0) }, policy: policy,
      parallel: parallel)
  }

  private func inFlight(_ player: Player, of numbers: ClosedRange<Int64>) -> [ActionID] {
    player.pending.map(\.id).filter { id in
      id.kind != .generate && id.component.map { numbers.contains($0.rawValue) } == true
    }
  }

  @Test("One component at a time is worked on, in the trust phase too, and the rest of the stage does not wait")
  func oneAtATime() throws {
    var player = Player(course())
    try player.start()
    var mostOthers = 0
    while !player.pending.isEmpty {
      #expect(inFlight(player, of: 1...3).count <= 1)
      mostOthers = max(mostOthers, inFlight(player, of: 4...5).count)
      try player.step(at: player.pending.count - 1)
    }
    #expect(player.state.outcome == .completed)
    #expect(player.groups.violations == [])
    #expect(mostOthers == 2)
    let replaced = player.order.filter { [.deploy, .verify].contains($0.kind) && ($0.component?.rawValue ?? 9) < 4 }
    #expect(
      replaced == (1...3).flatMap { [ActionID.of(.deploy, $0), .of(.verify, $0)] },
      "each is verified before the next is touched")
  }

  @Test("Two groups go on beside each other")
  func twoGroups() throws {
    var player = Player(Sample.course((1...4).map { Sample.member($0, group: $0 % 2 == 0 ? "even" : "odd") }))
    try player.start()
    for _ in 1...4 { try player.step() }
    #expect(Set(player.pending.map(\.id)) == [.of(.trust, 1), .of(.trust, 2)])
    try player.run()
    #expect(player.state.outcome == .completed && player.groups.violations == [])
  }

  @Test("A failed component keeps the rest of its group from being touched until it is decided and has succeeded")
  func failureKeepsTheRest() throws {
    var player = Player(course(), failing: [.of(.verify, 1): 2])
    try player.start()
    try player.run()
    #expect(player.state.standing == .deciding)
    for _ in 1...2 {
      for number in [Int64(2), 3] { #expect(player.state.action(.of(.deploy, number))?.attempts == 0) }
      try player.decide(.retry)
    }
    #expect(player.state.outcome == .completed && player.groups.violations == [])
  }

  @Test("After Override the failed component is put back before the next one of its group is touched")
  func override() throws {
    var player = Player(course(), failing: [.of(.activate, 1): 1])
    try player.start()
    try player.run()
    try player.send(.decided(Decision(.override, question: player.state.question, by: "ada")))
    #expect(inFlight(player, of: 1...3) == [.of(.restore, 1)])
    try player.run()
    #expect(player.state.outcome == .completedWithErrors && player.status(.verify, 3) == .succeeded)
    #expect(player.groups.violations == [])
  }

  @Test("An overridden trust action that had been begun is put back before the next one begins")
  func overriddenTrust() throws {
    var player = Player(course(), failing: [.of(.trust, 1): 1])
    try player.start()
    try player.run()
    #expect(player.status(.trust, 2) == .waiting)
    try player.send(.decided(Decision(.override, question: player.state.question, by: "ada")))
    #expect(inFlight(player, of: 1...3) == [.of(.restoreTrust, 1)])
    try player.run()
    #expect(player.groups.violations == [] && player.status(.verify, 2) == .succeeded)
  }

  @Test(
    "Under Continue Update the rest is worked on in spite of a failure, still one at a time", arguments: [true, false])
  func continueUpdate(fromTheStart: Bool) throws {
    var player = Player(course(policy: fromTheStart ? .continue : .stop), failing: [.of(.deploy, 1): 1])
    try player.start()
    try player.run()
    if !fromTheStart { try player.decide(.continueUpdate) }
    #expect(player.state.outcome == .completedWithErrors && player.status(.verify, 3) == .succeeded)
    #expect(player.groups.violations == [])
  }

  @Test("On the way back one at a time is put back, and one that fails keeps the rest until it is decided")
  func wayBack() throws {
    var player = Player(course(), failing: [.of(.restore, 2): 1])
    try player.start()
    try player.run()
    try player.send(.decided(Decision(.abort, question: player.state.question, by: "ada")))
    while !player.pending.isEmpty {
      #expect(inFlight(player, of: 1...3).count <= 1)
      try player.step()
    }
    #expect(player.state.standing == .deciding && player.status(.restore, 3) == .waiting)
    try player.decide(.override)
    #expect(player.state.outcome == .rolledBackWithErrors && player.groups.violations == [])
    #expect(player.status(.restore, 3) == .succeeded)
  }

  @Test("Several failures that are retried after the end are worked on one after the other")
  func retryAfterEnd() throws {
    var player = Player(
      course(policy: .continue), failing: [.of(.verify, 1): 1, .of(.verify, 2): 1, .of(.activate, 3): 1])
    try player.start()
    try player.run()
    #expect(player.state.outcome == .completedWithErrors)
    try player.decide(.retry)
    #expect(player.state.outcome == .completed && player.groups.violations == [])
  }

  @Test("After a crash the group is still kept for the component that was being worked on")
  func crash() throws {
    var player = Player(course())
    try player.start()
    while !player.pending.contains(where: { $0.id == .of(.activate, 1) }) { try player.step() }
    let lost = player.pending.map { Event.InterruptedAction(action: $0.id, failure: Sample.failure) }
    player.pending = []
    try player.send(.interrupted(lost))
    try player.decide(.retry)
    #expect(player.state.outcome == .completed && player.groups.violations == [])
  }

  @Test("A group whose certificates could not be generated is passed over, and nothing waits for ever")
  func skipped() throws {
    var player = Player(
      course(policy: .continue), failing: [.of(.generate, 1): 1, .of(.generate, 2): 1, .of(.generate, 3): 1])
    try player.start()
    try player.run()
    #expect(player.state.outcome == .completedWithErrors)
    #expect(player.state.action(.of(.verify, 2))?.skipped == .noCertificate)
  }
}
