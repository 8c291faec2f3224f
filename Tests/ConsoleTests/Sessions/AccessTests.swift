import Foundation
import GRDB
import HTTP
import Testing

@testable import Console
@testable import Store

/// Every route of the console, as its routes add them.
struct RouteTable {
  let routes: [(method: String, path: String)]

  /// Takes the routes from the router itself, so that none can be forgotten here.
  init() {
    var router = ConsoleRouter()
    router.addConsoleRoutes()
    routes = router.table.map { ($0.method.description, $0.pattern) }
  }

  func paths(_ method: String) -> [String] { routes.filter { $0.method == method }.map(\.path) }

  /// The path with a number, or a token, in the place of its name.
  static func filled(_ path: String, _ number: String = "1") -> String {
    path.replacing(":id", with: number).replacing(":token", with: String(repeating: "t", count: 43))
  }
}

@Suite("Who may do what", .timeLimit(.minutes(2))) struct AccessTests {
  /// Everything that the database holds, but for when a session was last seen.
  /// - Parameter audited: whether the audit log counts.
  private func content(_ store: Store, audited: Bool = true) async throws -> [String] {
    try await store.read { database in
      let tables = try String.fetchAll(
        database, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
      return try tables.filter { audited || !$0.hasPrefix("audit") }.flatMap { table in
        try Row.fetchAll(database, sql: "SELECT * FROM \(table)").map { row in
          let values = row.filter { table != "sessions" || $0.0 != "seen_at" }
          return table + " " + values.map { "\($0.0)=\($0.1)" }.joined(separator: " ")
        }
      }
    }
  }

  /// A system in which every address with the number 1 leads to something.
  private func withEverything(_ body: (TestSystem) async throws -> Void) async throws {
    try await withSystem { system in
      let server = try system.old.child(["console.example"])
      _ = try await system.store.addServerCertificate(
        name: "Served", chain: server.chain, key: try server.key.pkcs8PEM(), by: "ada")
      _ = try await system.store.addAuthorities([system.old.certificate], by: "ada")
      system.targets.arm(.deploy, at: "web")
      try await system.settled(try await system.start())
      try await body(system)
    }
  }

  @Test("No route changes anything when it is only read, by GET or by HEAD")
  func reading() async throws {
    let table = RouteTable()
    #expect(table.paths("GET").count > 30)
    try await withEverything { system in
      let before = try await content(system.store, audited: false)
      let last = try await system.store.lastAuditNumber()
      let (files, log) = (system.targets.snapshot, system.targets.log)
      var served = 0
      for path in table.paths("GET") where !path.hasSuffix("/events") {
        for method in ["GET", "HEAD"] {
          let answer = try await system.browser.get(RouteTable.filled(path), method: method)
          #expect(answer.status < 500, "\(method) \(path)")
          if method == "HEAD" { #expect(answer.body.isEmpty) }
          if answer.status == 200 { served += 1 }
        }
      }
      for path in table.paths("POST") {
        let answer = try await system.browser.get(RouteTable.filled(path))
        #expect([200, 303, 404, 405, 409].contains(answer.status), "GET \(path)")
      }
      #expect(served > 50)
      #expect(try await content(system.store, audited: false) == before)
      // That somebody took a list away is recorded, once: HEAD takes nothing.
      let recorded = try await system.store.auditEntries(after: last, limit: 100).map(\.event)
      #expect(recorded.sorted() == ["audit.exported", "audit.exported", "components.exported"])
      #expect(system.targets.snapshot == files)
      #expect(system.targets.log == log)
    }
  }

  @Test("Without a session every route but the open ones leads to the sign-in, and changes nothing")
  func strangers() async throws {
    let table = RouteTable()
    try await withEverything { system in
      let before = try await content(system.store)
      let stranger = system.console.stranger()
      for (method, path) in table.routes where !ExpectedAccess.open.contains("\(method) \(path)") {
        let answer =
          try await method == "GET"
          ? stranger.get(RouteTable.filled(path)) : stranger.post(RouteTable.filled(path), [("csrf", "x")])
        if path.hasSuffix("/events") {
          #expect(answer.status == 401, "\(method) \(path)")
        } else {
          #expect(answer.status == 303, "\(method) \(path)")
          #expect(answer.location?.hasPrefix("/sign-in") == true)
        }
      }
      for path in ["/nothing-here", "/roots/999"] {
        #expect(try await stranger.get(path).location?.hasPrefix("/sign-in") == true)
      }
      let script = try await stranger.get("/updates/1", [("Accept", "application/json")])
      #expect(script.status == 401)
      #expect(try await content(system.store) == before)
    }
  }

  /// Forms that do not come from a page of this session.
  enum Token: String, CaseIterable { case missing, empty, wrong, otherSession, visit }

  @Test(
    "A form without this session's token is a 403 with a page, on every route, and changes nothing",
    arguments: Token.allCases)
  func forgery(_ kind: Token) async throws {
    let table = RouteTable()
    try await withEverything { system in
      let before = try await content(system.store)
      let log = system.targets.log
      let other = try await system.console.browser()
      let stranger = system.console.stranger()
      let fields: [(String, String)]
      switch kind {
      case .missing: fields = []
      case .empty: fields = [("csrf", "")]
      case .wrong: fields = [("csrf", String(repeating: "0", count: 64))]
      case .otherSession: fields = [("csrf", try await other.token())]
      case .visit: fields = [("csrf", try #require(try await stranger.get("/sign-in").csrfToken))]
      }
      let sessions = try await content(system.store)
      for path in table.paths("POST") {
        let answer = try await system.browser.post(RouteTable.filled(path), fields)
        #expect(answer.status == 403, "\(path)")
        #expect(answer.says("so nothing was changed"), "\(path)")
        #expect(answer.has("</html>"))
      }
      #expect(try await content(system.store) == sessions)
      #expect(sessions.count - before.count <= 1)
      #expect(system.targets.log == log)
    }
  }

  @Test(
    "A method that nobody knows is refused, with a page and what is possible",
    arguments: [
      "DELETE", "PUT", "PATCH", "PROPFIND",
    ])
  func methods(_ method: String) async throws {
    try await withBrowser { console, browser in
      let before = try await content(console.store)
      let refused = try await browser.raw(browser.request(method, "/roots", [], body: []))
      #expect([403, 405, 501].contains(refused.status))
      #expect(refused.has("</html>"))
      #expect(try await content(console.store) == before)
      #expect(try await browser.get("/roots").status == 200)
    }
  }

  @Test("404 and 405 are pages, the latter with the methods that are possible")
  func errorPages() async throws {
    try await withBrowser { _, browser in
      let missing = try await browser.get("/nothing/here")
      #expect(missing.status == 404)
      #expect(missing.says("There is nothing at this address."))
      #expect(missing.has("</html>"))
      for path in [
        "/roots/99", "/roots/x", "/roots/-1", "/components/99", "/updates/99", "/updates/0", "/plans/99",
        "/trust-store/authorities/99", "/trust-store/certificates/99", "/roots/99999999999999999999",
      ] {
        #expect(try await browser.get(path).status == 404, "\(path)")
      }
      let token = try await browser.token()
      let wrong = try await browser.post("/roots", [("csrf", token)])
      #expect(wrong.status == 405)
      #expect(wrong.header("allow") == "GET, HEAD")
      #expect(wrong.has("</html>"))
      #expect(try await browser.get("/plans").header("allow") == "POST")
    }
  }

  @Test("Every answer carries the security headers, pages are kept by no cache")
  func headers() async throws {
    try await withBrowser { console, browser in
      let stranger = console.stranger()
      let answers = [
        try await browser.get("/roots"), try await browser.get("/nothing"), try await browser.post("/roots/import", []),
        try await browser.get("/components/export"), try await stranger.get("/roots"),
        try await stranger.get("/sign-in"),
        try await browser.get("/style.css"), try await browser.get("/updates/9/events"),
        try await browser.raw(browser.request("POST", "/roots/import", [("Content-Type", "text/plain")], body: [1])),
        try await browser.raw(Array("GET / HTTP/1.1\r\n\r\n".utf8)),
      ]
      for (index, answer) in answers.enumerated() {
        #expect(answer.header("content-security-policy") == SecurityHeaders.policy, "answer \(index)")
        #expect(answer.header("x-content-type-options") == "nosniff", "answer \(index)")
        #expect(answer.header("x-frame-options") == "DENY", "answer \(index)")
        #expect(answer.header("referrer-policy") == "same-origin", "answer \(index)")
        if index != 6 { #expect(answer.header("cache-control") == "no-store", "answer \(index)") }
      }
    }
  }
}
