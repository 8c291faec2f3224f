import Foundation
import Testing

@testable import Rotation

@Suite("What stands in the way of a retirement, and its plan")
struct RetirementPlanTests {
  private static let now = Date(timeIntervalSince1970: 1_780_315_200)

  /// One thing that was seen, and what it means for the old root while the new one stays.
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let content: RootSighting.Content
    var isSetAside = false
    let kind: Dependency.Kind?

    static let all: [Row] = [
      .init("a certificate of the old root on the wire", .served(subject: "CN=a", roots: [Sample.old]), .presents),
      .init("one of the old root in a file", .deployed(subject: "CN=a", roots: [Sample.old]), .presents),
      .init("one of the new root", .served(subject: "CN=a", roots: [Sample.new]), nil),
      .init("one that leads to both", .served(subject: "CN=a", roots: [Sample.old, Sample.new]), nil),
      .init("one of a third root", .served(subject: "CN=a", roots: [RootKey("third")]), nil),
      .init("one that leads to no known root", .served(subject: "CN=a", roots: []), .unseen),
      .init("nobody answers", .unseen("Nothing answers at a:1."), .unseen),
      .init("no file", .missing, .unseen),
      .init("set aside, of the old root", .served(subject: "CN=a", roots: [Sample.old]), aside: true, .setAside),
      .init("set aside, but of the new root by now", .served(subject: "CN=a", roots: [Sample.new]), aside: true, nil),
      .init("set aside and silent", .unseen("Nothing answers at a:1."), aside: true, .setAside),
    ]

    init(_ name: String, _ content: RootSighting.Content, aside: Bool = false, _ kind: Dependency.Kind?) {
      (testDescription, self.content, isSetAside, self.kind) = (name, content, aside, kind)
    }
  }

  @Test("What is seen of a component says whether the old root is still needed", arguments: Row.all)
  func dependencies(_ row: Row) {
    let holder = RootHolder(
      component: Component.ID(rawValue: 1), name: "a",
      sightings: [RootSighting(place: "a:1", content: row.content, seenAt: Self.now)], isSetAside: row.isSetAside)
    let found = holder.dependencies(on: Sample.old, keeping: Sample.new)
    #expect(found.map(\.kind) == [row.kind].compactMap { $0 })
    #expect(found.allSatisfy { $0.seenAt == Self.now && $0.place == "a:1" && $0.name == "a" })
  }

  @Test("A missing file matters only where nothing is seen on the wire; every other place counts by itself")
  func places() {
    func holder(_ contents: [RootSighting.Content]) -> RootHolder {
      RootHolder(
        component: nil, name: "a",
        sightings: contents.enumerated().map {
          RootSighting(place: "p\($0.offset)", content: $0.element, seenAt: Self.now)
        })
    }
    let new = RootSighting.Content.served(subject: "CN=a", roots: [Sample.new])
    let old = RootSighting.Content.deployed(subject: "CN=a", roots: [Sample.old])
    #expect(holder([new, .missing]).dependencies(on: Sample.old, keeping: Sample.new).isEmpty)
    #expect(holder([new, old]).dependencies(on: Sample.old, keeping: Sample.new).map(\.place) == ["p1"])
    #expect(holder([]).dependencies(on: Sample.old, keeping: Sample.new).map(\.kind) == [.unseen])
  }

  @Test("The plan acts on the bundles that hold the root, and is blocked by nothing")
  func plan() throws {
    let plan = PlanMaker.make(request())
    #expect(!plan.isBlocked && plan.allProblems.isEmpty && plan.refusals.isEmpty)
    #expect(plan.retires?.key == Sample.old)
    #expect(plan.components.map { $0.actions.map(\.kind) } == [[.trust], [], []])
    #expect(plan.components[0].actions[0].sentence.contains("take “Old” out of /srv/a/bundle.pem"))
    #expect(plan.components[1].notes == ["Its trust bundle does not hold this root: nothing is done here."])
    let course = plan.course(parallel: 2)
    #expect(course.purpose == .retirement && course.root == Sample.new && course.retires == Sample.old)
  }

  @Test("Every dependency blocks, with what to do about it", arguments: Dependency.Kind.allCases)
  func blocked(_ kind: Dependency.Kind) throws {
    let dependency = Dependency(
      component: Component.ID(rawValue: 2), name: "b", kind: kind, place: "b:1", sentence: "Something.",
      seenAt: Self.now)
    let plan = PlanMaker.make(request(dependencies: [dependency]))
    #expect(plan.isBlocked)
    #expect(plan.components[1].problems.map(\.code) == [kind.code])
    #expect(plan.components[1].problems[0].advice.count > 20)
  }

  @Test("The console itself, the last root of a bundle, an unreadable bundle and the root in force forbid it too")
  func forbidden() throws {
    let console = Dependency(
      component: nil, name: "This console", kind: .presents, place: "this console", sentence: "It.", seenAt: Self.now)
    #expect(PlanMaker.make(request(dependencies: [console])).problems.map(\.code) == ["DEPENDS_ON_ROOT"])
    #expect(PlanMaker.make(request(accepts: [Sample.old])).components[0].problems.map(\.code) == ["LAST_ROOT"])
    let unreadable = Problem(code: "BUNDLE_UNREADABLE", sentence: "No PEM.", advice: "Look.")
    #expect(PlanMaker.make(request(accepts: [], problems: [unreadable])).isBlocked)
    #expect(PlanMaker.make(request(retires: Sample.new)).problems.map(\.code) == ["ROOT_IN_FORCE"])
  }

  @Test("A connection that would break without the root forbids it, and is named")
  func wouldBreak() throws {
    // “b” presents a certificate of the old root, which only “a” accepts, and no look has told so.
    var request = request()
    for index in request.components.indices { request.components[index].component.usage = .both }
    request.components[2].findings.presents = Sample.old
    let plan = PlanMaker.make(request)
    #expect(plan.isBlocked && plan.problems.map(\.code) == ["CONNECTIONS_WOULD_BREAK"])
    #expect(plan.refusals.contains { Set([$0.client, $0.server]) == ["a", "b"] })
  }

  @Test("What else was found is a problem only where something is done, and is told once")
  func otherProblems() throws {
    let silent = Problem(code: "NOTHING_ANSWERS", sentence: "Nothing answers at a:1.", advice: "Look.")
    let expired = Problem(code: "CERTIFICATE_EXPIRED", sentence: "It ended.", advice: "Look.")
    let early = Problem(code: "CERTIFICATE_NOT_YET_VALID", sentence: "It begins later.", advice: "Look.")
    let program = Problem(code: "NO_PROGRAM", sentence: "There is no /bin/x.", advice: "Look.")
    let unseen = Dependency(
      component: Component.ID(rawValue: 1), name: "a", kind: .unseen, place: "a:1",
      sentence: "Nothing answers at a:1.", seenAt: Self.now)
    let acting = PlanMaker.make(request(problems: [silent, expired, early, program], dependencies: [unseen]))
    #expect(acting.components[0].problems.map(\.code) == ["NOT_SEEN", "NO_PROGRAM"])
    let idle = PlanMaker.make(request(accepts: [Sample.new], problems: [program]))
    #expect(idle.components[0].problems.isEmpty)
  }

  private func request(
    retires: RootKey = Sample.old, accepts: Set<RootKey> = [Sample.old, Sample.new], problems: [Problem] = [],
    dependencies: [Dependency] = []
  ) -> RetirementRequest {
    func component(_ number: Int64, _ name: String, bundle: Bool) -> Component {
      Component(
        id: Component.ID(rawValue: number), name: name, names: [.dns(name)],
        files: FileLayout(
          certificateChain: "/srv/\(name)/cert.pem", key: "/srv/\(name)/key.pem",
          trustBundle: bundle ? "/srv/\(name)/bundle.pem" : nil))
    }
    return RetirementRequest(
      retires: RetiredRoot(name: "Old", subject: "CN=Old", key: retires),
      kept: PlannedRoot(
        id: 2, name: "New", subject: "CN=New", key: Sample.new, notBefore: Self.now - 9, notAfter: Self.now + 9),
      components: [
        (component(3, "c", bundle: false), Findings(presents: Sample.new)),
        (
          component(1, "a", bundle: true),
          Findings(presents: Sample.new, accepts: accepts, problems: problems)
        ),
        (component(2, "b", bundle: true), Findings(presents: Sample.new, accepts: [Sample.new])),
      ],
      dependencies: dependencies, now: Self.now)
  }
}
