import Foundation
import Testing

@testable import Console
@testable import Store

@Suite("The list of sessions", .timeLimit(.minutes(2))) struct SessionListTests {
  private static let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
  private static let safari =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
    + "Mobile/15E148 Safari/604.1"

  private static let password = ["current": TestConsole.password]

  /// Signs in with a browser of a name.
  private func signIn(_ console: TestConsole, _ userAgent: String) async throws -> Browser {
    let browser = console.stranger()
    let page = try await browser.get("/sign-in")
    let fields = [("csrf", page.csrfToken ?? ""), ("name", "ada"), ("password", TestConsole.password)]
    #expect(try await browser.post("/sign-in", fields, [("User-Agent", userAgent)]).status == 303)
    return browser
  }

  private func session(of browser: Browser, _ console: TestConsole) async throws -> SessionRecord {
    let token = try #require(browser.cookies[SessionCookie.name])
    return try #require(try await console.store.session(token))
  }

  @Test("It says which browser, from where, since when and which is this one, and ends one with its streams")
  func list() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      let console = system.console
      let mine = try await signIn(console, Self.firefox)
      console.clock.advance(180)
      let other = try await signIn(console, Self.safari)
      let third = try await signIn(console, "<script>alert(1)</script>")
      let streams = [
        try await mine.events("/updates/\(id)/events"), try await other.events("/updates/\(id)/events"),
        try await third.events("/updates/\(id)/events"),
      ]
      #expect(streams.allSatisfy { $0.status == 200 })
      let page = try await mine.get("/account")
      #expect(page.says("Firefox on Linux This one 127.0.0.1 1 Jun 2026, 12:00 UTC"))
      #expect(page.says("Safari on iPhone 127.0.0.1 1 Jun 2026, 12:03 UTC"))
      #expect(page.says("Unknown browser 127.0.0.1"))
      #expect(!page.has("<script>alert"))

      // The test's own browser has a session, too; this one has no link.
      #expect(HTML.all(#"href="(/account/sessions/[0-9a-z]+/end)""#, in: page.html).count == 4)
      let session = try await self.session(of: other, console)
      let path = "/account/sessions/\(session.id.rawValue)/end"
      let question = try await mine.get(path)
      #expect(question.says("Safari on iPhone, from 127.0.0.1, since 1 Jun 2026, 12:03 UTC. It must sign in again."))
      for wrong in ["", "not the password"] {
        let refused = try await mine.submit(question, path, ["current": wrong])
        #expect(refused.status == 422 && refused.error(of: "current") == "This is not your present password.")
      }
      #expect(!streams[1].hasEnded)
      #expect(try await mine.submit(question, path, Self.password).location == "/account")
      #expect(try await other.get("/roots").status == 303)
      try await eventually("The stream of the ended session ends") { streams[1].hasEnded }
      #expect(!streams[0].hasEnded && !streams[2].hasEnded)
      #expect(try await mine.submit(question, path, Self.password).status == 404)

      let others = try await mine.get("/account/sessions/others/end")
      #expect(try await mine.submit(others, nil, ["current": "not the password"]).status == 422)
      #expect(!streams[2].hasEnded)
      #expect(try await mine.submit(others, nil, Self.password).location == "/account")
      try await eventually("The streams of all others end") { streams[2].hasEnded }
      #expect(try await third.get("/roots").status == 303)
      #expect(try await mine.get("/roots").status == 200)
      #expect(!streams[0].hasEnded)
      #expect(try await !mine.get("/account").has("/account/sessions/others/end"))
      streams[0].close()
      system.targets.letGo("web")
      try await system.settled(id)
    }
  }

  @Test("Nobody ends another user's session, and ending one's own is signing out")
  func others() async throws {
    try await withConsole { console in
      let ada = try #require(try await console.store.user(name: "ada"))
      let bob = try await console.store.addUser("bob", hash: ada.passwordHash)
      let token = try await console.store.createSession(console.store.user(bob))
      let session = try #require(try await console.store.session(token))
      let browser = try await console.browser()
      let csrf = try await browser.token(from: "/account")
      let fields = [("csrf", csrf), ("current", TestConsole.password)]
      #expect(try await browser.get("/account/sessions/\(session.id.rawValue)/end").status == 404)
      #expect(try await browser.post("/account/sessions/\(session.id.rawValue)/end", fields).status == 404)
      #expect(try await console.store.session(token) != nil)
      #expect(try await browser.post("/account/sessions/x/end", fields).status == 404)
      #expect(try await browser.post("/account/sessions/others/end", fields).status == 303)
      #expect(try await console.store.session(token) != nil)
      #expect(try await !browser.get("/account").says("bob"))
      let own = try await self.session(of: browser, console)
      #expect(try await browser.get("/account/sessions/\(own.id.rawValue)/end").location == "/account")
      let out = try await browser.post("/account/sessions/\(own.id.rawValue)/end", [("csrf", csrf)])
      #expect(out.location == "/sign-in")
      #expect(try await browser.get("/roots").status == 303)
    }
  }

  @Test("A new password ends the other sessions with their streams, and gives this one a new token")
  func newPassword() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      let console = system.console
      let mine = try await console.browser()
      let other = try await console.browser()
      let streams = [
        try await mine.events("/updates/\(id)/events"), try await other.events("/updates/\(id)/events"),
      ]
      let former = try #require(mine.cookies[SessionCookie.name])
      let fields = [
        "current": TestConsole.password, "password": "a sentence that is long",
        "password_again": "a sentence that is long",
      ]
      #expect(try await mine.submit(mine.get("/account"), "/account", fields).status == 303)
      try await eventually("The stream of the other session ends") { streams[1].hasEnded }
      #expect(!streams[0].hasEnded)
      #expect(mine.cookies[SessionCookie.name] != former)
      #expect(try await mine.get("/roots").status == 200)
      mine.set(SessionCookie.name, cookie: former)
      #expect(try await mine.get("/roots").status == 303)
      streams[0].close()
      system.targets.letGo("web")
      try await system.settled(id)
    }
  }

  @Test("Signing in over a session ends it")
  func overSession() async throws {
    try await withConsole { console in
      let browser = try await console.browser()
      let former = try #require(browser.cookies[SessionCookie.name])
      let csrf = try await browser.token()
      let fields = [("csrf", csrf), ("name", "ada"), ("password", TestConsole.password)]
      #expect(try await browser.post("/sign-in", fields).status == 303)
      #expect(browser.cookies[SessionCookie.name] != former)
      #expect(try await console.store.session(former) == nil)
    }
  }

  private static let edge =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0"
  private static let mac =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
  private static let android =
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
  private static let known: [(String, String)] = [
    (firefox, "Firefox on Linux"), (safari, "Safari on iPhone"), (edge, "Edge on Windows"), (mac, "Chrome on macOS"),
    (android, "Chrome on Android"), ("curl/8.5.0", "curl"), ("", "Unknown browser"),
    ("\u{202E}evil\u{7}<b>", "Unknown browser"), (String(repeating: "a", count: 5000) + "Firefox/", "Unknown browser"),
  ]

  @Test("A browser is named in plain words, and by nothing of its own", arguments: known)
  func names(_ userAgent: String, _ expected: String) {
    #expect(BrowserName.words(userAgent) == expected)
  }

  // MARK: Behind a reverse proxy

  @Test(
    "Forwarded addresses count for the list, the log and the limits only once the proxy is trusted on the page Settings"
  )
  func proxy() async throws {
    try await withConsole { console in
      let browser = try await console.browser()
      let forwarded = [("X-Forwarded-For", "203.0.113.9, 198.51.100.4")]
      func signIn(_ password: String, _ headers: [(String, String)]) async throws -> Answer {
        let stranger = console.stranger()
        let page = try await stranger.get("/sign-in")
        let fields = [("csrf", page.csrfToken ?? ""), ("name", "ada"), ("password", password)]
        return try await stranger.post("/sign-in", fields, headers)
      }
      #expect(try await signIn(TestConsole.password, forwarded).status == 303)
      #expect(try await !browser.get("/account").has("198.51.100.4"))

      let page = try await browser.get("/settings")
      for wrong in ["10.0.0.1/8", "proxy.example", "0.0.0.0/0"] {
        let answer = try await browser.submit(page, "/settings", ["trusted_proxies": wrong])
        #expect(answer.status == 422)
        #expect(answer.error(of: "trusted_proxies") != nil)
        #expect(answer.has(wrong))
      }
      let saved = try await browser.submit(page, "/settings", ["trusted_proxies": "127.0.0.1\r\n 10.0.0.0/8 "])
      #expect(saved.status == 303)
      #expect(try await browser.get("/settings").form("/settings").value("trusted_proxies") == "127.0.0.1\n10.0.0.0/8")

      #expect(try await signIn(TestConsole.password, forwarded).status == 303)
      #expect(try await browser.get("/account").has("198.51.100.4"))
      #expect(try await !browser.get("/account").has("203.0.113.9"))
      #expect(console.log.all.contains { $0.hasPrefix("sign-in ") && $0.contains("from=198.51.100.4") })
      for _ in 1...5 { #expect(try await signIn("wrong password", forwarded).status == 422) }
      // What a client writes itself does not make it another.
      let spoofed = [("X-Forwarded-For", "192.0.2.55, 198.51.100.4")]
      #expect(try await signIn(TestConsole.password, spoofed).status == 429)
      #expect(try await signIn(TestConsole.password, [("X-Forwarded-For", "198.51.100.5")]).status == 303)

      let other = try await browser.submit(
        browser.get("/settings"), "/settings", ["forwarded_header": "Forwarded", "trusted_proxies": "127.0.0.1"])
      #expect(other.status == 303)
      #expect(try await signIn(TestConsole.password, forwarded).status == 303)
      #expect(try await signIn(TestConsole.password, [("Forwarded", "for=198.51.100.4")]).status == 429)
      // One of the two cannot be kept: then neither is, and what is trusted stays.
      try await console.store.write { database in
        try database.execute(
          sql: """
            CREATE TRIGGER no BEFORE INSERT ON settings WHEN NEW.key = 'forwarded_header' BEGIN
              SELECT RAISE(ABORT, 'no');
            END
            """)
      }
      let last = try await console.store.lastAuditNumber()
      let failed = try await browser.submit(
        browser.get("/settings"), "/settings",
        ["forwarded_header": "X-Forwarded-For", "trusted_proxies": "192.0.2.7"])
      #expect(failed.status == 500)
      #expect(try await console.store.lastAuditNumber() == last)
      #expect(try await browser.get("/settings").form("/settings").value("trusted_proxies") == "127.0.0.1")
      #expect(try await signIn(TestConsole.password, [("Forwarded", "for=198.51.100.4")]).status == 429)
      // Nothing but the address is taken from a proxy.
      let host = [
        ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "http"), ("Forwarded", "host=evil.example"),
      ]
      let answer = try await browser.get("/roots", host)
      #expect(!answer.has("evil.example") && answer.headers.allSatisfy { !$0.value.contains("evil.example") })
    }
  }
}
