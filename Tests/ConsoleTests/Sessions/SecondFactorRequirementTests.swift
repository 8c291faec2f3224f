import Foundation
import PKI
import Testing

@testable import Console
@testable import Store

@Suite("A second factor that is required", .timeLimit(.minutes(2))) struct SecondFactorRequirementTests {
  private static let path = "/account/second-factor"

  /// Sets a second factor up in a browser, from its page on.
  private func setUp(_ console: TestConsole, _ browser: Browser, _ user: UserRecord) async throws {
    let page = try await browser.get(Self.path)
    #expect(page.status == 200)
    let shown = try await browser.submit(page, Self.path, ["current": TestConsole.password])
    #expect(shown.location == Self.path + "/secret")
    let app = try #require(try await console.store.offeredSecondFactor(user.id))
    let code = app.code(step: OneTimePassword.step(at: console.clock.now))
    let done = try await browser.submit(browser.get(Self.path + "/secret"), nil, ["code": code])
    #expect(done.status == 200 && done.says("Recovery codes"))
  }

  /// A console that requires it, and the browser of its administrator, who has one.
  private func withRequirement(_ body: (TestConsole, Browser) async throws -> Void) async throws {
    try await withBrowser { console, ada in
      try await setUp(console, ada, try #require(try await console.store.user(name: "ada")))
      let settings = try await ada.get("/settings")
      #expect(try await ada.submit(settings, "/settings/second-factor").location == "/settings")
      #expect(try await console.store.isSecondFactorRequired())
      try await body(console, ada)
    }
  }

  @Test("Only who has one can require it; both ways are in the audit log")
  func setting() async throws {
    try await withBrowser { console, ada in
      #expect(try await ada.get("/settings").says("Set up your own on the page Account first."))
      let csrf = try await ada.token()
      let fields = [("csrf", csrf), ("second_factor", "on")]
      let refused = try await ada.post("/settings/second-factor", fields)
      #expect(refused.status == 409 && refused.says("You have no second factor yourself."))
      #expect(try await ada.post("/settings/second-factor", [("csrf", csrf), ("second_factor", "x")]).status == 400)
      #expect(try await !console.store.isSecondFactorRequired())
    }
    try await withRequirement { console, ada in
      #expect(try await ada.submit(ada.get("/settings"), "/settings/second-factor").status == 303)
      #expect(try await !console.store.isSecondFactorRequired())
      let entries = try await console.store.auditEntries(after: 0, limit: 100)
        .filter { $0.subject == "second factor of everybody" }
      #expect(entries.map(\.details) == [["from": "off", "to": "on"], ["from": "on", "to": "off"]])
    }
  }

  @Test("Whoever signs in without one sees nothing but its set-up, and everything once it is on")
  func signingIn() async throws {
    try await withRequirement { console, ada in
      let user = try await console.user(.operator)
      let browser = console.stranger()
      let signIn = try await browser.get("/sign-in")
      let fields = ["name": user.name, "password": TestConsole.password]
      #expect(try await browser.submit(signIn, "/sign-in", fields).location == "/")
      for path in ["/", "/roots", "/account", "/account/sessions/others/end", "/users", "/nowhere", "/settings"] {
        #expect(try await browser.get(path).location == Self.path, "\(path)")
      }
      #expect(try await browser.get("/updates/1/events").status == 403)
      let page = try await browser.get(Self.path)
      #expect(page.says("Everybody needs one here; you see the rest once it is on."))
      let csrf = try #require(page.csrfToken)
      let sessions = try await console.store.sessions(of: user.id).count
      #expect(
        try await browser.post("/account", [("csrf", csrf), ("current", TestConsole.password)]).location == Self.path)
      #expect(try await browser.post("/plans", [("csrf", csrf)]).location == Self.path)
      #expect(try await console.store.sessions(of: user.id).count == sessions)
      try await setUp(console, browser, user)
      #expect(try await browser.get("/roots").status == 200)
      #expect(try await browser.get("/users").status == 403)
      #expect(try await ada.get("/roots").status == 200)
    }
  }

  @Test("It holds at once for tokens: those of a user without one open nothing, until the user has one")
  func tokens() async throws {
    try await withSystem { system in
      let (console, ada) = (system.console, system.browser)
      system.targets.hold("web")
      let id = try await system.start()
      try await setUp(console, ada, try await console.user(.administrator))
      let (own, other) = try await (Program(console), Program(console, .operator))
      let streams = [try await own.events("/updates/\(id)/events"), try await other.events("/updates/\(id)/events")]
      #expect(streams.allSatisfy { $0.status == 200 })
      #expect(try await ada.submit(ada.get("/settings"), "/settings/second-factor").status == 303)
      try await eventually("The stream of who has none ends") { streams[1].hasEnded }
      #expect(!streams[0].hasEnded)
      for (method, path) in [("GET", "/roots"), ("POST", "/updates"), ("GET", "/nowhere")] {
        let refused = try await other.send(method, path)
        #expect(refused.status == 403 && refused.problemCode == "SECOND_FACTOR_NEEDED", "\(refused)")
      }
      #expect(try await own.get("/roots").status == 200)
      try await setUp(console, try await console.browser(.operator), try await console.user(.operator))
      #expect(try await other.get("/roots").status == 200)
      streams[0].close()
      system.targets.letGo("web")
      try await system.settled(id)
    }
  }

  @Test("It holds at once for who is signed in: pages lead to the set-up, streams end; signing out goes on")
  func sessions() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      let console = system.console
      let ada = try await console.browser()
      let viewer = try await console.browser(.viewer)
      try await setUp(console, ada, try #require(try await console.store.user(name: "ada")))
      let streams = [try await ada.events("/updates/\(id)/events"), try await viewer.events("/updates/\(id)/events")]
      #expect(streams.allSatisfy { $0.status == 200 })
      #expect(try await ada.submit(ada.get("/settings"), "/settings/second-factor").status == 303)
      try await eventually("The stream of who has none ends") { streams[1].hasEnded }
      #expect(!streams[0].hasEnded)
      #expect(try await viewer.get("/updates/\(id)").location == Self.path)
      #expect(try await viewer.submit(viewer.get(Self.path), "/sign-out").location == "/sign-in")
      #expect(try await viewer.get("/roots").location == "/sign-in?return=/roots")
      streams[0].close()
      system.targets.letGo("web")
      try await system.settled(id)
    }
  }
}
