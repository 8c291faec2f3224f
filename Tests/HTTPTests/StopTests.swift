import Foundation
import Testing

@testable import HTTP

@Suite struct StopTests {
  private func start(_ handler: @escaping HTTPServer.Handler) throws -> TestServer {
    let server = HTTPServer(configuration: ServerConfiguration(), logger: TestServer.quiet, handler: handler)
    return TestServer(server: server, port: try server.start())
  }

  @Test("With 200 streams open the server stops within its time; each gets what was sent before, and an orderly end")
  func streams() async throws {
    let streams = Streams()
    let server = try start { _ in .events(streams.make()) }
    var clients: [RawClient] = []
    for _ in 0..<200 {
      let client = try RawClient(port: server.port)
      try await client.send(TestServer.request("GET", "/"))
      _ = try await client.read(until: ":\n\n")
      clients.append(client)
    }
    streams.send(EventMessage(data: "last"))
    let time = await ContinuousClock().measure { await server.server.stop(within: .seconds(10)) }
    #expect(time < .seconds(9))
    for client in clients {
      let rest = String(decoding: try await client.readToEnd(), as: UTF8.self)
      #expect(rest.contains("data: last\n\n"))
      #expect(rest.hasSuffix("0\r\n\r\n"))
    }
    #expect(streams.closed == 200)
    #expect(throws: ClientError.self) { try RawClient(port: server.port) }
  }

  @Test("A request in flight is answered before the server stops")
  func inFlight() async throws {
    let (gate, opener) = AsyncStream<Void>.makeStream()
    let waiting = Task { for await _ in gate {} }
    let server = try start { _ in
      await waiting.value
      return .text("done")
    }
    let client = try RawClient(port: server.port)
    try await client.send(TestServer.request("GET", "/"))
    #expect(await eventually { server.server.requestsInFlight == 1 })
    let stopping = Task { await server.server.stop(within: .seconds(20)) }
    #expect(await eventually { (try? RawClient(port: server.port)) == nil })
    opener.finish()
    #expect(try await client.response().text == "done")
    await stopping.value
  }

  @Test("A handler that does not end and a client that does not read cannot hold the server beyond its time")
  func deadline() async throws {
    let (gate, opener) = AsyncStream<Void>.makeStream()
    let waiting = Task { for await _ in gate {} }
    let streams = Streams()
    let server = try start { request in
      if request.path == "/events" { return .events(streams.make()) }
      await waiting.value
      return .events(streams.make())
    }
    let hanging = try RawClient(port: server.port)
    try await hanging.send(TestServer.request("GET", "/"))
    let unread = try RawClient(port: server.port, receiveBuffer: 4096)
    try await unread.send(TestServer.request("GET", "/events"))
    let partial = try RawClient(port: server.port)
    try await partial.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    #expect(await eventually { server.server.requestsInFlight == 2 })
    for _ in 0..<9 { streams.send(EventMessage(data: String(repeating: "x", count: 100_000))) }

    let time = await ContinuousClock().measure { await server.server.stop(within: .seconds(1)) }
    #expect(time < .seconds(3))
    #expect(try await hanging.response().status == 503)
    // The handler's late stream has nowhere to go, and says so to whoever keeps a registry of streams.
    opener.finish()
    #expect(await eventually { streams.closed == 2 })
  }

  @Test("Stopping twice, at the same time or before the start, is harmless, and a server starts once")
  func twice() async throws {
    let server = HTTPServer(configuration: ServerConfiguration(), logger: TestServer.quiet, handler: echo)
    await server.stop(within: .seconds(1))
    _ = try server.start()
    #expect(throws: ServerError.self) { try server.start() }
    async let first: Void = server.stop(within: .seconds(5))
    async let second: Void = server.stop(within: .seconds(5))
    _ = await (first, second)
    await server.stop(within: .seconds(5))
    #expect(throws: ServerError.self) { try server.start() }
  }

  @Test("Servers that are stopped under load do not end the process")
  func underLoad() async throws {
    for _ in 0..<10 {
      let streams = Streams()
      let server = try start { request in
        request.path == "/events" ? .events(streams.make()) : .text(request.path)
      }
      let load = Task {
        await withTaskGroup(of: Void.self) { group in
          for number in 0..<8 {
            group.addTask {
              while let client = try? RawClient(port: server.port) {
                guard (try? await client.send(TestServer.request("GET", number % 2 == 0 ? "/events" : "/"))) != nil,
                  (try? await client.read(until: "\r\n\r\n")) != nil
                else { continue }
                streams.send(EventMessage(data: "x"))
              }
            }
          }
        }
      }
      #expect(await eventually { streams.all.count > 20 })
      await server.server.stop(within: .seconds(5))
      await load.value
      #expect(await eventually { streams.closed == streams.all.count })
    }
  }

  @Test("A port that is taken, and an address of another machine, are told in a sentence")
  func addresses() async throws {
    try await withServer(handler: echo) { server in
      var configuration = ServerConfiguration(port: server.port)
      let second = HTTPServer(configuration: configuration, logger: TestServer.quiet, handler: echo)
      let taken = try #require(throws: ServerError.self) { try second.start() }
      #expect(taken.code == .portTaken)
      #expect(taken.sentence.contains("\(server.port)"))
      configuration = ServerConfiguration(host: "192.0.2.1")
      let third = HTTPServer(configuration: configuration, logger: TestServer.quiet, handler: echo)
      #expect(try #require(throws: ServerError.self) { try third.start() }.code == .addressUnusable)
      let next = try await server.get("/next")
      #expect(next.status == 200)
    }
  }
}
