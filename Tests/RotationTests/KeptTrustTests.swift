import Foundation
import Testing

@testable import Rotation

@Suite("Trust bundles that need no other root") struct KeptTrustTests {
  private static let now = Date(timeIntervalSince1970: 1_900_000_000)

  @Test("Where all present a certificate of the root and accept it, no bundle is laid and nothing is activated twice")
  func kept() {
    let plan = PlanMaker.make(request([Sample.new, Sample.new], accepts: [[Sample.new], nil]))
    let kinds: [ActionKind] = [.generate, .deploy, .activate, .verify]
    #expect(plan.components.map { $0.actions.map(\.kind) } == [kinds, kinds])
    #expect(plan.components[0].notes.contains { $0.hasPrefix("/srv/0/bundle.pem holds the root already") })
    let course = plan.course(parallel: 2)
    #expect(course.members.filter(course.changesTrust).isEmpty)
    #expect(UpdateState(course: course).allActions.filter { $0.id.kind == .trust }.isEmpty)
  }

  @Test(
    "One that presents another root, whose certificate could not be read, or that does not accept it, has all of them laid",
    arguments: [
      ([Sample.new, Sample.old], [[Sample.new], [Sample.new, Sample.old]]),
      ([Sample.new, nil], [[Sample.new], [Sample.new]]),
      ([Sample.new, Sample.new], [[Sample.new], [Sample.old]]),
      ([Sample.new, Sample.new], [[Sample.new], []]),
    ] as [([RootKey?], [Set<RootKey>?])])
  func laid(presents: [RootKey?], accepts: [Set<RootKey>?]) {
    let plan = PlanMaker.make(request(presents, accepts: accepts))
    #expect(plan.components.filter(\.changesTrust).count == 2)
    let course = plan.course(parallel: 2)
    #expect(course.members.filter(course.changesTrust) == course.members)
  }

  @Test("An update goes from generating to replacing, and Abort puts back what was replaced, and no bundle")
  func abort() throws {
    let course = PlanMaker.make(request([Sample.new, Sample.new], accepts: [[Sample.new], [Sample.new]]))
      .course(parallel: 1)
    var player = Player(course, failing: [.of(.verify, 2): 1])
    try player.start()
    try player.run()
    #expect(player.state.standing == .deciding)
    try player.decide(.abort)
    #expect(player.state.outcome == .rolledBack)
    #expect(player.order.filter { $0.kind.isRestoring }.map(\.kind) == [.restore, .restore])
  }

  @Test("The course of an earlier version, which does not say, lays every bundle")
  func former() throws {
    let course = PlanMaker.make(request([Sample.new], accepts: [[Sample.new]])).course(parallel: 1)
    var text = String(decoding: try JSONEncoder().encode(course), as: UTF8.self)
    #expect(text.contains(#""keepsTrust":true"#))
    text = text.replacing(#","keepsTrust":true"#, with: "").replacing(#""keepsTrust":true,"#, with: "")
    let former = try JSONDecoder().decode(Course.self, from: Data(text.utf8))
    #expect(former.members.filter(former.changesTrust) == former.members)
  }

  @Test("Certificates are made for more components at once than are worked on, unless a target makes a key for one")
  func generating() {
    let plan = PlanMaker.make(request([Sample.new], accepts: [[Sample.new]]))
    #expect(plan.course(parallel: 3).generating == 12)
    #expect(plan.course(parallel: 64).generating == 64)
    #expect(plan.course(parallel: 1).generating == nil)
    var request = request([Sample.new], accepts: [[Sample.new]])
    request.components[0].component.keyMade = .onTarget
    #expect(PlanMaker.make(request).course(parallel: 3).generating == nil)
  }

  @Test("Components that only settle are beside those that are worked on, unless one is to come after the other")
  func settling() {
    let plan = PlanMaker.make(request([Sample.new], accepts: [[Sample.new]]))
    #expect(plan.course(parallel: 3).settling == 9)
    #expect(plan.course(parallel: 64).settling == 48)
    #expect(plan.course(parallel: 1).settling == nil)
    var retirement = plan
    retirement.retires = RetiredRoot(name: "Old", subject: "CN=Old", key: Sample.old)
    #expect(retirement.course(parallel: 3).settling == nil)
  }

  private func request(_ presents: [RootKey?], accepts: [Set<RootKey>?]) -> PlanRequest {
    let components = zip(presents, accepts).enumerated().map { index, found in
      let files = FileLayout(
        certificateChain: "/srv/\(index)/cert.pem", key: "/srv/\(index)/key.pem",
        trustBundle: found.1.map { _ in "/srv/\(index)/bundle.pem" })
      let component = Component(
        id: Component.ID(rawValue: Int64(index + 1)), name: "c\(index)", names: [.dns("c\(index)")], files: files)
      return (component: component, findings: Findings(presents: found.0, accepts: found.1))
    }
    let root = PlannedRoot(
      id: 1, name: "New", subject: "CN=New", key: Sample.new, notBefore: Self.now - 9,
      notAfter: Self.now + 400 * 86_400)
    return PlanRequest(
      root: root, months: 3, policy: .stop, https: .existing, components: components, now: Self.now)
  }
}
