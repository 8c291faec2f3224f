import Testing

@testable import HTTP

@Suite struct LimitTests {
  private static let type = "Content-Type: application/octet-stream"

  @Test("A body that is announced as too large is answered at once, before any of it was sent")
  func atOnce() async throws {
    try await withServer(handler: echo) { server in
      let client = try RawClient(port: server.port)
      try await client.send(TestServer.request("POST", "/", [Self.type, "Content-Length: 1114113"]))
      let response = try await client.response()
      #expect(response.status == 413)
      #expect(response.header("connection") == "close")
      let rest = try await client.readToEnd()
      #expect(rest.isEmpty)
    }
  }

  @Test("A client that sends 8 MiB all the same still gets its 413 instead of a reset")
  func lingering() async throws {
    try await withServer(handler: echo) { server in
      let client = try RawClient(port: server.port)
      try await client.send(TestServer.request("POST", "/", [Self.type, "Content-Length: \(8 << 20)"]))
      for _ in 0..<128 { try await client.send([UInt8](repeating: 0, count: 64 << 10)) }
      let response = try await client.response()
      #expect(response.status == 413)
      let rest = try await client.readToEnd()
      #expect(rest.isEmpty)
    }
  }

  @Test("A body of exactly the limit is taken")
  func exactly() async throws {
    try await withServer({ $0.maximumBodyBytes = 1000 }, handler: echo) { server in
      let body = [UInt8](repeating: 1, count: 1000)
      let taken = try await server.exchange(TestServer.post("/", type: "application/octet-stream", body: body))
      #expect(taken.text == "POST /\nbody 1000")
      let refused = try await server.exchange(TestServer.post("/", type: "application/octet-stream", body: body + [1]))
      #expect(refused.status == 413)
    }
  }

  @Test("Chunks are refused at once, and what a client sends of them all the same is dropped")
  func endlessChunks() async throws {
    try await withServer(handler: echo) { server in
      let client = try RawClient(port: server.port)
      try await client.send(TestServer.request("POST", "/", [Self.type, "Transfer-Encoding: chunked"]))
      let response = try await client.response()
      #expect(response.status == 411)
      #expect(response.header("connection") == "close")
      let chunk = "1000\r\n" + String(repeating: "a", count: 4096) + "\r\n"
      await #expect(throws: ClientError.self) {
        // It is read from for five seconds, so that it sees its answer, and then cut off.
        while true { try await client.send(chunk) }
      }
      let next = try await server.get("/next")
      #expect(next.text == "GET /next")
    }
  }

  @Test("A head that comes in pieces is read as one that comes at once")
  func pieces() async throws {
    try await withServer(handler: echo) { server in
      let fields = (0..<60).map { "X-\($0): \(String(repeating: "c", count: $0))" } + ["Empty:", "Space: d "]
      let whole = Array(TestServer.request("GET", "/pieces", fields).utf8)
      for size in [1, 7, 100, 1500] {
        let client = try RawClient(port: server.port)
        for start in stride(from: 0, to: whole.count, by: size) {
          try await client.send(Array(whole[start..<min(start + size, whole.count)]))
        }
        #expect(try await client.response().text == "GET /pieces")
      }
    }
  }

  /// Where a head fills the connection's memory to the last hundred bytes libmicrohttpd has none left for an answer and
  /// closes; the sizes here step over those places.
  @Test(
    "Heads of any size get either their answer or a refusal with a status",
    arguments: [500, 2000, 4000, 6000, 7000, 7900, 9000, 12_000, 15_000, 17_000, 40_000, 200_000])
  func headSizes(size: Int) async throws {
    let fields = (0..<size / 50).map { "X-\($0): \(String(repeating: "c", count: 40))" }.joined(separator: "\r\n")
    let cookies = (0..<size / 50).map { "n\($0)=\(String(repeating: "v", count: 40))" }.joined(separator: "; ")
    try await withServer(handler: echo) { server in
      for (header, largest) in [
        ("Cookie: a=" + String(repeating: "b", count: size), 6000), (fields, 4000), ("Cookie: " + cookies, 4000),
        ("X: " + String(repeating: "d", count: size), 12_000),
      ] {
        let response = try await server.get("/", header)
        #expect(response.status == (size <= largest ? 200 : 431))
      }
    }
  }

  @Test("Bodies of all clients together stay within their limit, and the next one is taken again")
  func heldBytes() async throws {
    let (gate, opener) = AsyncStream<Void>.makeStream()
    let waiting = Task { for await _ in gate {} }
    try await withServer(
      { $0.maximumHeldBytes = 50_000 },
      handler: { request in
        await waiting.value
        return .text("\(request.body.count)")
      }
    ) { server in
      let whole = TestServer.post("/", type: "application/octet-stream", body: [UInt8](repeating: 1, count: 30_000))
      let first = try RawClient(port: server.port)
      try await first.send(whole)
      #expect(await eventually { server.server.requestsInFlight == 1 })
      let second = try await server.exchange(whole)
      #expect(second.status == 503)
      opener.finish()
      #expect(try await first.response().text == "30000")
      let third = try await server.exchange(whole)
      #expect(third.text == "30000")
    }
  }

  @Test("More connections from one address than allowed are closed, and others are served when they are gone")
  func perAddress() async throws {
    try await withServer({ $0.perAddressLimit = 3 }, handler: echo) { server in
      var clients: [RawClient] = []
      for _ in 0..<3 {
        let client = try RawClient(port: server.port)
        try await client.send(TestServer.request("GET", "/"))
        _ = try await client.response()
        clients.append(client)
      }
      let fourth = try RawClient(port: server.port)
      try? await fourth.send(TestServer.request("GET", "/"))
      let answer = try? await fourth.response()
      #expect(answer == nil)
      clients = []
      #expect(await eventually { server.server.openConnections == 0 })
      let next = try await server.get("/next")
      #expect(next.status == 200)
    }
  }
}
