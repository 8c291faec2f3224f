import Testing

@testable import Rotation

/// A small generator of numbers that a seed makes repeatable (splitmix64).
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

@Suite("Random sequences of events")
struct RandomSequenceTests {
  @Test("5,000 random retirements touch trust alone, never reach a forbidden state, end, and replay to the same state")
  func retirements() throws {
    var outcomes: [Outcome: Int] = [:]
    for seed in 0..<5_000 {
      var random = Seeded(state: UInt64(seed))
      var player = Player(retirement(&random))
      try player.start()
      try play(&player, &random, seed: seed)
      let outcome = try #require(player.state.outcome, "seed \(seed) did not end")
      outcomes[outcome, default: 0] += 1
      #expect(player.order.allSatisfy { $0.kind == .trust || $0.kind == .restoreTrust }, "seed \(seed)")
      for id in player.order {
        let member = try #require(player.state.course.members.first { $0.id == id.component })
        #expect(member.acceptsBefore?.contains(Sample.old) == true, "seed \(seed): \(member.name) holds no such root")
      }
      var replayed = UpdateState(course: player.state.course)
      for event in player.events { _ = try replayed.apply(event) }
      #expect(replayed == player.state, "seed \(seed)")
    }
    #expect(outcomes.keys.count == Outcome.allCases.count, "every way to end was reached: \(outcomes)")
  }

  private func retirement(_ random: inout Seeded) -> Course {
    let bundles: [Set<RootKey>?] = [[Sample.old, Sample.new], [Sample.old, Sample.new], [Sample.new], nil]
    let members = (1...Int64.random(in: 1...6, using: &random)).map { number in
      Sample.moved(
        number, stage: .random(in: 1...3, using: &random), accepts: bundles.randomElement(using: &random) ?? nil)
    }
    return Sample.retirement(
      members, policy: FailurePolicy.allCases.randomElement(using: &random) ?? .stop,
      parallel: .random(in: 1...4, using: &random))
  }

  @Test("10,000 random updates never reach a forbidden state, end, and replay to the same state")
  func random() throws {
    var outcomes: [Outcome: Int] = [:]
    var grouped = 0
    for seed in 0..<10_000 {
      var random = Seeded(state: UInt64(seed))
      var player = Player(course(&random))
      try player.start()
      try play(&player, &random, seed: seed)
      let outcome = try #require(player.state.outcome, "seed \(seed) did not end")
      outcomes[outcome, default: 0] += 1
      var replayed = UpdateState(course: player.state.course)
      for event in player.events { _ = try replayed.apply(event) }
      #expect(replayed == player.state, "seed \(seed)")
      #expect(player.groups.violations == [], "seed \(seed)")
      grouped += player.order.count { $0.kind == .deploy && $0.component.map(player.isGrouped) == true }
    }
    #expect(grouped > 10_000, "components of groups were worked on")
    #expect(outcomes.keys.count == Outcome.allCases.count, "every way to end was reached: \(outcomes)")
  }

  private func course(_ random: inout Seeded) -> Course {
    let count = Int64.random(in: 1...6, using: &random)
    let members = (1...count).map { number -> Course.Member in
      let stage = Int.random(in: 1...3, using: &random)
      let trusts = Int.random(in: 0..<4, using: &random) > 0
      let group = Int.random(in: 0..<3, using: &random)
      return Sample.member(number, stage: stage, trusts: trusts, group: group == 0 ? nil : "\(stage)-\(group)")
    }
    return Sample.course(
      members, policy: FailurePolicy.allCases.randomElement(using: &random) ?? .stop,
      https: .random(using: &random), parallel: .random(in: 1...4, using: &random),
      first: Bool.random(using: &random) ? .random(in: 1...4, using: &random) : nil,
      settling: Bool.random(using: &random) ? .random(in: 1...4, using: &random) : nil)
  }

  private func play(_ player: inout Player, _ random: inout Seeded, seed: Int) throws {
    for move in 0..<400 {
      check(player, seed: seed)
      try nonsense(&player, &random)
      // Failures grow rarer, so that every update ends.
      let breaks = Int.random(in: 0..<100, using: &random) < max(0, 25 - move / 8)
      if !player.pending.isEmpty {
        if Int.random(in: 0..<60, using: &random) == 0 {
          try crash(&player, &random)
        } else if Int.random(in: 0..<60, using: &random) == 0, player.state.offers.contains(.abort) {
          try player.send(.decided(Decision(.abort, question: player.state.question, by: "x")))
        } else if Int.random(in: 0..<4, using: &random) == 0,
          let one = unsettled(player).randomElement(using: &random)
        {
          try player.send(.actionSettles(one.id, attempt: one.attempt))
        } else {
          let index = Int.random(in: 0..<player.pending.count, using: &random)
          if breaks { player.failing[player.pending[index].id] = 1 }
          try player.step(at: index)
        }
      } else if player.state.standing == .deciding, breaks, !player.state.undoableActions.isEmpty {
        try crash(&player, &random)
      } else if player.state.outcome == nil {
        try decideAnything(&player, &random)
      } else if move < 150, Int.random(in: 0..<3, using: &random) == 0, !player.state.offers.isEmpty {
        try decideAnything(&player, &random)
      } else {
        return
      }
    }
  }

  private func unsettled(_ player: Player) -> [(id: ActionID, attempt: Int)] {
    player.pending.filter { !player.state.settling.contains($0.id) }
  }

  /// The program ends, and the next start finds some of what had succeeded undone.
  private func crash(_ player: inout Player, _ random: inout Seeded) throws {
    var found = player.pending.map(\.id)
    let least = player.state.standing == .deciding ? 1 : 0
    found += player.state.undoableActions.shuffled(using: &random).prefix(.random(in: least...2, using: &random))
    player.pending = []
    try player.send(.interrupted(found.map { .init(action: $0, failure: Sample.failure) }))
  }

  private func decideAnything(_ player: inout Player, _ random: inout Seeded) throws {
    let offers = Decision.Kind.allCases.filter(player.state.offers.contains)
    let kind = try #require(offers.randomElement(using: &random))
    var chosen: [ActionID]?
    if kind == .retry, player.state.outcome != nil,
      let one = player.state.retriableActions.randomElement(using: &random)
    {
      chosen = [one]
    }
    try player.send(.decided(Decision(kind, question: player.state.question, actions: chosen, by: "x")))
  }

  /// Events that belong to no state must be refused and change nothing.
  private func nonsense(_ player: inout Player, _ random: inout Seeded) throws {
    guard Int.random(in: 0..<4, using: &random) == 0 else { return }
    let absent = Component.ID(rawValue: 99)
    let candidates: [Event] = [
      .started(by: "x"),
      .actionSucceeded(ActionID(.deploy, absent), attempt: 1),
      .actionFailed(ActionID(.verify, Component.ID(rawValue: 1)), attempt: 999, Sample.failure),
      .decided(Decision(.retry, question: player.state.question - 1, by: "x")),
      .decided(Decision(.override, question: player.state.question + 1, by: "x")),
    ]
    let event = try #require(candidates.randomElement(using: &random))
    let before = player.state
    var state = player.state
    #expect(throws: Refusal.self) { _ = try state.apply(event) }
    #expect(state == before)
  }

  private func check(_ player: Player, seed: Int) {
    let state = player.state
    let pending = Dictionary(player.pending.map { ($0.id, $0.attempt) }, uniquingKeysWith: { first, _ in first })
    #expect(state.actionsInFlight == pending, "seed \(seed): what is in flight is what was asked for")
    let free = min(state.settling.count, state.course.settling ?? 0)
    #expect(pending.count - free <= state.course.parallel, "seed \(seed)")
    #expect(state.settling.isSubset(of: pending.keys), "seed \(seed): what settles is in flight")
    switch state.standing {
    case .planned: Issue.record("seed \(seed): still planned")
    case .running: #expect(!pending.isEmpty, "seed \(seed): running with nothing in flight")
    case .stopping: #expect(!pending.isEmpty, "seed \(seed): stopping with nothing in flight")
    case .deciding, .ended: #expect(pending.isEmpty, "seed \(seed): asks or ended with actions in flight")
    }
    if state.direction == .forward { checkTrustFirst(state, seed) } else { checkBundlesLast(state, seed) }
    for id in pending.keys where [.deploy, .activate, .verify].contains(id.kind) {
      #expect(state.direction == .forward, "seed \(seed): \(id) while rolling back")
      #expect(id.component.map(state.isSetAside) != true, "seed \(seed): \(id) of a component set aside")
    }
    checkEnd(state, seed)
  }

  private func checkTrustFirst(_ state: UpdateState, _ seed: Int) {
    // Of a rolling group, the component that was in the middle of its replacement when the program ended is finished first.
    let isNew = state.actionsInFlight.contains { id, attempt in
      id.kind == .deploy && (attempt == 1 || state.course.members.first { $0.id == id.component }?.group == nil)
    }
    guard isNew else { return }
    for member in state.course.members where member.hasTrustBundle {
      let trust = state.action(ActionID(.trust, member.id))
      let isOpen = trust?.status == .waiting || trust?.status == .running || trust?.isOpenFailure == true
      #expect(!isOpen, "seed \(seed): something is deployed before \(member.name) trusts")
    }
  }

  private func checkBundlesLast(_ state: UpdateState, _ seed: Int) {
    guard state.actionsInFlight.keys.contains(where: { $0.kind == .restoreTrust }) else { return }
    for member in state.course.members {
      let restore = state.action(ActionID(.restore, member.id))
      #expect(
        restore == nil || restore?.status == .succeeded || restore?.skipped == .notNeeded,
        "seed \(seed): a bundle is put back while \(member.name) may present the new root")
    }
  }

  private func checkEnd(_ state: UpdateState, _ seed: Int) {
    switch state.outcome {
    case .completed:
      #expect(state.counts.succeeded == state.counts.total, "seed \(seed)")
    case .rolledBack:
      for member in state.course.members {
        let deployed = (state.action(ActionID(.deploy, member.id))?.attempts ?? 0) > 0
        let trusted = (state.action(ActionID(.trust, member.id))?.attempts ?? 0) > 0
        let restored = state.action(ActionID(.restore, member.id))?.status == .succeeded
        let untrusted = state.action(ActionID(.restoreTrust, member.id))?.status == .succeeded
        #expect(!deployed || restored, "seed \(seed): \(member.name) was deployed and not put back")
        #expect(!trusted || untrusted, "seed \(seed): the bundle of \(member.name) was not put back")
      }
    case .completedWithErrors, .rolledBackWithErrors, nil: break
    }
  }
}
