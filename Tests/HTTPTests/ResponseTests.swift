import Testing

@testable import HTTP

@Suite struct ResponseTests {
  @Test("A redirect answers 303 and cannot be made to write another header")
  func redirect() async throws {
    try await withServer(handler: { _ in .redirect(to: "/updates/7\r\nSet-Cookie: a=b ü") }) { server in
      let response = try await server.get("/")
      #expect(response.status == 303)
      #expect(response.header("location") == "/updates/7%0D%0ASet-Cookie:%20a=b%20%C3%BC")
      #expect(response.header("set-cookie") == nil)
    }
  }

  @Test(
    "A header that would break out of its line becomes 500, and its value is not sent",
    arguments: [("X-A", "a\r\nX-B: b"), ("X-A", "a\0b"), ("X A", "b"), ("", "b"), ("X-A", "a\nb")])
  func injection(name: String, value: String) async throws {
    try await withServer(handler: { _ in Response.text("page").withHeader(name, value) }) { server in
      let response = try await server.get("/")
      #expect(response.status == 500)
      #expect(!response.headers.contains { $0.name.hasPrefix("x-") })
    }
  }

  @Test("Several cookies are set by several headers, in order")
  func cookies() async throws {
    try await withServer(handler: { _ in
      Response.html("<p>ü</p>").withHeader("Set-Cookie", "a=1").withHeader("Set-Cookie", "b=2")
    }) { server in
      let response = try await server.get("/")
      #expect(response.headers.filter { $0.name == "set-cookie" }.map(\.value) == ["a=1", "b=2"])
      #expect(response.header("content-type") == "text/html; charset=utf-8")
      #expect(response.header("content-length") == "9")
      #expect(response.text == "<p>ü</p>")
    }
  }

  @Test("What is at hand is answered without the handler, on a connection that goes on; a request with a body never is")
  func atHand() async throws {
    try await withServer(
      { $0.atHand = { $0.path == "/known" ? .text("at hand, \($0.method)") : nil } },
      handler: { .text("handled \($0.path) \($0.body.count)") }
    ) { server in
      let client = try RawClient(port: server.port)
      for _ in 0..<3 {
        try await client.send(TestServer.request("GET", "/known"))
        #expect(try await client.response().text == "at hand, GET")
        try await client.send(TestServer.request("GET", "/other"))
        #expect(try await client.response().text == "handled /other 0")
      }
      let posted = try await server.exchange(TestServer.post("/known", type: "text/plain", body: Array("abc".utf8)))
      #expect(posted.text == "handled /known 3")
      #expect(await eventually { server.server.requestsInFlight == 0 })
    }
  }

  @Test("A large page arrives whole, and the connection goes on")
  func large() async throws {
    let page = String(repeating: "0123456789abcdef", count: 200_000)
    try await withServer(handler: { _ in .text(page) }) { server in
      let client = try RawClient(port: server.port)
      for _ in 0..<3 {
        try await client.send(TestServer.request("GET", "/"))
        #expect(try await client.response().text == page)
      }
    }
  }
}
