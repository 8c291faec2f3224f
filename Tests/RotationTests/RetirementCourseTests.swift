import Foundation
import Testing

@testable import Rotation

@Suite("The course of a retirement")
struct RetirementCourseTests {
  @Test("It changes the bundles that hold the root, stage by stage, and nothing else")
  func course() throws {
    var player = Player(
      Sample.retirement([
        Sample.moved(1, stage: 2), Sample.moved(2), Sample.moved(3, accepts: [Sample.new]),
        Sample.moved(4, accepts: nil),
      ]))
    try player.start()
    try player.run()
    #expect(player.order == [.of(.trust, 2), .of(.trust, 1)])
    #expect(player.state.outcome == .completed)
    #expect(player.state.offers == [.abort])
  }

  @Test("Where no bundle holds the root, it ends at once")
  func nothingToDo() throws {
    var player = Player(Sample.retirement([Sample.moved(1, accepts: [Sample.new])]))
    try player.start()
    #expect(player.order.isEmpty)
    #expect(player.state.outcome == .completed)
  }

  @Test("Abort puts back every bundle that was touched, the last stage first")
  func abort() throws {
    let members = [Sample.moved(1), Sample.moved(2, stage: 2), Sample.moved(3, stage: 3)]
    var player = Player(Sample.retirement(members), failing: [.of(.trust, 2): 1])
    try player.start()
    try player.run()
    #expect(player.state.standing == .deciding)
    player.order = []
    try player.decide(.abort)
    #expect(player.order == [.of(.restoreTrust, 2), .of(.restoreTrust, 1)])
    #expect(player.state.outcome == .rolledBack)
    #expect(player.state.action(.of(.trust, 3))?.skipped == .aborted)
  }

  @Test("Override gives the one component its bundle back and goes on with the others")
  func override() throws {
    var player = Player(Sample.retirement([Sample.moved(1), Sample.moved(2, stage: 2)]), failing: [.of(.trust, 1): 1])
    try player.start()
    try player.run()
    try player.decide(.override)
    #expect(player.order == [.of(.trust, 1), .of(.restoreTrust, 1), .of(.trust, 2)])
    #expect(player.state.outcome == .completedWithErrors)
    #expect(player.state.isSetAside(Component.ID(rawValue: 1)))
    // Retried after the end it is taken out there too.
    try player.decide(.retry, actions: [.of(.trust, 1)])
    #expect(player.state.outcome == .completed)
  }

  @Test("Continue Update tries the rest and offers Retry and Abort at the end")
  func continues() throws {
    var player = Player(Sample.retirement([Sample.moved(1), Sample.moved(2, stage: 2)]), failing: [.of(.trust, 1): 1])
    try player.start()
    try player.run()
    try player.decide(.continueUpdate)
    #expect(player.status(.trust, 2) == .succeeded)
    #expect(player.state.outcome == .completedWithErrors)
    #expect(player.state.offers == [.retry, .abort])
  }

  @Test("An update that was interrupted asks, and Abort puts the bundle back that was in flight")
  func interrupted() throws {
    var player = Player(Sample.retirement([Sample.moved(1)]))
    try player.start()
    player.pending = []
    try player.send(.interrupted([.init(action: .of(.trust, 1), failure: Sample.failure)]))
    #expect(player.state.standing == .deciding)
    try player.decide(.abort)
    #expect(player.state.action(.of(.restoreTrust, 1))?.status == .succeeded)
    #expect(player.state.outcome == .rolledBack)
  }

  @Test("Each decision says what it would do to trust, and that no connection would break")
  func consequences() throws {
    var player = Player(
      Sample.retirement([Sample.moved(1), Sample.moved(2), Sample.moved(3, stage: 2)]), failing: [.of(.trust, 2): 1])
    try player.start()
    try player.run()
    let said = Dictionary(player.state.consequences.map { ($0.kind, $0) }, uniquingKeysWith: { first, _ in first })
    #expect(
      said[.override]?.sentence
        == "Ignores 1 error; sets 1 component aside on the former trust bundle, with the old root, and goes on with the "
        + "remaining 1 component.")
    #expect(
      said[.continueUpdate]?.sentence
        == "Disregards 1 error and every further one; takes the old root out of the trust bundles of the remaining "
        + "1 component. Never asks again.")
    #expect(
      said[.abort]?.sentence
        == "Gives 2 components the former trust bundle back, byte for byte, activates it and verifies that each serves "
        + "what it served.")
    #expect(said[.retry]?.components == ["c2"])
    #expect(said.values.allSatisfy { $0.refusalCount == 0 })
  }

  @Test("A component that presents the old root all the same would be refused, and the prediction says so")
  func predicted() throws {
    var late = Sample.moved(2)
    late.presentsBefore = Sample.old
    var player = Player(Sample.retirement([Sample.moved(1), late]), failing: [.of(.trust, 1): 1])
    try player.start()
    try player.run()
    let said = try #require(player.state.consequences.first { $0.kind == .continueUpdate })
    // c1 failed and is taken to accept what it did; c2 itself accepts nobody of the old root any more.
    #expect(said.refusalCount == 0)
    let all = Player(Sample.retirement([Sample.moved(1), late])).state
    let sides = all.course.members.map {
      Connections.Side(member: $0, presents: all.course.presentsAfter($0), accepts: all.course.acceptsAfter($0))
    }
    #expect(Connections(sides).refused(moment: "then", onlyNew: true).count == 2)
  }

  @Test("A course and a plan of a database of before are those of a renewal")
  func formerTexts() throws {
    let course = try JSONDecoder().decode(
      Course.self,
      from: Data(
        #"{"members":[],"root":{"fingerprint":"new"},"policy":"stop","changesHTTPS":true,"parallel":4}"#.utf8))
    #expect(course == Course(members: [], root: Sample.new, policy: .stop, changesHTTPS: true, parallel: 4))
    #expect(course.purpose == .renewal)
    let plan = try JSONDecoder().decode(
      Plan.self,
      from: Data(
        """
        {"root":{"id":1,"name":"New","subject":"CN=New","key":{"fingerprint":"new"},"notBefore":0,"notAfter":9},
         "months":12,"childNotAfter":5,"policy":"stop","https":{"existing":{}},"components":[],"problems":[],
         "refusals":[],"estimatedSeconds":1,"madeAt":1}
        """.utf8))
    #expect(plan.retires == nil)
    #expect(plan.course(parallel: 1).purpose == .renewal)
  }
}
