import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("Tokens", .timeLimit(.minutes(2))) struct TokenTests {
  @Test("Without a valid token the API tells nothing, not even what there is; a session's cookie is none")
  func strangers() async throws {
    try await withConsole { console in
      let signedIn = try await console.browser()
      for path in ["/roots", "/nowhere", "/updates/1/events"] {
        for token in [nil, "reroot_nonsense", ""] {
          let answer = try await Program(console, token: token).get(path)
          #expect(answer.status == 401 && answer.problemCode == "TOKEN_NEEDED", "\(path)")
          #expect(answer.header("www-authenticate")?.hasPrefix("Bearer") == true)
        }
        #expect(try await signedIn.get("/api/v1" + path).status == 401, "\(path)")
      }
      #expect(try await console.stranger().get("/api/v1/openapi.json").status == 200)
    }
  }

  @Test("A token does what its role allows, never more than its user may at that moment, and nothing once it is over")
  func roles() async throws {
    try await withSystem { system in
      let console = system.console
      let viewer = try await Program(console, .administrator, limit: .viewer)
      #expect(try await viewer.get("/roots").status == 200)
      let refused = try await viewer.send("POST", "/plans", ["root": 1, "months": 1])
      #expect(refused.status == 403 && refused.problemCode == "NOT_ALLOWED")

      let made = try await console.store.makeToken(
        named: "t", of: console.user(.operator).id, role: .operator, days: 7)
      let program = Program(console, token: made.token)
      #expect(try await program.get("/audit").status == 200)
      try await console.store.changeUser(console.user(.operator).id, name: "operator", role: .viewer)
      #expect(try await program.get("/audit").status == 403)
      console.clock.advance(7 * 86_400 + 1)
      #expect(try await program.get("/roots").status == 401)
      await #expect(throws: StoreError.self) {
        _ = try await console.store.makeToken(named: "u", of: console.user(.viewer).id, role: .operator, days: 1)
      }
    }
  }

  @Test("On its page a token is made, shown once, listed with its use, and ended; its stream ends with it")
  func page() async throws {
    try await withSystem { system in
      let (console, browser) = (system.console, system.browser)
      #expect(try await browser.get("/tokens").says("No token yet"))
      let wrong = try await browser.submit(
        try await browser.get("/tokens/new"), nil,
        ["name": " ", "role": "emperor", "days": "400", "current": TestConsole.password])
      #expect(wrong.status == 422 && Set(wrong.errorFields) == ["name", "role", "days"])
      var fields = ["name": "nightly", "role": "operator", "days": "30", "current": "a wrong password"]
      let guessed = try await browser.submit(try await browser.get("/tokens/new"), nil, fields)
      #expect(guessed.status == 422 && guessed.errorFields == ["current"])
      fields["current"] = TestConsole.password
      let made = try await browser.submit(try await browser.get("/tokens/new"), nil, fields)
      let token = try #require(HTML.first(#"<code id="link">([^<]*)</code>"#, in: made.html))
      #expect(token.hasPrefix("reroot_"))
      let program = Program(console, token: token)
      _ = try await system.settled(try await system.start())
      let stream = try await program.events("/updates/1/events")
      #expect(stream.status == 200)
      let list = try await browser.get("/tokens")
      #expect(list.says("nightly") && list.says("from 127.0.0.1") && !list.has(token))
      #expect(!console.log.all.contains { $0.contains(token) })
      // In the database and its log stands the hash alone.
      let data = console.folder.path + "/data"
      let files = try FileManager.default.subpathsOfDirectory(atPath: data).compactMap {
        FileManager.default.contents(atPath: data + "/" + $0)
      }
      func isKept(_ text: String) -> Bool { files.contains { $0.range(of: Data(text.utf8)) != nil } }
      #expect(isKept(TokenHash.of(token)) && !isKept(String(token.dropFirst(Store.tokenPrefix.count))))

      let ended = try await browser.post("/tokens/1/end", [("csrf", try await browser.token())])
      #expect(ended.status == 303)
      try await eventually("the stream has ended") { stream.hasEnded }
      #expect(try await program.get("/roots").status == 401)
    }
  }

  @Test("One sees and ends one's own tokens, an administrator everybody's")
  func others() async throws {
    try await withConsole { console in
      let viewer = try await console.browser(.viewer)
      let own = try await console.store.makeToken(named: "own", of: console.user(.viewer).id, role: .viewer, days: 1)
      let other = try await console.store.makeToken(
        named: "other", of: console.user(.administrator).id, role: .viewer, days: 1)
      let list = try await viewer.get("/tokens")
      #expect(list.says("own") && !list.says("other"))
      let csrf = [("csrf", try await viewer.token())]
      #expect(try await viewer.post("/tokens/\(other.record.id)/end", csrf).status == 404)
      #expect(try await console.browser().get("/tokens").says("of viewer"))
      #expect(try await viewer.post("/tokens/\(own.record.id)/end", csrf).status == 303)
    }
  }

  @Test("A token whose time is over opens nothing, and whoever sends it is told so; an unknown one is told nothing")
  func expired() async throws {
    try await withConsole { console in
      let token = try await console.store.makeToken(
        named: "t", of: console.user(.viewer).id, role: .viewer, days: 1
      ).token
      let program = Program(console, token: token)
      console.clock.advance(86_399)
      #expect(try await program.get("/roots").status == 200)
      console.clock.advance(1)
      let refused = try await program.get("/roots")
      #expect(refused.status == 401 && refused.problemCode == "TOKEN_EXPIRED", "\(refused)")
      #expect(
        try refused.json["detail"]?.text?.hasPrefix("The time of this token was over on 2 Jun 2026") == true,
        "\(refused)")
      #expect(refused.header("www-authenticate")?.contains("invalid_token") == true)
      #expect(try await Program(console, token: token + "x").get("/roots").problemCode == "TOKEN_NEEDED")
    }
  }

  @Test("An address or a header that is too long is told of as any problem, as long as the address is known")
  func tooLong() async throws {
    try await withConsole { console in
      let program = try await Program(console, .viewer)
      let long = try await program.get("/roots?x=" + String(repeating: "a", count: 5000))
      #expect(long.status == 414 && long.problemCode == "ADDRESS_TOO_LONG", "\(long)")
      let many = try await program.get("/roots", (0..<101).map { ("X-\($0)", "a") })
      #expect(many.status == 431 && many.problemCode == "HEADERS_TOO_LARGE", "\(many)")
      #expect(try many.json["detail"]?.text?.contains("cookies") == false, "a program has none")
      let large = try await program.get("/roots", [("X", String(repeating: "a", count: 13_200))])
      #expect(large.status == 431 && large.problemCode == "HEADERS_TOO_LARGE", "\(large)")
      let given = try await program.get("/roots", [("X", String(repeating: "a", count: 40_000))])
      #expect(given.status == 431 && given.problemCode == nil, "\(given)")
    }
  }

  @Test("Two tokens in one request are refused, whichever of them is good")
  func twoTokens() async throws {
    try await withConsole { console in
      let good = try await Program(console, .viewer)
      for other in ["Bearer reroot_nothing", "Bearer \(good.token ?? "")", "Basic YTpi"] {
        let refused = try await good.get("/roots", [("Authorization", other)])
        #expect(refused.status == 400 && refused.problemCode == "REPEATED_HEADER", "\(refused)")
      }
    }
  }

  @Test("A token makes tokens that may do no more, last no longer and end with it; each is shown once and can be used")
  func making() async throws {
    try await withConsole { console in
      let owner = try await console.user(.administrator).id
      let own = try await console.store.makeToken(named: "own", of: owner, role: .operator, days: 7)
      let program = Program(console, token: own.token)
      func make(_ name: String, _ role: Role, _ days: Int64) async throws -> Answer {
        try await program.send(
          "POST", "/tokens", ["name": .string(name), "role": .string(role.rawValue), "days": .integer(days)])
      }
      let stronger = try await make("stronger", .administrator, 1)
      #expect(try stronger.status == 422 && stronger.json["errors"]?.elements?.first?["pointer"] == "/role")
      let made = try await make("child", .operator, 366)
      #expect(made.status == 201, "\(made)")
      let token = try #require(try made.json["token"]?.text)
      #expect(try made.json["record"]?["expiresAt"] == .moment(own.record.expiresAt))
      #expect(try await make("child", .viewer, 1).problemCode == "NAME_TAKEN")
      let child = Program(console, token: token)
      #expect(try await child.get("/audit").status == 200)
      #expect(!console.log.all.contains { $0.contains(token) })
      let grandchild = try await child.send("POST", "/tokens", ["name": "third", "role": "viewer", "days": 1])
      let third = Program(console, token: try #require(try grandchild.json["token"]?.text))
      #expect(try await third.get("/roots").status == 200)
      try await console.store.removeToken(own.record.id)
      for program in [program, child, third] { #expect(try await program.get("/roots").status == 401) }
      #expect(try await console.store.tokens(of: owner).isEmpty)
    }
  }

  @Test("The tokens that a token has made, and those made by them, share its requests; others do not")
  func sharedRate() async throws {
    let console = try await TestConsole(requestsPerMinute: 6)
    do {
      func make(_ program: Program, _ name: String) async throws -> Program {
        let made = try await program.send("POST", "/tokens", ["name": .string(name), "role": "viewer", "days": 1])
        return Program(console, token: try #require(try made.json["token"]?.text, "\(made)"))
      }
      let (own, other) = try await (Program(console, .viewer), Program(console, .viewer))
      let child = try await make(own, "child")
      let grandchild = try await make(child, "grandchild")
      for (program, left) in [(own, 3), (child, 2), (grandchild, 1), (own, 0)] {
        let answer = try await program.get("/roots")
        #expect(answer.status == 200 && answer.header("ratelimit")?.contains("r=\(left);") == true, "\(answer)")
      }
      for program in [own, child, grandchild] { #expect(try await program.get("/roots").problemCode == "RATE_LIMIT") }
      #expect(try await other.get("/roots").status == 200)
    } catch {
      try? await console.stop()
      throw error
    }
    try await console.stop()
  }

  @Test("A token whose line leads into itself, or nowhere, in a damaged database stands for itself")
  func damagedLine() async throws {
    try await withConsole { console in
      let owner = try await console.user(.viewer).id
      let first = try await console.store.makeToken(named: "first", of: owner, role: .viewer, days: 1)
      let second = try await console.store.makeToken(
        named: "second", of: owner, role: .viewer, days: 1, by: first.record)
      #expect(second.record.family == first.record.id)
      for maker in [second.record.id.rawValue, 4_711] {
        try await console.store.database.writeWithoutTransaction { database in
          try database.execute(sql: "PRAGMA foreign_keys = OFF")
          try database.execute(
            sql: "UPDATE tokens SET maker = ? WHERE id = ?", arguments: [maker, first.record.id.rawValue])
          try database.execute(sql: "PRAGMA foreign_keys = ON")
        }
        #expect(try await console.store.token(second.token, from: "192.0.2.1")?.family == second.record.id)
        #expect(try await console.store.token(first.token, from: "192.0.2.1")?.family == first.record.id)
      }
    }
  }

  @Test("A user has a hundred valid tokens at most; those whose time is over do not count, nor do those of others")
  func most() async throws {
    try await withConsole { console in
      let owner = try await console.user(.viewer).id
      for number in 1..<Store.mostTokens {
        _ = try await console.store.makeToken(named: "t\(number)", of: owner, role: .viewer, days: number == 1 ? 1 : 9)
      }
      let program = try await Program(console, .viewer)
      func make() async throws -> Answer {
        try await program.send("POST", "/tokens", ["name": "one more", "role": "viewer", "days": 1])
      }
      let refused = try await make()
      #expect(refused.status == 409 && refused.problemCode == "TOO_MANY_TOKENS", "\(refused)")
      #expect(try refused.json["detail"]?.text?.hasPrefix("A user has at most 100 valid tokens") == true)
      let other = try await Program(console, .operator)
      #expect(try await other.send("POST", "/tokens", ["name": "x", "role": "viewer", "days": 1]).status == 201)
      console.clock.advance(86_400)
      #expect(try await make().status == 201)
    }
  }

  @Test("A token ends itself and weaker ones of its owner, and never a stronger one")
  func ending() async throws {
    try await withConsole { console in
      let owner = try await console.user(.administrator).id
      func make(_ name: String, _ role: Role) async throws -> (token: String, record: TokenRecord) {
        try await console.store.makeToken(named: name, of: owner, role: role, days: 7)
      }
      let (viewer, other) = try await (make("viewer", .viewer), make("other", .viewer))
      let (middle, strong) = try await (make("middle", .operator), make("strong", .administrator))
      let program = Program(console, token: viewer.token)
      for stronger in [middle, strong] {
        let refused = try await program.send("DELETE", "/tokens/\(stronger.record.id)")
        #expect(refused.status == 403 && refused.problemCode == "ROLE_NEEDED", "\(refused)")
      }
      #expect(try await program.send("DELETE", "/tokens/\(other.record.id)").status == 204)
      #expect(try await program.send("DELETE", "/tokens/\(viewer.record.id)").status == 204)
      #expect(try await program.get("/roots").status == 401)
      let last = Program(console, token: strong.token)
      #expect(try await last.send("DELETE", "/tokens/\(middle.record.id)").status == 204)
      #expect(try await console.store.tokens().map(\.id) == [strong.record.id])
    }
  }

  @Test("A new password link for a user ends the user's tokens, and nobody else's")
  func reset() async throws {
    try await withConsole { console in
      let (lost, other) = try await (Program(console, .operator), Program(console, .viewer))
      let id = try await console.user(.operator).id
      _ = try await console.store.makePasswordLink(id, hash: try PasswordHash.unknown())
      #expect(try await lost.get("/roots").status == 401)
      #expect(try await other.get("/roots").status == 200)
    }
  }

  @Test("A request whose end nobody knows is not begun again, and a key is forgotten after a day")
  func begunRequests() async throws {
    try await withConsole { console in
      let token = try await console.store.makeToken(named: "t", of: console.user(.viewer).id, role: .viewer, days: 9)
        .record.id
      func begin(_ content: [UInt8]) async throws -> RepeatedRequest {
        try await console.store.beginRequest(key: "k", of: token, content: content)
      }
      #expect(try await begin([1]) == .new)
      #expect(try await begin([1]) == .begun)
      #expect(try await begin([2]) == .other)
      let answer = KeptAnswer(status: 201, headers: [["Location", "/x"]], body: Data([3]))
      try await console.store.keepAnswer(answer, key: "k", of: token)
      #expect(try await begin([1]) == .answered(answer))
      console.clock.advance(Store.requestKeyLifetime + 1)
      #expect(try await begin([2]) == .new)
    }
  }

  @Test("A token that sends too much is told when it may go on; others are not")
  func rate() async throws {
    try await withConsole { console in
      let program = try await Program(console, .viewer)
      let answer = try await program.get("/roots")
      #expect(answer.header("ratelimit")?.contains("r=599") == true)
      #expect(answer.header("ratelimit-policy") == "\"token\";q=600;w=60")

      let rate = RequestRate(limit: 60, clock: { console.clock.now })
      let (one, other) = try await (visit(console, "one"), visit(console, "other"))
      for _ in 0..<60 { try rate.take(one) }
      let refusal = #expect(throws: TooManyRequests.self) { try rate.take(one) }
      let problem = ProblemDetails(try #require(refusal))
      #expect(problem.status == 429 && problem.code == "RATE_LIMIT")
      #expect(try problem.response().header("Retry-After") == "1")
      try rate.take(other)
      console.clock.advance(1)
      try rate.take(one)
      #expect(throws: TooManyRequests.self) { try rate.take(one) }
      // A clock that is set back gives nothing.
      console.clock.advance(-3600)
      #expect(throws: TooManyRequests.self) { try rate.take(one) }
    }
  }

  @Test("Every answer says what a token has left, refusals too; the one that comes too many says when to try again")
  func refusedRate() async throws {
    let console = try await TestConsole(requestsPerMinute: 6)
    do {
      let (program, other) = try await (Program(console, .viewer), Program(console, .viewer))
      for (index, (method, path, status)) in [
        ("GET", "/roots", 200), ("GET", "/nowhere", 404), ("GET", "/audit", 403), ("DELETE", "/roots", 405),
        ("GET", "/roots?x=1", 422), ("GET", "/updates/999", 404),
      ].enumerated() {
        let answer = try await program.send(method, path)
        #expect(answer.status == status, "\(answer)")
        #expect(answer.header("ratelimit")?.contains("r=\(5 - index);") == true, "\(path)")
        #expect(answer.header("ratelimit-policy") == "\"token\";q=6;w=60")
      }
      let refused = try await program.get("/roots")
      #expect(refused.status == 429 && refused.problemCode == "RATE_LIMIT", "\(refused)")
      #expect(refused.header("retry-after") == "10")
      #expect(refused.header("ratelimit") == "\"token\";r=0;t=60")
      #expect(try await other.get("/roots").status == 200)
      console.clock.advance(10)
      #expect(try await program.get("/roots").status == 200)
    } catch {
      try? await console.stop()
      throw error
    }
    try await console.stop()
  }

  private func visit(_ console: TestConsole, _ name: String) async throws -> Visit {
    let token = try await console.store.makeToken(named: name, of: console.user(.viewer).id, role: .viewer, days: 1)
    return Visit(
      services: console.console.services, visitor: Visitor(token.record), csrfToken: "", notice: nil, path: "/",
      address: "127.0.0.1")
  }
}
