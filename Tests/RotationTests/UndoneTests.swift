import Testing

@testable import Rotation

@Suite("What had succeeded and is found undone after a restart")
struct UndoneTests {
  /// Two components in two stages, the second of which cannot be activated.
  private func asking() throws -> Player {
    var player = Player(
      Sample.course([Sample.member(1), Sample.member(2, stage: 2)]), failing: [.of(.activate, 2): 1])
    try player.start()
    try player.run()
    #expect(player.state.standing == .deciding && player.status(.verify, 1) == .succeeded)
    return player
  }

  private func find(_ ids: ActionID..., in player: inout Player) throws {
    player.order = []
    try player.send(.interrupted(ids.map { .init(action: $0, failure: Sample.failure) }))
  }

  @Test("A deployment that is found undone joins the question, which is another one now")
  func asks() throws {
    var player = try asking()
    let question = player.state.question
    try find(.of(.deploy, 1), in: &player)
    #expect(player.state.standing == .deciding && player.state.question == question + 1)
    #expect(player.state.openFailures == [.of(.activate, 2), .of(.deploy, 1)])
    #expect(player.status(.activate, 1) == .waiting && player.status(.verify, 1) == .waiting)
  }

  @Test("Retry does it again with what was built on it, and goes on")
  func retry() throws {
    var player = try asking()
    try find(.of(.deploy, 1), in: &player)
    try player.decide(.retry)
    #expect(player.state.outcome == .completed)
    let deployed: [ActionID] = [.of(.deploy, 1), .of(.activate, 1), .of(.verify, 1)]
    #expect(player.order.filter { $0.component?.rawValue == 1 } == deployed)
    #expect(!player.order.contains(.of(.deploy, 2)))
  }

  @Test("A trust bundle that lost the new root gets it back before anything more is deployed")
  func trustFirst() throws {
    var player = Player(Sample.course([Sample.member(1), Sample.member(2), Sample.member(3, stage: 2)]))
    try player.start()
    while !player.pending.contains(where: { $0.id == .of(.deploy, 1) }) { try player.step() }
    let lost = player.pending.map(\.id)
    player.pending = []
    player.order = []
    try player.send(
      .interrupted((lost + [.of(.trust, 3)]).map { .init(action: $0, failure: Sample.failure) }))
    try player.decide(.retry)
    #expect(player.state.outcome == .completed)
    #expect(player.order.first == .of(.trust, 3) && player.order.contains(.of(.deploy, 1)))
  }

  @Test("Abort puts back what was found undone as well")
  func abort() throws {
    var player = try asking()
    try find(.of(.deploy, 1), in: &player)
    try player.decide(.abort)
    #expect(player.state.outcome == .rolledBack)
    #expect(player.status(.restore, 1) == .succeeded && player.status(.restore, 2) == .succeeded)
  }

  @Test("Override sets the component aside, and Continue Update goes on with it")
  func goesOn() throws {
    var aside = try asking()
    try find(.of(.verify, 1), in: &aside)
    try aside.decide(.override)
    #expect(aside.state.outcome == .completedWithErrors && aside.status(.restore, 1) == .succeeded)
    var going = try asking()
    try find(.of(.deploy, 1), in: &going)
    try going.decide(.continueUpdate)
    #expect(going.state.outcome == .completedWithErrors && going.status(.verify, 1) == .succeeded)
  }

  @Test("On the way back, files that were put back and are not as they were are put back again")
  func backward() throws {
    var player = try asking()
    player.failing[.of(.restore, 1)] = 1
    try player.decide(.abort)
    #expect(player.state.openFailures == [.of(.restore, 1)] && player.status(.restore, 2) == .succeeded)
    try find(.of(.restore, 2), in: &player)
    try player.decide(.retry)
    #expect(player.state.outcome == .rolledBack)
    #expect(player.order.prefix(2) == [.of(.restore, 2), .of(.restore, 1)], "in the order of the way back")
  }

  @Test("What is in Reroot's own keeping, or did not succeed, cannot be found undone")
  func refused() throws {
    let player = try asking()
    for id: ActionID in [.of(.generate, 1), .of(.activate, 1), .of(.verify, 2), .of(.restore, 1)] {
      var state = player.state
      #expect(throws: Refusal.self) {
        try state.apply(.interrupted([.init(action: id, failure: Sample.failure)]))
      }
      #expect(state == player.state)
    }
  }
}
