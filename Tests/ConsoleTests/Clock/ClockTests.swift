import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("This machine's clock and the certificates", .timeLimit(.minutes(2))) struct ClockTests {
  private static let day: TimeInterval = 86_400

  private func check(
    setBy: TimeInterval = 0, written: TimeInterval? = nil, ends: TimeInterval? = nil, console: Certificate? = nil,
    root: TestRoot? = nil
  ) -> ClockCheck {
    let now = TestClock.start
    return ClockCheck(
      now: now, setBy: setBy,
      evidence: TimeEvidence(
        lastWrittenAt: written.map { now + $0 }, memberCount: ends == nil ? 0 : 3, lastMemberEnds: ends.map { now + $0 }
      ),
      console: console, root: root.map { ("Root", $0.certificate) })
  }

  @Test("What cannot be is told, and what may be is not", arguments: [(300.0, false), (301, true), (-5, false)])
  func written(_ ahead: TimeInterval, _ isTold: Bool) {
    let found = check(written: ahead)
    #expect((found.banner != nil) == isTold)
    #expect(found.contradictions.isEmpty != isTold)
  }

  @Test("A root that is not valid yet, and one that has ended, are told with their dates")
  func roots() throws {
    let early = check(root: try TestRoot("Early", from: 60))
    #expect(early.contradictions.first?.contains("begins to be valid only at 1 Jun 2026, 12:01 UTC") == true)
    #expect((early.banner?["title"] as? String) == "This machine’s clock disagrees with what is known")
    let late = check(root: try TestRoot("Late", from: -2 * Self.day, to: -Self.day))
    #expect(late.contradictions.isEmpty)
    #expect(late.endings == ["The root certificate “Root” in force ended at 31 May 2026, 12:00 UTC."])
    #expect((late.banner?["title"] as? String) == "Certificates have expired, or this machine’s clock is wrong")
    #expect(check(root: try TestRoot("Good")).banner == nil)
  }

  @Test("That all components' certificates have ended is told from the second on in which the last one does")
  func members() {
    #expect(check(ends: 1).endings.isEmpty)
    #expect(
      check(ends: 0).endings == [
        "The certificates of all 3 components in force have ended, the last of them at 1 Jun 2026, 12:00 UTC."
      ])
  }

  @Test(
    "A clock that was set is told with how far, and by itself is no reason to doubt",
    arguments: [
      (-86_400.0, "back by 24 hours"), (400.0 * 86_400.0, "forward by 400 days"), (600.0, "forward by 10 minutes"),
    ] as [(TimeInterval, String)])
  func set(_ seconds: TimeInterval, _ words: String) {
    let found = check(setBy: seconds)
    #expect(found.jump == "It was set \(words) since Reroot was started.")
    #expect((found.banner?["tone"] as? String) == "note")
    #expect(check(setBy: 300).banner == nil && check(setBy: -300).banner == nil)
  }

  @Test("Every page says it and the plan too; nothing is started by a clock that is behind the plan, nor signed")
  func behind() async throws {
    try await withSystem { system in
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      let plan = try await system.plan()
      #expect(!plan.says("CLOCK_IN_DOUBT"))
      system.console.clock.advance(-Self.day)
      for path in ["/roots", "/components", "/updates/\(id)"] {
        let page = try await system.browser.get(path)
        #expect(page.says("This machine’s clock disagrees with what is known"), "\(path)")
        #expect(page.says("by this clock is still 24 hours away"), "\(path)")
      }
      let refused = try await system.browser.submit(plan, "/updates", ["acceptProblems": "yes"])
      #expect(refused.status == 409)
      #expect(refused.says("By this machine's clock this plan was made in the future"))
      #expect(try await system.plan().says("CLOCK_IN_DOUBT"))
    }
  }

  @Test("A clock that is set back between the plan and the signature fails the action, and Retry mends it")
  func whileGenerating() async throws {
    try await withSystem { system in
      try await system.failGenerating("web")
      let id = try await system.start()
      #expect(try await system.settled(id).standing == .deciding)
      system.console.clock.advance(-400 * Self.day)
      let browser = try await system.console.browser()
      let form = try #require(
        PageForm.all(try await browser.get("/updates/\(id)").html).first { $0.value("decision") == "retry" })
      #expect(try await browser.post(form.action, form.fields.map { ($0.name, $0.value) }).status == 303)
      let state = try await system.settled(id)
      let failure = try #require(state.action(ActionID(.generate, system.id("web")))?.failure)
      #expect(failure.code == "CLOCK_SET_BACK")
      #expect(failure.sentence.contains("the clock was set back since, and no certificate is signed by it"))
      system.console.clock.advance(400 * Self.day)
      try await system.mendGenerating()
      #expect(try await TestSystem.taking(system, system.console).decide(id, .retry).outcome == .completed)
      let issued = try #require(try await system.store.newestIssued(id, component: system.id("web")))
      #expect(issued.certificate.notAfter == Validity.end(of: 12, from: TestClock.start))
    }
  }

  @Test("The console's own certificate that a clock from the future has made is made anew at the next start")
  func ownFromTheFuture() async throws {
    let folder = try TemporaryFolder()
    let clock = TestClock()
    clock.advance(400 * Self.day)
    let first = try await TestConsole(folder: folder, clock: clock)
    try await first.stop()
    clock.advance(-400 * Self.day)
    let second = try await TestConsole(folder: folder, clock: clock)
    let leaf = try #require(second.console.services.https.current.chain.first)
    #expect(leaf.notBefore <= clock.now && leaf.notAfter > clock.now)
    try await second.stop()
  }

  @Test("A session goes on when the clock is set back, and does not last until it comes there again")
  func sessions() async throws {
    try await withConsole { console in
      console.clock.advance(400 * Self.day)
      let browser = try await console.browser()
      #expect(try await browser.get("/roots").status == 200)
      console.clock.advance(-400 * Self.day)
      #expect(try await browser.get("/roots").status == 200)
      console.clock.advance(Store.sessionIdleLimit + 1)
      #expect(try await browser.get("/roots").status == 303)
    }
  }

  @Test("Failed attempts that lie in the future lock nobody out until then")
  func attempts() async throws {
    try await withConsole { console in
      let counts = [SignInCount.place("192.0.2.1", name: "ada"), .strangers(name: "ada")]
      for _ in 0..<60 { try await console.store.recordFailedSignIn(counts) }
      for count in counts { #expect(try await console.store.signInDelay([count]) != nil) }
      console.clock.advance(-Self.day)
      #expect(try await console.store.signInDelay(counts) == nil)
    }
  }

  @Test("An upload that was held before the clock was set back is gone")
  func uploads() async throws {
    try await withConsole { console in
      let root = try TestRoot("Root")
      let token = try await console.store.holdImport(
        certificate: root.certificate, key: root.identity.key,
        details: .init(fileName: "root.pfx", friendlyName: nil, warnings: [], uploadedBy: "ada"))
      console.clock.advance(-200)
      #expect(try await console.store.heldImport(token) != nil)
      console.clock.advance(-Self.day)
      #expect(try await console.store.heldImport(token) == nil)
    }
  }
}
