import Foundation
import GRDB
import HTTP
import Testing

@testable import Console
@testable import Store

@Suite("Pages that are kept", .timeLimit(.minutes(2))) struct KeptPageTests {
  private func drawn(_ console: TestConsole) -> Int { console.console.services.keptPages.drawn }

  @Test("The list of roots is drawn once for each change, however often it is asked for")
  func oncePerChange() async throws {
    try await withSystem { system in
      let browser = system.browser
      let first = try await browser.get("/roots")
      let before = drawn(system.console)
      for _ in 0..<20 {
        let again = try await browser.get("/roots")
        #expect(again.body == first.body)
        #expect(again.header("cache-control") == "no-store" && again.header("content-security-policy") != nil)
      }
      #expect(drawn(system.console) == before)
      try await system.store.setParallelComponents(7)
      _ = try await browser.get("/roots")
      #expect(drawn(system.console) == before + 1)
    }
  }

  @Test("What another program writes beside the server is on the next page")
  func beside() async throws {
    try await withSystem { system in
      let path = system.console.folder.path + "/data/reroot.sqlite"
      #expect(try await !system.browser.get("/roots").says("Written beside"))
      try await DatabaseQueue(path: path).write { database in
        try database.execute(sql: "UPDATE roots SET name = 'Written beside' WHERE name = 'New root'")
      }
      #expect(try await system.browser.get("/roots").says("Written beside"))
    }
  }

  @Test("No page of one session reaches another, of whatever role")
  func ownPages() async throws {
    try await withSystem { system in
      let browsers = [
        try await system.console.browser(.administrator), try await system.console.browser(.administrator),
        try await system.console.browser(.viewer), system.console.stranger(),
      ]
      for _ in 0..<3 {
        var pages: [Answer] = []
        for browser in browsers { pages.append(try await browser.get("/roots")) }
        let tokens = pages.prefix(3).compactMap(\.csrfToken)
        #expect(Set(tokens).count == 3)
        for (page, browser) in zip(pages, browsers).prefix(3) {
          let token = try #require(browser.cookies[SessionCookie.name])
          #expect(page.csrfToken == FormToken.derived(from: token))
        }
        #expect(pages[1].says("Import New Root Certificate") && !pages[2].says("Import New Root Certificate"))
        #expect(pages[3].status == 303)
      }
    }
  }

  @Test("A session that has ended sees nothing any more, and one whose role has changed what its new role may see")
  func endedSessions() async throws {
    try await withSystem { system in
      let store = system.store
      let viewer = try await system.console.browser(.viewer)
      #expect(try await viewer.get("/roots").status == 200)
      let user = try await system.console.user(.viewer)
      try await store.write { database in
        try database.execute(sql: "UPDATE users SET role = 'administrator' WHERE id = ?", arguments: [user.id.rawValue])
      }
      #expect(try await viewer.get("/roots").says("Import New Root Certificate"))
      #expect(try await viewer.get("/roots").status == 200)
      try await store.endSessions(of: user.id, except: nil)
      #expect(try await viewer.get("/roots").status == 303)
    }
  }

  @Test("A session ends by its time though its page is kept, and that it is used is noted once a minute")
  func time() async throws {
    try await withSystem { system in
      let (browser, clock) = (try await system.console.browser(.viewer), system.console.clock)
      let user = try await system.console.user(.viewer)
      func seen() async throws -> Date? { try await system.store.sessions(of: user.id).first?.seenAt }
      #expect(try await browser.get("/roots").status == 200)
      clock.advance(59)
      #expect(try await browser.get("/roots").status == 200)
      #expect(try await seen() == TestClock.start)
      clock.advance(1)
      #expect(try await browser.get("/roots").status == 200)
      #expect(try await seen() == clock.now)
      clock.advance(Store.sessionIdleLimit)
      #expect(try await browser.get("/roots").status == 303)
    }
  }

  @Test("A page is not older than a second, nor younger than the clock")
  func age() async throws {
    try await withSystem { system in
      let (browser, clock) = (system.browser, system.console.clock)
      func draws() async throws -> Bool {
        let before = drawn(system.console)
        #expect(try await browser.get("/roots").status == 200)
        return drawn(system.console) > before
      }
      _ = try await draws()
      clock.advance(0.5)
      #expect(try await !draws())
      clock.advance(0.5)
      #expect(try await draws())
      clock.advance(-2)
      // The first one dates the session anew.
      _ = try await draws()
      #expect(try await draws())
      #expect(try await !draws())
    }
  }

  @Test("A notice is shown once, and no page with it is kept; nor is one of another address, query, or method")
  func others() async throws {
    try await withSystem { system in
      let browser = system.browser
      _ = try await browser.get("/roots")
      let value = try #require(Notice.cookie("Well done.").split(separator: "=", maxSplits: 1).last)
      browser.set(Notice.cookieName, cookie: value.split(separator: ";")[0].description)
      let noticed = try await browser.get("/roots")
      #expect(noticed.says("Well done.") && noticed.setCookies.map(\.name) == [Notice.cookieName])
      #expect(try await !browser.get("/roots").says("Well done."))
      let size = system.console.console.services.keptPages.size.pages
      for path in ["/roots/99", "/components", "/audit", "/roots?x=1", "/settings"] { _ = try await browser.get(path) }
      #expect(try await browser.get("/roots", method: "HEAD").body.isEmpty)
      #expect(system.console.console.services.keptPages.size.pages == size)
    }
  }

  @Test("Neither more pages are kept than may be, nor more bytes, and what does not hold any more is swept away")
  func bounds() async throws {
    try await withSystem { system in
      let clock = system.console.clock
      let session = try await system.store.session(try #require(system.browser.cookies[SessionCookie.name]))
      let services = system.console.console.services
      let kept = KeptPages(store: system.store, clock: { clock.now }, limit: (pages: 10, bytes: 1000))
      func keep(_ number: Int, bytes: Int) throws {
        let token = String(repeating: "t", count: 40) + "\(number)"
        let head = Request(path: "/roots", headers: Headers([("Cookie", "\(SessionCookie.name)=\(token)")])).head
        let occasion = try #require(kept.occasion(head))
        let visit = Visit(
          services: services, visitor: Visitor(try #require(session)), csrfToken: "", notice: nil, path: "/roots",
          address: "")
        kept.keep(.html(String(repeating: "x", count: bytes)), for: occasion, pattern: "/roots", visit)
        if bytes <= 1000 { #expect(kept.page(occasion) != nil) }
      }
      for number in 0..<50 {
        try keep(number, bytes: 10)
        #expect(kept.size.pages <= 10)
      }
      for number in 0..<50 {
        try keep(number, bytes: 300)
        #expect(kept.size.bytes <= 1000)
      }
      try keep(50, bytes: 1001)
      #expect(kept.size.pages > 0)
      clock.advance(1)
      kept.sweep()
      #expect(kept.size == (0, 0))
    }
  }

  @Test("While pages say what neither the store nor the clock knows, none is kept")
  func disturbed() async throws {
    try await withSystem { system in
      let token = try #require(system.browser.cookies[SessionCookie.name])
      let head = Request(path: "/roots", headers: Headers([("Cookie", "\(SessionCookie.name)=\(token)")])).head
      let clock = system.console.clock
      #expect(KeptPages(store: system.store, clock: { clock.now }).occasion(head) != nil)
      #expect(KeptPages(store: system.store, clock: { clock.now }, isDisturbed: { true }).occasion(head) == nil)
    }
  }
}
