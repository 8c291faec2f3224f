import Testing

@testable import Rotation

@Suite("An update whose journal was restored from a backup")
struct RestoredJournalTests {
  /// An update of three stages in which a deployment fails, as a backup knew it.
  private func failed(at kind: ActionKind, _ number: Int64) throws -> Player {
    let members = [Sample.member(1), Sample.member(2, stage: 2), Sample.member(3, stage: 3)]
    var player = Player(Sample.course(members, https: true), failing: [.of(kind, number): 1])
    try player.start()
    try player.run()
    return player
  }

  @Test("It asks anew, and an answer to the former question is stale")
  func asksAnew() throws {
    var player = try failed(at: .deploy, 1)
    let former = player.state.question
    try player.send(.journalRestored)
    #expect(player.pending.isEmpty && player.state.standing == .deciding && player.state.wasInterrupted)
    #expect(throws: Refusal.stale(asked: former, current: former + 1)) {
      try player.send(.decided(Decision(.retry, question: former, by: "ada")))
    }
  }

  @Test("It is not taken while something is in flight, nor after the end")
  func onlyWhenAsking() throws {
    var player = Player(Sample.course())
    #expect(throws: Refusal.self) { try player.send(.journalRestored) }
    try player.start()
    #expect(throws: Refusal.self) { try player.send(.journalRestored) }
    try player.run()
    #expect(throws: Refusal.self) { try player.send(.journalRestored) }
  }

  @Test("Abort puts every component back, also those that the journal has not seen touched")
  func abort() throws {
    var player = try failed(at: .trust, 1)
    #expect(player.state.action(.of(.trust, 3))?.attempts == 0)
    try player.send(.journalRestored)
    player.order = []
    try player.decide(.abort)
    #expect(player.state.outcome == .rolledBack)
    for number in Int64(1)...3 {
      #expect(player.order.contains(.of(.restore, number)) && player.order.contains(.of(.restoreTrust, number)))
    }
    #expect(player.order.contains(ActionID(.restoreHTTPS)))
    let lastRestore = try #require(player.order.lastIndex { $0.kind == .restore })
    let firstTrust = try #require(player.order.firstIndex { $0.kind == .restoreTrust })
    #expect(lastRestore < firstTrust)
  }

  @Test(
    "Going on begins with trust at every component, before any is deployed",
    arguments: [
      Decision.Kind.retry, .override, .continueUpdate,
    ])
  func forward(_ kind: Decision.Kind) throws {
    // Somebody may have aborted it after the backup: no bundle holds the new root any more.
    var player = try failed(at: .deploy, 2)
    try player.send(.journalRestored)
    player.order = []
    try player.decide(kind)
    #expect(player.state.outcome == .completed)
    #expect(player.order.prefix(3).allSatisfy { $0.kind == .trust })
    #expect(Set(player.order.filter { $0.kind == .deploy }.compactMap(\.component)).count == 3)
    #expect(!player.order.contains { $0.kind == .generate }, "what was generated is in the same database")
    #expect(player.state.failedActions.isEmpty)
  }

  @Test("On the way back every component is put back again, and what failed is still asked about")
  func backward() throws {
    var player = try failed(at: .deploy, 3)
    player.failing = [.of(.restore, 1): 1]
    try player.decide(.abort)
    #expect(player.state.openFailures == [.of(.restore, 1)])
    #expect(player.status(.restore, 2) == .succeeded)
    try player.send(.journalRestored)
    #expect(player.state.openFailures == [.of(.restore, 1)])
    player.order = []
    try player.decide(.retry)
    #expect(player.state.outcome == .rolledBack)
    #expect(Set(player.order.filter { $0.kind == .restore }.compactMap(\.component)).count == 3)
  }
}
