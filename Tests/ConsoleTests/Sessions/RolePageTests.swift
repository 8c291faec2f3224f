import Foundation
import HTTP
import Testing

@testable import Console
@testable import Store

@Suite("What each role is shown", .timeLimit(.minutes(2))) struct RolePageTests {
  /// A table of routes to ask which of a page's links and forms their reader may use.
  private static let router: ConsoleRouter = {
    var router = ConsoleRouter()
    router.addConsoleRoutes()
    router.addAPIRoutes()
    return router
  }()

  private func access(_ method: HTTP.Method, _ address: String) throws -> RouteAccess? {
    let path = address.prefix { $0 != "?" && $0 != "#" }
    return try Self.router.match(method, String(path))?.access
  }

  /// Nothing that a page offers leads its reader to a refusal.
  private func check(_ page: Answer, _ role: Role, _ what: String) throws -> Int {
    var count = 0
    for link in HTML.all(#"<a [^>]*href="(/[^"]*)""#, in: page.html) where !link.hasPrefix("//") {
      let access = try #require(try access(.get, HTML.decoded(link)), "\(link) on \(what)")
      #expect(access.permits(role), "\(what) leads a \(role.rawValue) to \(link)")
      count += 1
    }
    for form in PageForm.all(page.html) {
      let access = try #require(try access(form.isSearch ? .get : .post, form.action), "\(form.action) on \(what)")
      #expect(access.permits(role), "\(what) lets a \(role.rawValue) send \(form.action)")
      count += 1
    }
    return count
  }

  /// A system in which every address with the number 1 leads to something, and an update waits for a decision.
  private func withEverything(_ body: (TestSystem, UpdateRecord.ID) async throws -> Void) async throws {
    try await withSystem { system in
      let server = try system.old.child(["console.example"])
      _ = try await system.store.addServerCertificate(
        name: "Served", chain: server.chain, key: try server.key.pkcs8PEM(), by: "ada")
      _ = try await system.store.addAuthorities([system.old.certificate], by: "ada")
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      #expect(try await system.settled(id).standing == .deciding)
      try await body(system, id)
    }
  }

  @Test("No page offers its reader a link or a button that the reader's role may not use", arguments: Role.allCases)
  func offers(_ role: Role) async throws {
    try await withEverything { system, id in
      let browser = try await system.console.browser(role)
      var (pages, offers) = (0, 0)
      for (_, path) in RouteTable().routes.filter({ $0.method == "GET" && !$0.path.hasSuffix("/events") }) {
        let page = try await browser.get(RouteTable.filled(path))
        guard page.status == 200, page.has("</html>") else { continue }
        pages += 1
        offers += try check(page, role, path)
      }
      print("\(role.rawValue): \(pages) pages, \(offers) links and forms")
      #expect(pages >= [Role.viewer: 11, .operator: 13, .administrator: 30][role] ?? 0)
      #expect(offers > pages * 5)
      // Where an update has ended there are other buttons than where it waits.
      try await system.decide(id, .abort)
      _ = try check(try await browser.get("/updates/\(id)"), role, "the update that was aborted")
    }
  }

  @Test("A viewer sees what waits for a decision, without the buttons, on the page and over the stream")
  func watching() async throws {
    try await withEverything { system, id in
      let viewer = try await system.console.browser(.viewer)
      let page = try await viewer.get("/updates/\(id)")
      #expect(page.says("1 action failed. What shall happen?"))
      #expect(page.says("Only operators and administrators may decide."))
      #expect(!page.has("decide-retry"))
      let streams = (
        viewer: try await viewer.events("/updates/\(id)/events"),
        administrator: try await system.browser.events("/updates/\(id)/events")
      )
      try await eventually("Both are sent the panel") {
        streams.viewer.text.contains("waits-for-others") && streams.administrator.text.contains("decide-retry")
      }
      #expect(!streams.viewer.text.contains("decide-"))
      // What is drawn for several is drawn for each of them.
      system.targets.arm(.deploy, at: "web")
      let before = (streams.viewer.messages.count, streams.administrator.messages.count)
      try await system.decide(id, .retry)
      try await eventually("Both are sent what comes after") {
        streams.viewer.messages.count > before.0 && streams.administrator.messages.count > before.1
          && streams.viewer.messages.last?.id == streams.administrator.messages.last?.id
      }
      #expect(!streams.viewer.text.contains("decide-"))
      streams.viewer.close()
      streams.administrator.close()
    }
  }

  @Test("A role that was lowered holds for the next request of every session")
  func lowered() async throws {
    try await withEverything { system, id in
      let user = try await system.console.user(.operator)
      let first = try await system.console.browser(.operator)
      let second = try await system.console.browser(.operator)
      let page = try await first.get("/updates/\(id)")
      let form = try #require(PageForm.all(page.html).first { $0.value("decision") == "retry" })
      #expect(try await second.get("/roots/1/update").status == 200)

      let edit = try await system.browser.get("/users/\(user.id)")
      #expect(try await system.browser.submit(edit, "/users/\(user.id)", ["role": "viewer"]).status == 303)

      let before = try await system.store.state(id).question
      let refused = try await first.post(form.action, form.fields.map { ($0.name, $0.value) })
      #expect(refused.status == 403)
      #expect(
        refused.says(
          "Only operators and administrators may decide on an update. You are signed in as a viewer, so nothing was "
            + "changed."))
      #expect(try await system.store.state(id).question == before)
      #expect(try await second.get("/roots/1/update").status == 403)
      #expect(try await second.get("/updates/\(id)").status == 200)
    }
  }

  @Test("Open streams end with the user, and with the role that they need")
  func streams() async throws {
    try await withEverything { system, id in
      let user = try await system.console.user(.administrator, 2)
      let browser = try await system.console.browser(.administrator, 2)
      let token = try await system.console.console.services.searches.begin([], at: system.console.clock.now)
      let services = system.console.console.services
      let update = try await browser.events("/updates/\(id)/events")
      let bystander = try await system.browser.events("/updates/\(id)/events")
      #expect(update.status == 200)
      #expect(try await browser.get("/components/find/\(token)").status == 200)

      try await system.store.changeUser(user.id, name: user.name, role: .viewer)
      // As the sweep does, once a minute, for what another program has changed: a viewer may watch an update.
      services.sessionStreams.end(allBut: try await services.openCredentials())
      #expect(!update.hasEnded)
      #expect(try await browser.events("/components/find/\(token)/events").status == 403)

      let page = try await system.browser.get("/users/\(user.id)/remove")
      #expect(try await system.browser.submit(page, "/users/\(user.id)/remove", ["reason": "left"]).status == 303)
      try await eventually("The removed user's stream ends") { update.hasEnded }
      #expect(!bystander.hasEnded)
      #expect(try await browser.get("/roots").location?.hasPrefix("/sign-in") == true)
      #expect(try await browser.events("/updates/\(id)/events").status == 401)
      bystander.close()
    }
  }

  @Test("A stream that needs more than the role that is left ends")
  func streamsByRole() async throws {
    try await withConsole { console in
      let services = console.console.services
      let user = try await console.user(.administrator, 2)
      let token = try await console.store.createSession(user)
      let visitor = try #require(try await services.visitor(token: token))
      let (search, update) = (EventStream(), EventStream())
      services.sessionStreams.add(search, of: visitor, for: .administrator)
      services.sessionStreams.add(update, of: visitor, for: .viewer)
      for (role, isOpen) in [(Role.operator, false), (.viewer, false)] {
        try await console.store.changeUser(user.id, name: user.name, role: role)
        services.sessionStreams.end(allBut: try await services.openCredentials())
        #expect(search.isOpen == isOpen)
        #expect(update.isOpen)
      }
      try await console.store.removeUser(user.id)
      services.sessionStreams.end(allBut: try await services.openCredentials())
      #expect(!update.isOpen)
    }
  }
}
