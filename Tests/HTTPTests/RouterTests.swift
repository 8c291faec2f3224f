import Testing

@testable import HTTP

@Suite struct RouterTests {
  private let router: Router<String, Int> = {
    var router = Router<String, Int>()
    router.on(.get, "/", for: 0) { _, _, context in .text("home \(context)") }
    router.on(.get, "/updates/:id", for: 1) { _, path, _ in .text("update \(path["id"] ?? "")") }
    router.on(.get, "/updates/new", for: 2) { _, _, _ in .text("form") }
    router.on(.post, "/updates/:id/decisions", for: 3) { _, path, _ in .text("decide \(path.integer("id") ?? -1)") }
    router.on(.delete, "/updates/:id", for: 4) { _, _, _ in .text("gone") }
    return router
  }()

  private func answer(_ method: Method, _ path: String) async throws -> String? {
    let request = Request(method: method, path: path)
    guard case .bytes(let bytes)? = try await router.match(method, path)?.answer(request, "ctx").body else {
      return nil
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test(
    "A path finds its handler",
    arguments: [
      ("/", "home ctx"), ("/updates/7", "update 7"), ("/updates/new", "form"), ("/updates/7/", "update 7"),
      ("/updates/ä b", "update ä b"),
    ])
  func found(path: String, expected: String) async throws {
    #expect(try await answer(.get, path) == expected)
    #expect(try await answer(.head, path) == expected)
  }

  @Test("An unknown path has no handler", arguments: ["/updates", "/updates/7/x", "/nothing", "/Updates/7"])
  func unknown(path: String) async throws {
    #expect(try await answer(.get, path) == nil)
  }

  @Test("A number in a path is read only when it is one", arguments: [("7", 7), ("-7", -1), ("x", -1), ("٧", -1)])
  func integer(text: String, expected: Int) async throws {
    #expect(try await answer(.post, "/updates/\(text)/decisions") == "decide \(expected)")
  }

  @Test("The table names every route with who may use it, and a match the access of its own route")
  func table() throws {
    #expect(
      router.table.map { "\($0.method) \($0.pattern) \($0.access)" } == [
        "GET / 0", "GET /updates/:id 1", "GET /updates/new 2", "POST /updates/:id/decisions 3",
        "DELETE /updates/:id 4",
      ])
    #expect(try router.match(.get, "/updates/new")?.access == 2)
    #expect(try router.match(.head, "/updates/new/")?.access == 2)
    #expect(try router.match(.head, "/updates/7")?.access == 1)
    #expect(try router.match(.delete, "/updates/new")?.access == 4)
  }

  @Test("A method that the path does not take is told which ones it takes")
  func methodNotAllowed() async throws {
    await #expect(throws: MethodNotAllowed(allowed: [.delete, .get, .head])) { try await answer(.put, "/updates/7") }
    await #expect(throws: MethodNotAllowed(allowed: [.post])) { try await answer(.get, "/updates/7/decisions") }

    let router = router
    try await withServer(handler: { request in
      do {
        let match = try router.match(request.method, request.path)
        return try await match?.answer(request, "") ?? .text("not found", status: 404)
      } catch let error as MethodNotAllowed {
        return error.response(error.problem.plainResponse)
      } catch {
        return .text("", status: 500)
      }
    }) { server in
      let response = try await server.exchange(TestServer.request("PATCH", "/updates/7"))
      #expect(response.status == 405)
      #expect(response.header("allow") == "DELETE, GET, HEAD")
      #expect(response.text.contains("DELETE, GET, HEAD"))
    }
  }
}
