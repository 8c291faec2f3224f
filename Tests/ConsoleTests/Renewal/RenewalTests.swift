import Foundation
import GRDB
import Logging
import PKI
import Rotation
import Synchronization
import Testing

@testable import Console
@testable import Store

@Suite("Renewals", .timeLimit(.minutes(3))) struct RenewalTests {
  private static let day: TimeInterval = 86_400

  /// A system that was updated to the new root for a year, and a desk that renews it 30 days before that ends.
  private struct Renewing {
    let system: TestSystem
    let desk: RenewalDesk
    let holds = Holds()
    let times = Times()
    var store: Store { system.store }

    init(_ system: TestSystem, lead: String = "30 days", windows: String = "") async throws {
      self.system = system
      let first = try await system.start()
      try #require(try await system.settled(first).outcome == .completed)
      let (holds, times, services) = (holds, times, system.console.console.services)
      let clock = system.console.clock
      let (store, https) = (system.store, services.https)
      desk = RenewalDesk(
        .init(
          store: store, updates: services.updates, clock: { clock.now },
          clockCheck: {
            ClockCheck(
              now: clock.now, setBy: times.setBy, evidence: try await store.timeEvidence(), console: nil, root: nil)
          }, uptime: { .seconds(times.uptime) }, isRestored: { times.isRestored },
          notify: { hold, _ in holds.add(hold) },
          logger: Logger(label: "renewal") { _ in SwiftLogNoOpLogHandler() }))
      _ = https
      try await store.set("renewal", to: lead)
      try await store.set("renewal_windows", to: windows)
      try await store.set("renewal_zone", to: "UTC")
    }

    /// Lets time pass, and signs in again: no session lasts so long.
    func advance(days: Double) async throws {
      system.console.clock.advance(days * RenewalTests.day)
      let user = try #require(try await store.user(name: TestConsole.name))
      system.browser.set(SessionCookie.name, cookie: try await store.createSession(user))
    }

    /// Looks, and expects an update that comes to its end or to a question.
    func renewed() async throws -> (UpdateRecord, UpdateState) {
      let result = await desk.look()
      guard case .started(let id) = result else {
        let last = try await store.lastRenewal()
        throw BrowserError(description: "not started: \(result) \(last?.sentence ?? "-")")
      }
      return (try await store.update(id), try await system.settled(id))
    }
  }

  /// What was said to be in the way.
  private final class Holds: Sendable {
    private let kept = Mutex<[RenewalHold]>([])
    var all: [RenewalHold] { kept.withLock { $0 } }
    func add(_ hold: RenewalHold) { kept.withLock { $0.append(hold) } }
  }

  private final class Times: Sendable {
    private let state = Mutex((setBy: 0.0, uptime: 0.0, isRestored: false))
    var setBy: Double {
      get { state.withLock { $0.setBy } }
      set { state.withLock { $0.setBy = newValue } }
    }
    var uptime: Double {
      get { state.withLock { $0.uptime } }
      set { state.withLock { $0.uptime = newValue } }
    }
    var isRestored: Bool {
      get { state.withLock { $0.isRestored } }
      set { state.withLock { $0.isRestored = newValue } }
    }
  }

  private func withRenewing(
    lead: String = "30 days", windows: String = "", _ body: (Renewing) async throws -> Void
  ) async throws {
    try await withSystem { try await body(try await Renewing($0, lead: lead, windows: windows)) }
  }

  @Test("Nothing is renewed while the setting is off, whatever the date")
  func off() async throws {
    try await withRenewing(lead: "off") { (renewing: Renewing) async throws in
      try await renewing.advance(days: 360)
      #expect(await renewing.desk.look() == .nothing)
      #expect(try await renewing.desk.standing() == .off)
      #expect(try await renewing.store.updates().count == 1)
    }
  }

  @Test("A second before it is due nothing happens; then an ordinary update under the same root is started, with Stop")
  func renews() async throws {
    try await withRenewing { (renewing: Renewing) async throws in
      let lives = try await renewing.store.certificateLives()
      let due = try #require(lives.map(\.end).min()).addingTimeInterval(-30 * Self.day)
      #expect(try await renewing.desk.standing() == .notDue(due))
      renewing.system.console.clock.advance(due.timeIntervalSince(renewing.system.console.clock.now) - 1)
      #expect(await renewing.desk.look() == .nothing)
      renewing.system.console.clock.advance(1)
      let (update, state) = try await renewing.renewed()
      #expect(state.outcome == .completed)
      #expect(state.course.policy == .stop)
      #expect(update.root == renewing.system.newID && update.startedBy == "renewal")
      #expect(try await renewing.store.plan(update.plan).months == 12)
      let after = try await renewing.store.certificateLives()
      #expect(after.count == 2 && after.allSatisfy { $0.end > due.addingTimeInterval(365 * Self.day) })
      #expect(await renewing.desk.look() == .nothing)
      #expect(renewing.holds.all.isEmpty)
    }
  }

  @Test("The update, its plan and its start stand on the pages and in the audit log, done by Reroot itself")
  func visible() async throws {
    try await withRenewing(lead: "10 %") { renewing in
      try await renewing.advance(days: 340)
      let (update, _) = try await renewing.renewed()
      let list = try await renewing.system.browser.get("/updates")
      #expect(list.says("renewal"))
      #expect(try await renewing.system.journal(update.id).contains { $0.contains("renewal") })
      let entries = try await renewing.store.auditEntries(before: nil, limit: 50)
      for event in [AuditEvent.planMade, .updateStarted] {
        #expect(entries.contains { $0.event == event.rawValue && $0.author.kind == .reroot }, "\(event)")
      }
    }
  }

  @Test(
    "A failure stops and asks as in any other update, and nothing else is begun until it is decided and a day is over")
  func failure() async throws {
    try await withRenewing { (renewing: Renewing) async throws in
      try await renewing.advance(days: 340)
      renewing.system.targets.arm(.activate, at: "web", times: 9)
      let (update, state) = try await renewing.renewed()
      #expect(state.standing == .deciding)
      try await renewing.advance(days: 2)
      guard case .waits(_, let reason) = try await renewing.desk.standing() else {
        Issue.record("it does not wait")
        return
      }
      #expect(reason == "Update \(update.id) has not ended.")
      #expect(await renewing.desk.look() == .nothing)
      renewing.system.targets.disarm()
      #expect(try await renewing.system.decide(update.id, .abort).outcome == .rolledBack)
      // The attempt is two days old by now.
      let (second, end) = try await renewing.renewed()
      #expect(second.id != update.id && end.outcome == .completed)
    }
  }

  @Test("What a plan only warns of holds nothing up: certificates that have ended already are renewed")
  func warning() async throws {
    try await withRenewing { (renewing: Renewing) async throws in
      try await renewing.advance(days: 370)
      let (update, state) = try await renewing.renewed()
      #expect(state.outcome == .completed)
      let problems = try await renewing.store.plan(update.plan).allProblems
      #expect(problems.contains { $0.code == "CERTIFICATE_EXPIRED" } && !problems.contains(where: \.isBlocking))
      let entry = try await renewing.store.auditEntries(limit: 50).first { $0.event == "update.started" }
      #expect(entry?.details["accepts problems"] == "yes")
    }
  }

  @Test("A start that cannot be noted is a start all the same, and nobody is told that nothing was started")
  func notNoted() async throws {
    try await withRenewing { (renewing: Renewing) async throws in
      try await renewing.advance(days: 340)
      try await renewing.store.write {
        try $0.execute(
          sql: """
            CREATE TRIGGER broken BEFORE UPDATE ON renewals WHEN NEW.code = 'STARTED'
            BEGIN SELECT RAISE(ABORT, 'broken'); END
            """)
      }
      #expect(try await renewing.renewed().1.outcome == .completed)
      #expect(renewing.holds.all.isEmpty)
      #expect(try await !renewing.store.auditEntries(limit: 50).contains { $0.event == "renewal.held" })
    }
  }

  @Test(
    "Settings that cannot be read are said once a day, on the page and over the API, until they are set anew",
    arguments: [
      (RenewalSettings.leadKey, "soon"), (RenewalSettings.zoneKey, "Atlantis/Center"),
      (RenewalSettings.windowsKey, "whenever"),
    ])
  func unreadable(_ key: String, _ kept: String) async throws {
    try await withRenewing { (renewing: Renewing) async throws in
      let console = renewing.system.console
      #expect(try await RenewalAPI.json(renewing.desk)["standing"] == "notDue")
      try await renewing.store.set(key, to: kept)
      #expect(await renewing.desk.look() == .held(code: "SETTINGS_UNREADABLE"))
      #expect(await renewing.desk.look() == .nothing)
      #expect(renewing.holds.all.count == 1 && renewing.holds.all[0].path == "/settings")
      let page = try await renewing.system.browser.get("/updates")
      #expect(page.says("Nothing is renewed") && page.says("cannot be read: “\(kept)”"), "\(page)")
      let told = try await Program(console, .viewer).get("/renewal").json
      #expect(told["standing"] == "unreadable" && told["held"]?.text?.contains(kept) == true)
      #expect(RenewalAPI.schema.problems(told) == [])
      try await renewing.advance(days: 1.1)
      #expect(await renewing.desk.look() == .held(code: "SETTINGS_UNREADABLE"))
      // The page shows the usual value in its place, which can be saved.
      let form = try await renewing.system.browser.get("/settings")
      #expect(try await renewing.system.browser.submit(form, "/settings").status == 303)
      #expect(try await renewing.store.setting(key) != kept)
    }
  }

  @Test(
    "A plan with a problem that forbids it is not started: it is said once a day, with the plan, audited, and kept over a restart"
  )
  func problem() async throws {
    try await withRenewing { (renewing: Renewing) async throws in
      try await renewing.advance(days: 340)
      renewing.system.targets.setReadable(false, "/srv/web/key.pem")
      #expect(await renewing.desk.look() == .held(code: "PLAN_BLOCKED"))
      for _ in 0..<3 { #expect(await renewing.desk.look() == .nothing) }
      let hold = try #require(renewing.holds.all.first)
      #expect(renewing.holds.all.count == 1 && hold.path.hasPrefix("/plans/"))
      #expect(try await renewing.system.browser.get("/updates").says("A renewal was not started"))
      #expect(try await renewing.system.browser.get(hold.path).status == 200)
      let entries = try await renewing.store.auditEntries(before: nil, limit: 5)
      #expect(entries.contains { $0.event == "renewal.held" })
      try await renewing.advance(days: 0.99)
      #expect(await renewing.desk.look() == .nothing)
      try await renewing.advance(days: 0.02)
      #expect(await renewing.desk.look() == .held(code: "PLAN_BLOCKED"))
      #expect(try await renewing.store.updates().count == 1)
    }
  }

  @Test("It begins inside of a maintenance window only, and once in each")
  func windows() async throws {
    // The clock stands at noon UTC.
    try await withRenewing(windows: "daily 22:00-04:00") { renewing in
      try await renewing.advance(days: 340)
      guard case .waits(_, let reason) = try await renewing.desk.standing() else {
        Issue.record("it does not wait")
        return
      }
      #expect(reason.hasPrefix("The next maintenance window opens at 7 May 2027, 22:00 UTC"))
      try await renewing.advance(days: 10.5 / 24)
      renewing.system.targets.arm(.activate, at: "web", times: 9)
      let (update, _) = try await renewing.renewed()
      try await renewing.system.decide(update.id, .abort)
      try await renewing.advance(days: 4.0 / 24)
      #expect(await renewing.desk.look() == .nothing)
      renewing.system.targets.disarm()
      try await renewing.advance(days: 20.0 / 24)
      #expect(try await renewing.renewed().1.outcome == .completed)
    }
  }

  @Test("With the second person required it starts nothing, and says so")
  func secondPerson() async throws {
    try await withRenewing { (renewing: Renewing) async throws in
      _ = try await renewing.system.console.user(.operator)
      try await renewing.store.switchSecondPersonOn()
      try await renewing.advance(days: 340)
      #expect(await renewing.desk.look() == .held(code: "SECOND_PERSON_NEEDED"))
      #expect(renewing.holds.all.first?.sentence.contains("“New root”") == true)
      #expect(try await renewing.store.updates().count == 1)
    }
  }

  @Test("A clock that contradicts what is known starts nothing; one that was set is believed after a day")
  func clocks() async throws {
    try await withRenewing { (renewing: Renewing) async throws in
      try await renewing.advance(days: 340)
      renewing.times.setBy = 86_400
      #expect(await renewing.desk.look() == .held(code: "CLOCK_IN_DOUBT"))
      try await renewing.advance(days: 1.1)
      renewing.times.uptime = 86_399
      #expect(await renewing.desk.look() == .held(code: "CLOCK_IN_DOUBT"))
      try await renewing.advance(days: 1.1)
      renewing.times.uptime = 86_400
      #expect(try await renewing.renewed().1.outcome == .completed)
    }
  }

  @Test("A clock that was far ahead at an attempt and is right again does not put the next one off")
  func attemptInTheFuture() async throws {
    try await withRenewing { (renewing: Renewing) async throws in
      try await renewing.advance(days: 700)
      let attempt = try await renewing.store.beginRenewal()
      try await renewing.store.endRenewal(attempt, code: "CLOCK_IN_DOUBT", sentence: "It was.")
      try await renewing.advance(days: -360)
      #expect(try await renewing.renewed().1.outcome == .completed)
    }
  }

  @Test("An attempt that a crash cut short is made again after an hour, and a restored database is compared first")
  func cutShort() async throws {
    try await withRenewing { (renewing: Renewing) async throws in
      try await renewing.advance(days: 340)
      renewing.times.isRestored = true
      #expect(await renewing.desk.look() == .nothing)
      renewing.times.isRestored = false
      _ = try await renewing.store.beginRenewal()
      #expect(await renewing.desk.look() == .nothing)
      try await renewing.advance(days: 1.0 / 24)
      #expect(try await renewing.renewed().1.outcome == .completed)
    }
  }

  @Test("What would be due again at once is not renewed: a root that ends soon, a setting that is longer than the life")
  func noUse() async throws {
    try await withRenewing(lead: "730 days") { (renewing: Renewing) async throws in
      #expect(await renewing.desk.look() == .held(code: "RENEWAL_TOO_EARLY"))
      #expect(renewing.holds.all.first?.path == "/settings")
      #expect(try await renewing.store.updates().count == 1)
    }
    try await withRenewing { (renewing: Renewing) async throws in
      let end = renewing.system.new.certificate.notAfter
      let days = end.timeIntervalSince(renewing.system.console.clock.now) / Self.day
      try await renewing.advance(days: days - 20)
      #expect(await renewing.desk.look() == .held(code: "ROOT_ENDS_TOO_SOON"))
      #expect(renewing.holds.all.first?.sentence.contains("“New root” ends on") == true)
    }
  }
}
