import Foundation
import Rotation
import Testing

@testable import Console
@testable import PKI
@testable import Store

@Suite("Every act leaves its entry in the audit log", .timeLimit(.minutes(3))) struct AuditTrailTests {
  @Test("Over every way that changes something: which entry, who, from where, what; and each kind of entry is seen")
  func everyAct() async throws {
    let trail = AuditTrail()
    try await firstAdministrator(trail)
    try await signIn(trail)
    try await ownAccount(trail)
    try await users(trail)
    try await certificates(trail)
    try await components(trail)
    try await settings(trail)
    try await updates(trail)
    try await agreements(trail)
    try await interruptions(trail)
    // Of what only reads, what leaves the console as a file is recorded.
    let exports = ["GET /components/export", "GET /audit/export.csv", "GET /audit/export.jsonl"]
    let changing = RouteTable().routes.map { "\($0.method) \($0.path)" }.filter { route in
      !route.hasPrefix("GET") || exports.contains(route)
    }
    let known = trail.routes.union(AuditTables.silent.keys).union(AuditTables.elsewhere.keys)
    #expect(known.symmetricDifference(changing) == [])
    #expect(trail.routes.isDisjoint(with: AuditTables.elsewhere.keys))
    let seen = trail.events.union(AuditTables.eventsElsewhere.keys)
    #expect(Set(AuditEvent.allCases).subtracting(seen) == [])
    for (event, file) in AuditTables.eventsElsewhere {
      let text = try String(contentsOfFile: TestConsole.packageFolder + "/Tests/" + file, encoding: .utf8)
      #expect(text.contains("\"\(event.rawValue)\"") || text.contains(".\(event)"), "\(file) sees \(event)")
    }
  }

  // MARK: People

  private static let password = "a staple of good batteries"

  private func firstAdministrator(_ trail: AuditTrail) async throws {
    try await withConsole(hasAdministrator: false) { console in
      let browser = console.stranger()
      let path = "/setup/\(try #require(try await console.store.makeSetupToken()))"
      let fields = ["name": "grace", "password": Self.password, "password_again": Self.password]
      try await trail.act(
        "POST /setup/:token", [.firstAdministratorMade, .signedIn], by: .stranger("unknown name"), .user("grace"),
        in: console
      ) { try await browser.submit(browser.get(path), nil, fields) }
    }
  }

  private func signIn(_ trail: AuditTrail) async throws {
    try await withConsole { console in
      func give(_ name: String, _ password: String, _ browser: Browser) async throws -> Answer {
        try await browser.submit(browser.get("/sign-in"), nil, ["name": name, "password": password])
      }
      let ada = TestConsole.name
      let (browser, stranger) = (console.stranger(), console.stranger())
      try await trail.act("POST /sign-in", [.signedIn], in: console) {
        try await give(ada, TestConsole.password, browser)
      }
      try await trail.act("POST /sign-in", [.signInFailed], by: .stranger(ada), in: console, status: 422) {
        try await give(ada, "wrong, wrong", stranger)
      }
      try await trail.act("POST /sign-in", [.signInFailed], by: .stranger("unknown name"), in: console, status: 422) {
        try await give("nobody", "wrong, wrong", stranger)
      }
      for _ in 0..<60 { _ = try await give("nobody", "wrong, wrong", stranger) }
      try await trail.noteAll(console)
      try await trail.act("POST /sign-out", [.signedOut], in: console) {
        try await browser.submit(browser.get("/account"), "/sign-out")
      }
      let viewer = try await console.browser(.viewer)
      try await trail.act("POST /settings", [.accessRefused], by: .user("viewer"), in: console, status: 403) {
        try await viewer.post("/settings", [("csrf", try await viewer.token())])
      }
    }
  }

  private func ownAccount(_ trail: AuditTrail) async throws {
    try await withConsole { console in
      let browser = try await console.browser()
      let present = ["current": TestConsole.password]
      let made = try await trail.act("POST /tokens/new", [.tokenMade], on: "nightly", in: console, status: 200) {
        try await browser.submit(
          browser.get("/tokens/new"), nil,
          ["name": "nightly", "role": "viewer", "days": "30"].merging(present) { first, _ in first })
      }
      #expect(made.says("nightly") || made.has("reroot_"))
      try await trail.act("POST /tokens/:id/end", [.tokenRemoved], on: "nightly", in: console) {
        try await browser.post("/tokens/1/end", [("csrf", try await browser.token())])
      }
      let other = try await console.browser()
      let token = try #require(other.cookies[SessionCookie.name])
      let session = try #require(try await console.store.session(token)).id.rawValue
      for (route, path) in [
        ("POST /account/sessions/:id/end", "/account/sessions/\(session)/end"),
        ("POST /account/sessions/others/end", "/account/sessions/others/end"),
      ] {
        _ = try await console.browser()
        try await trail.act(route, [.sessionEnded], in: console) {
          try await browser.submit(browser.get(path), path, present)
        }
      }
      try await trail.act("POST /account", [.passwordChanged], in: console) {
        try await browser.submit(
          browser.get("/account"), "/account",
          ["current": TestConsole.password, "password": Self.password, "password_again": Self.password])
      }
    }
    try await withConsole { console in try await secondFactor(trail, console) }
  }

  private func secondFactor(_ trail: AuditTrail, _ console: TestConsole) async throws {
    let browser = try await console.browser()
    let present = ["current": TestConsole.password]
    let user = try await console.user(.administrator).id
    let offered = try await browser.submit(browser.get("/account/second-factor"), "/account/second-factor", present)
    let page = try await browser.follow(offered)
    let factor = try #require(try await console.store.offeredSecondFactor(user))
    func code() -> String {
      console.clock.advance(30)
      return factor.code(step: OneTimePassword.step(at: console.clock.now))
    }
    try await trail.act("POST /account/second-factor/secret", [.secondFactorAdded], in: console, status: 200) {
      try await browser.submit(page, "/account/second-factor/secret", ["code": code()])
    }
    let another = console.stranger()
    _ = try await another.submit(another.get("/sign-in"), nil, ["name": "ada", "password": TestConsole.password])
    try await trail.act("POST /sign-in/code", [.signedIn], in: console) {
      try await another.submit(another.get("/sign-in/code"), "/sign-in/code", ["code": code()])
    }
    try await trail.act("POST /account/recovery-codes", [.recoveryCodesMade], in: console, status: 200) {
      try await browser.submit(browser.get("/account/recovery-codes"), "/account/recovery-codes", present)
    }
    try await trail.act("POST /settings/second-factor", [.settingChanged], in: console) {
      try await browser.submit(browser.get("/settings"), "/settings/second-factor")
    }
    _ = try await browser.submit(browser.get("/settings"), "/settings/second-factor")
    try await trail.act("POST /account/second-factor/removal", [.secondFactorRemoved], in: console) {
      try await browser.submit(
        browser.get("/account/second-factor/removal"), "/account/second-factor/removal",
        ["current": TestConsole.password, "code": code()])
    }
  }

  private func users(_ trail: AuditTrail) async throws {
    try await withBrowser { console, browser in
      func link(_ page: Answer) throws -> String {
        let address = try #require(HTML.first(#"<code id="link">([^<]*)</code>"#, in: page.html).map(HTML.decoded))
        return try #require(HTML.first("(/password/.*)", in: address))
      }
      let added = try await trail.act("POST /users/new", [.userAdded], on: "vera", in: console, status: 200) {
        try await browser.submit(browser.get("/users/new"), nil, ["name": "vera", "role": "viewer"])
      }
      let path = try link(added)
      let vera = console.stranger()
      try await trail.act("POST /password/:token", [.userLinkUsed], by: .user("vera"), in: console) {
        try await vera.submit(
          vera.get(path), path, ["password": Self.password, "password_again": Self.password])
      }
      let user = try #require(try await console.store.user(name: "vera")).id
      let home = "/users/\(user)"
      try await trail.act("POST /users/:id", [.userChanged], on: "vera", in: console) {
        try await browser.submit(browser.get(home), home, ["name": "Vera"])
      }
      try await trail.act("POST /users/:id", [.userRoleChanged], in: console) {
        try await browser.submit(browser.get(home), home, ["role": "operator"])
      }
      try await trail.act("POST /users/:id/link", [.userLinkMade], on: "Vera", in: console, status: 200) {
        try await browser.submit(browser.get("\(home)/link"), "\(home)/link")
      }
      let factor = try OneTimePassword.generate()
      try await console.store.offerSecondFactor(user, factor)
      let code = factor.code(step: OneTimePassword.step(at: console.clock.now))
      _ = try await console.store.turnOnSecondFactor(user, code: code)
      try await trail.act("POST /users/:id/second-factor", [.secondFactorRemoved], on: "Vera", in: console) {
        try await browser.submit(browser.get("\(home)/second-factor"), "\(home)/second-factor")
      }
      try await trail.act("POST /users/:id/remove", [.userRemoved], on: "Vera", in: console) {
        try await browser.submit(browser.get("\(home)/remove"), "\(home)/remove", ["reason": "Has left"])
      }
    }
  }

  // MARK: What is managed

  private func certificates(_ trail: AuditTrail) async throws {
    try await withBrowser { console, browser in
      let root = try TestRoot("Fresh root")
      func upload(_ password: String) async throws -> Answer {
        try await browser.submit(
          browser.get("/roots/import"), nil, ["password": password], files: [("file", FilePart("root.pfx", root.pfx()))]
        )
      }
      try await trail.act("POST /roots/import", [.rootRefused], on: "root.pfx", in: console, status: 422) {
        try await upload("not its password")
      }
      let held = try await trail.act("POST /roots/import", [.rootUploaded], on: "root.pfx", in: console) {
        try await upload("geheim")
      }
      try await trail.act("POST /roots/import/:token", [.rootImported], on: "Mine", in: console) {
        try await browser.submit(browser.follow(held), nil, ["name": "Mine"])
      }
      try await trail.act("POST /roots/:id/remove", [.rootRemoved], on: "Mine", in: console) {
        try await browser.submit(browser.get("/roots/1/remove"), "/roots/1/remove", ["reason": "Wrong one"])
      }
      try await trail.act("POST /trust-store/authorities/add", [.authoritiesAdded], in: console) {
        try await browser.submit(browser.get("/trust-store/authorities/add"), nil, ["pem": root.identity.chainPEM])
      }
      let child = try root.child(["console.example"])
      let pair = [("certificate", FilePart("c.pem", child.chainPEM)), ("key", FilePart("k.pem", try child.keyPEM))]
      try await trail.act("POST /trust-store/certificates/add", [.serverCertificateAdded], on: "Spare", in: console) {
        try await browser.submit(
          browser.get("/trust-store/certificates/add"), nil, ["name": "Spare", "password": ""], files: pair)
      }
      for (kind, event) in [("authorities", AuditEvent.authorityRemoved), ("certificates", .serverCertificateRemoved)] {
        let path = "/trust-store/\(kind)/1/remove"
        try await trail.act("POST /trust-store/\(kind)/:id/remove", [event], in: console) {
          try await browser.submit(browser.get(path), path, ["reason": "Not needed"])
        }
      }
    }
  }

  private func components(_ trail: AuditTrail) async throws {
    try await withSystem { system in
      let (browser, console) = (system.browser, system.console)
      let web = "/components/\(try system.id("web"))"
      try await trail.act("POST /components/new", [.componentAdded], on: "edge", in: console) {
        try await browser.submit(
          browser.get("/components/new"), "/components/new",
          [
            "name": "edge", "names": "edge.example", "files.certificate": "/srv/edge/c.pem",
            "files.key": "/srv/edge/k.pem",
          ])
      }
      try await trail.act("POST /components/:id/edit", [.componentChanged], on: "web", in: console) {
        try await browser.submit(browser.get("\(web)/edit"), nil, ["description": "The front"])
      }
      try await trail.act("POST /components/:id/test", [.connectionTested], on: "web", in: console, status: 200) {
        try await browser.submit(browser.get("\(web)/test"), "\(web)/test")
      }
      try await trail.act("POST /components/looks", [.connectionTested], on: "every component", in: console) {
        try await browser.post("/components/looks", [("csrf", try await browser.token())])
      }
      let yaml = ComponentWriter.text([TestSystem.component("mast")])
      try await trail.act("POST /components/import", [.componentsImported], in: console) {
        try await browser.submit(browser.get("/components/import"), nil, ["yaml": yaml])
      }
      try await trail.act("GET /components/export", [.componentsExported], in: console, status: 200) {
        try await browser.get("/components/export")
      }
      try await trail.act("POST /components/:id/remove", [.componentRemoved], on: "web", in: console) {
        try await browser.submit(browser.get("\(web)/remove"), "\(web)/remove", ["reason": "Sold"])
      }
      let listener = try TestListener()
      listener.stop()
      try await trail.act("POST /components/find", [.searchBegun], in: console) {
        try await browser.submit(
          browser.get("/components/find"), nil, ["places": "127.0.0.1:\(listener.port)", "what": "hosts"])
      }
      for format in ["csv", "jsonl"] {
        try await trail.act("GET /audit/export.\(format)", [.auditExported], in: console, status: 200) {
          try await browser.get("/audit/export.\(format)")
        }
      }
    }
  }

  private func settings(_ trail: AuditTrail) async throws {
    try await withBrowser { console, browser in
      try await trail.act("POST /settings", [.settingChanged], in: console) {
        try await browser.submit(browser.get("/settings"), "/settings", ["parallel_components": "3"])
      }
      try await trail.act("POST /settings/notifications", [.settingChanged], in: console) {
        try await browser.submit(
          browser.get("/settings/notifications"), "/settings/notifications",
          ["notify_console": "https://reroot.example.net"])
      }
      try await trail.act("POST /audit/syslog", [.settingChanged], in: console) {
        try await browser.submit(browser.get("/audit/syslog"), "/audit/syslog", ["address": "udp://127.0.0.1:5514"])
      }
    }
  }

  // MARK: Updates

  private func updates(_ trail: AuditTrail) async throws {
    try await withSystem { system in
      let (browser, console) = (system.browser, system.console)
      let form = try await browser.get("/roots/\(system.newID)/update")
      let made = try await trail.act("POST /plans", [.planMade], on: "update to “New root”", in: console) {
        try await browser.submit(form, "/plans", ["months": "12", "https": "existing", "policy": "stop"])
      }
      system.targets.arm(.deploy, at: "web")
      let plan = try await browser.follow(made)
      try await trail.act("POST /updates", [.updateStarted], on: "update 1", in: console) {
        try await browser.submit(plan, "/updates")
      }
      let id = UpdateRecord.ID(rawValue: 1)
      try await system.settled(id)
      try await trail.act("POST /updates/:id/decisions", [.updateDecided], on: "update 1", in: console) {
        try await system.press(id, .retry)
      }
      try await system.settled(id)
      try await trail.act("POST /retiring/:fingerprint/plans", [.planMade], on: "retirement of “Old root”", in: console)
      {
        try await browser.submit(browser.get(system.retiring), "\(system.retiring)/plans")
      }
      try await trail.noteAll(console)
    }
  }

  private func agreements(_ trail: AuditTrail) async throws {
    try await withSystem { system in
      _ = try await system.console.user(.operator)
      try await trail.act("POST /settings/second-person", [.settingChanged], on: "second person", in: system.console) {
        try await system.browser.submit(system.browser.get("/settings"), "/settings/second-person")
      }
    }
    try await withSecondPerson { people in
      let console = people.console
      let ways = (
        ask: "POST /plans/:id/agreements", answer: "POST /agreements/:id/answers",
        withdraw: "POST /agreements/:id/withdrawal"
      )
      func ask() async throws -> String {
        let plan = try await people.plan()
        let page = try await people.one.get(plan)
        let asked = try await trail.act(ways.ask, [.agreementAsked], by: .user("operator"), in: console) {
          try await people.one.submit(page, plan + "/agreements", ["acceptProblems": "yes"])
        }
        return try #require(asked.location)
      }
      let first = try await ask()
      try await trail.act(ways.answer, [.agreementDeclined], by: .user("operator2"), in: console) {
        try await people.answer(first, "decline", people.two, reason: "Not today")
      }
      let second = try await ask()
      try await trail.act(ways.answer, [.agreementGiven], by: .user("operator2"), in: console) {
        try await people.answer(second, "agree", people.two)
      }
      let third = try await ask()
      try await trail.act(ways.withdraw, [.agreementDeclined], by: .user("operator"), in: console) {
        try await people.one.submit(people.one.get(third), third + "/withdrawal")
      }
    }
  }

  /// Reroot is ended in the middle of an update, once so that what was under way could end, and once so that it could not.
  private func interruptions(_ trail: AuditTrail) async throws {
    let (folder, clock, targets) = (try TemporaryFolder(), TestClock(), FakeTargets())
    let first = try await TestConsole(folder: folder, clock: clock, targets: targets)
    let system = try await TestSystem(first)
    targets.hold("web")
    let id = try await system.start()
    try await eventually("The command is waited for") { targets.isHeld("web") }
    await first.console.stop(within: .milliseconds(50))
    try first.store.close()
    targets.letGo("web")

    let second = try await TestConsole(folder: folder, clock: clock, targets: targets)
    try await TestSystem.taking(system, second).settled(id)
    let entries = try await second.store.auditEntries(after: 0, limit: 1000)
    let course = entries.map(\.event).filter { $0.hasPrefix("update.") || $0.hasPrefix("console.st") }
    #expect(
      course == [
        "console.started", "update.started", "update.halted", "console.stopped", "console.started",
        "update.interrupted",
        "update.failed",
      ])
    let interrupted = try #require(entries.last { $0.event == AuditEvent.updateInterrupted.rawValue })
    #expect(interrupted.subject == "update \(id)" && interrupted.details["actions"] == "trust web")
    #expect(entries.filter { $0.event.hasPrefix("update.") }.dropFirst().allSatisfy { $0.author == .reroot })
    try await trail.noteAll(second)
    try await second.stop()
  }
}
