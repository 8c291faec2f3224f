import Testing

@testable import HTTP

@Suite struct SlowClientTests {
  @Test(
    "A client that stops in the middle of a request is cut off after the request's time",
    arguments: [
      "", "GET /", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
    ])
  func stopped(beginning: String) async throws {
    try await withServer(
      {
        $0.requestTimeout = .milliseconds(150)
        $0.idleTimeout = .seconds(20)
      }, handler: echo
    ) { server in
      let client = try RawClient(port: server.port)
      try await client.send(beginning)
      _ = try? await client.readToEnd()
      #expect(await eventually { server.server.openConnections == 0 })
    }
  }

  @Test("A byte now and then does not keep a request alive")
  func dripping() async throws {
    try await withServer(
      {
        $0.requestTimeout = .milliseconds(200)
        $0.idleTimeout = .seconds(20)
      }, handler: echo
    ) { server in
      let client = try RawClient(port: server.port)
      try await client.send("GET / HTTP/1.1\r\nX: ")
      await #expect(throws: ClientError.self) {
        for _ in 0..<2000 {
          try await client.send("a")
          try await Task.sleep(for: .milliseconds(5))
        }
      }
    }
  }

  @Test("A connection without a request is closed after the idle time, one that is used is not")
  func idle() async throws {
    try await withServer({ $0.idleTimeout = .milliseconds(300) }, handler: echo) { server in
      let client = try RawClient(port: server.port)
      for _ in 0..<5 {
        try await client.send(TestServer.request("GET", "/"))
        #expect(try await client.response().status == 200)
      }
      let rest = try await client.readToEnd()
      #expect(rest.isEmpty)
    }
  }

  @Test("A client that does not read its answer is cut off")
  func notReading() async throws {
    let page = String(repeating: "x", count: 8 << 20)
    try await withServer(
      {
        $0.requestTimeout = .milliseconds(1)
        $0.idleTimeout = .seconds(1)
      }, handler: { _ in .text(page) }
    ) { server in
      let client = try RawClient(port: server.port, receiveBuffer: 4096)
      try await client.send(TestServer.request("GET", "/"))
      #expect(await eventually { server.server.openConnections == 1 })
      #expect(await eventually { server.server.openConnections == 0 })
    }
  }

  @Test("300 slow clients cost the others nothing")
  func others() async throws {
    try await withServer(handler: echo) { server in
      var slow: [RawClient] = []
      for _ in 0..<300 {
        let client = try RawClient(port: server.port)
        try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Length: 100000\r\n\r\nabc")
        slow.append(client)
      }
      let clock = ContinuousClock()
      let time = try await clock.measure {
        for _ in 0..<50 { _ = try await server.get("/") }
      }
      #expect(time < .seconds(5))
    }
  }

  @Test("A handler that takes its time holds no thread: others are answered meanwhile")
  func slowHandlers() async throws {
    let (gate, opener) = AsyncStream<Void>.makeStream()
    let waiting = Task { for await _ in gate {} }
    try await withServer(handler: { request in
      if request.path == "/slow" { await waiting.value }
      return .text(request.path)
    }) { server in
      var slow: [RawClient] = []
      for _ in 0..<50 {
        let client = try RawClient(port: server.port)
        try await client.send(TestServer.request("GET", "/slow"))
        slow.append(client)
      }
      #expect(await eventually { server.server.requestsInFlight == 50 })
      let fast = try await server.get("/fast")
      #expect(fast.text == "/fast")
      opener.finish()
      for client in slow { #expect(try await client.response().text == "/slow") }
    }
  }
}
