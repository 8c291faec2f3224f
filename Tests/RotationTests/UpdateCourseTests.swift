import Testing

@testable import Rotation

@Suite("The course of an update")
struct UpdateCourseTests {
  @Test("A whole update generates, trusts, then deploys, activates and verifies, and ends completed")
  func whole() throws {
    var player = Player(Sample.course(https: true))
    try player.start()
    try player.run()
    #expect(player.state.outcome == .completed)
    #expect(player.order.count == 11)
    #expect(player.order.last == ActionID(.https))
    #expect(player.state.counts.succeeded == 11)
  }

  @Test("Nothing is deployed before every component trusts the new root")
  func trustFirst() throws {
    var player = Player(Sample.course([Sample.member(1), Sample.member(2, stage: 2), Sample.member(3, stage: 3)]))
    try player.start()
    try player.run()
    let lastTrust = try #require(player.order.lastIndex { $0.kind == .trust })
    let firstDeploy = try #require(player.order.firstIndex { $0.kind == .deploy })
    #expect(lastTrust < firstDeploy)
  }

  @Test("A stage is finished before the next one begins")
  func stages() throws {
    var player = Player(Sample.course([Sample.member(1, stage: 2), Sample.member(2, stage: 1)]))
    try player.start()
    try player.run()
    let verified = try #require(player.order.firstIndex(of: .of(.verify, 2)))
    let deployed = try #require(player.order.firstIndex(of: .of(.deploy, 1)))
    #expect(verified < deployed)
  }

  @Test("No more actions are in flight than allowed", arguments: [1, 2, 3, 8])
  func parallel(limit: Int) throws {
    var player = Player(Sample.course((1...20).map { Sample.member($0) }, parallel: limit))
    try player.start()
    var most = player.pending.count
    while !player.pending.isEmpty {
      try player.step()
      most = max(most, player.pending.count)
    }
    #expect(most == limit)
    #expect(player.state.outcome == .completed)
  }

  @Test("More certificates may be made at once than components are worked on")
  func generating() throws {
    let members = (1...20).map { Sample.member($0) }
    var player = Player(
      Course(members: members, root: Sample.new, policy: .stop, changesHTTPS: false, parallel: 2, generating: 7))
    try player.start()
    var most: [ActionKind: Int] = [:]
    while !player.pending.isEmpty {
      for kind in Set(player.pending.map(\.id.kind)) {
        most[kind] = max(most[kind] ?? 0, player.pending.count { $0.id.kind == kind })
      }
      try player.step()
    }
    #expect(most == [.generate: 7, .trust: 2, .deploy: 2, .activate: 2, .verify: 2])
    #expect(player.state.outcome == .completed)
  }

  @Test("What only settles leaves its place to others, but to no more than may settle")
  func settling() throws {
    let members = (1...9).map { Sample.member($0, trusts: false) }
    var player = Player(
      Course(members: members, root: Sample.new, policy: .stop, changesHTTPS: false, parallel: 2, settling: 3))
    try player.start()
    while player.state.phase == .generate { try player.step() }
    #expect(player.pending.map(\.id) == [.of(.deploy, 1), .of(.deploy, 2)])
    for number in Int64(1)...5 {
      // Those that are worked on go on to their verification.
      while let index = player.pending.firstIndex(where: { $0.id.kind != .verify }) { try player.step(at: index) }
      let id = ActionID.of(.verify, number)
      try player.send(.actionSettles(id, attempt: 1))
      #expect(player.pending.count == 2 + min(3, Int(number)))
      #expect(throws: Refusal.self) { try player.send(.actionSettles(id, attempt: 1)) }
    }
    // The fourth and the fifth have settled, and keep their places until an earlier one ends.
    #expect(player.pending.allSatisfy { $0.id.kind == .verify })
    try player.step()
    #expect(player.pending.map(\.id.kind) == [.verify, .verify, .verify, .verify, .deploy])
    #expect(throws: Refusal.self) { try player.send(.actionSettles(.of(.verify, 1), attempt: 1)) }
    try player.run()
    #expect(player.state.outcome == .completed && player.state.settling.isEmpty)
  }

  @Test("With each component that is seen to be well one more may be worked on, in each part of the update anew")
  func widening() throws {
    let members = (1...40).map { Sample.member($0) }
    let course = Course(
      members: members, root: Sample.new, policy: .stop, changesHTTPS: false, parallel: 7, first: 2, settling: 3)
    var player = Player(course)
    try player.start()
    var phase = player.state.phase
    var seen = 0
    var most = 0
    while !player.pending.isEmpty {
      let id = player.pending[0].id
      // Every third settles before it succeeds, and counts once.
      if id.kind == .trust, id.component?.rawValue.isMultiple(of: 3) == true {
        try player.send(.actionSettles(id, attempt: 1))
        #expect(player.state.settling == [id])
      }
      try player.step()
      seen += [.generate, .trust, .verify].contains(id.kind) ? 1 : 0
      if player.state.phase != phase { (phase, seen, most) = (player.state.phase, 0, 0) }
      #expect(player.pending.count <= min(7, 2 + seen), "\(id)")
      most = max(most, player.pending.count)
      if seen == 20 { #expect(most == 7) }
    }
    #expect(player.state.outcome == .completed)
  }

  @Test("After a failure only as many are worked on as at first")
  func narrowing() throws {
    let members = (1...30).map { Sample.member($0, trusts: false) }
    var player = Player(
      Course(members: members, root: Sample.new, policy: .continue, changesHTTPS: false, parallel: 6, first: 1),
      failing: [.of(.deploy, 12): 1])
    try player.start()
    while player.state.action(.of(.deploy, 12))?.status != .failed {
      #expect(!player.pending.isEmpty)
      try player.step()
    }
    #expect(player.state.seenWell == 0)
    let before = player.pending.count
    #expect(before > 2)
    try player.step()
    try player.step()
    #expect(player.pending.count < before, "nothing begins while more are worked on than at first")
    try player.run()
    #expect(player.state.outcome == .completedWithErrors)
  }

  @Test("After a decision only as many are worked on as at first, however many have landed beside the failure")
  func narrowingUntilDecided() throws {
    let members = (1...40).map { Sample.member($0, trusts: false) }
    var player = Player(
      Course(members: members, root: Sample.new, policy: .stop, changesHTTPS: false, parallel: 8, first: 2),
      failing: [.of(.deploy, 20): 1])
    try player.start()
    while player.state.standing == .running { try player.step() }
    let beside = player.pending.count
    #expect(player.state.standing == .stopping && beside > 2)
    while !player.pending.isEmpty { try player.step() }
    #expect(player.state.standing == .deciding)
    try player.send(.decided(Decision(.retry, question: player.state.question, by: "ada")))
    #expect(player.pending.count == 2)
    try player.run()
    #expect(player.state.outcome == .completed)
  }

  @Test("A failure while others settle lets nothing begin, and what settles may fail as well")
  func settlingAndFailing() throws {
    var player = Player(
      Course(
        members: (1...4).map { Sample.member($0, trusts: false) }, root: Sample.new, policy: .stop, changesHTTPS: false,
        parallel: 1, settling: 2),
      failing: [.of(.verify, 1): 1, .of(.deploy, 2): 1])
    try player.start()
    while player.pending.first?.id != .of(.verify, 1) { try player.step() }
    try player.send(.actionSettles(.of(.verify, 1), attempt: 1))
    #expect(player.pending.map(\.id) == [.of(.verify, 1), .of(.deploy, 2)])
    try player.step(at: 1)
    #expect(player.state.standing == .stopping && player.pending.map(\.id) == [.of(.verify, 1)])
    try player.step()
    #expect(player.state.standing == .deciding)
    #expect(player.state.openFailures == [.of(.deploy, 2), .of(.verify, 1)])
    try player.decide(.abort)
    #expect(player.state.outcome == .rolledBack)
  }

  @Test("A component without a trust bundle has no trust action")
  func withoutBundle() throws {
    var player = Player(Sample.course([Sample.member(1, trusts: false)]))
    try player.start()
    try player.run()
    #expect(player.order == [.of(.generate, 1), .of(.deploy, 1), .of(.activate, 1), .of(.verify, 1)])
  }

  @Test("After a failure the actions in flight end, nothing new begins, and then the question is asked")
  func stopsAfterFailure() throws {
    var player = Player(
      Sample.course((1...4).map { Sample.member($0) }, parallel: 2), failing: [.of(.generate, 1): 1])
    try player.start()
    try player.step()
    #expect(player.state.standing == .stopping)
    #expect(player.pending.count == 1)
    try player.step()
    #expect(player.state.standing == .deciding)
    #expect(player.state.question == 1)
    #expect(player.status(.generate, 3) == .waiting)
  }

  @Test("Under the policy Continue nothing is asked, and the update ends completed with errors")
  func continues() throws {
    var player = Player(Sample.course(policy: .continue), failing: [.of(.activate, 1): 1])
    try player.start()
    try player.run()
    #expect(player.state.outcome == .completedWithErrors)
    #expect(player.status(.verify, 1) == .succeeded)
    #expect(player.status(.verify, 2) == .succeeded)
  }

  @Test("A component without a generated certificate is not deployed, and the reason is told")
  func withoutCertificate() throws {
    var player = Player(Sample.course(policy: .continue), failing: [.of(.generate, 1): 1])
    try player.start()
    try player.run()
    for kind in [ActionKind.deploy, .activate, .verify] {
      #expect(player.state.action(.of(kind, 1))?.skipped == .noCertificate)
    }
    #expect(player.status(.trust, 1) == .succeeded)
  }

  @Test("A crash is a failure to decide on, whatever the policy", arguments: FailurePolicy.allCases)
  func interrupted(policy: FailurePolicy) throws {
    var player = Player(Sample.course(policy: policy))
    try player.start()
    let inFlight = player.pending.map { Event.InterruptedAction(action: $0.id, failure: Sample.failure) }
    player.pending = []
    try player.send(.interrupted(inFlight))
    #expect(player.state.standing == .deciding)
    #expect(player.state.openFailures.count == 2)
    try player.decide(.retry)
    #expect(player.state.outcome == .completed)
  }

  @Test("Abort that was chosen before the end of the program is remembered until somebody decides")
  func abortWasPending() throws {
    var player = Player(Sample.course())
    try player.start()
    try player.send(.decided(Decision(.abort, question: player.state.question, by: "ada")))
    try player.send(.halted)
    try player.run()
    #expect(player.state.standing == .deciding && player.state.abortWasPending)
    try player.decide(.retry)
    #expect(!player.state.abortWasPending)
  }

  @Test("An interruption must account for every action in flight")
  func interruptedIncompletely() throws {
    var player = Player(Sample.course())
    try player.start()
    #expect(throws: Refusal.self) { try player.send(.interrupted([])) }
  }

  @Test("Ended in good order, the update finishes what is in flight and asks")
  func halted() throws {
    var player = Player(Sample.course())
    try player.start()
    try player.send(.halted)
    #expect(player.state.standing == .stopping)
    try player.run()
    #expect(player.state.standing == .deciding)
    #expect(player.state.openFailures.isEmpty)
    try player.decide(.retry)
    #expect(player.state.outcome == .completed)
  }
}
