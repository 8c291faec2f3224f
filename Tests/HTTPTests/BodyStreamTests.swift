import Glibc
import Synchronization
import Testing

@testable import HTTP

/// Makes a long body, and counts what it was asked for.
final class Parts: Sendable {
  private let state = Mutex((given: 0, isOver: false))
  let count: Int
  let size: Int
  let failsAt: Int?

  init(_ count: Int, size: Int, failsAt: Int? = nil) {
    self.count = count
    self.size = size
    self.failsAt = failsAt
  }

  var given: Int { state.withLock { $0.given } }
  var isOver: Bool { state.withLock { $0.isOver } }

  struct Failure: Error {}

  func next() throws -> [UInt8]? {
    try state.withLock { state in
      if state.given == failsAt { throw Failure() }
      guard state.given < count else {
        state.isOver = true
        return nil
      }
      defer { state.given += 1 }
      return [UInt8](repeating: UInt8(ascii: "a") + UInt8(state.given % 26), count: size)
    }
  }

  func response() -> Response { Response(status: 200, body: .stream(BodyStream { try self.next() })) }
}

/// Three parts, the second of them empty.
final class Given: Sendable {
  private let rest = Mutex<[[UInt8]]>([[0x61], [], [0x62]])

  private func next() -> [UInt8]? { rest.withLock { $0.isEmpty ? nil : $0.removeFirst() } }

  func answer(_ request: Request) -> Response {
    let stream = request.path == "/none" ? BodyStream(next: { nil }) : BodyStream(next: { self.next() })
    return Response(status: 200, body: .stream(stream))
  }
}

@Suite("Bodies made while they are sent", .timeLimit(.minutes(1))) struct BodyStreamTests {
  @Test("A long body arrives whole and in order, and HEAD asks for none of it")
  func whole() async throws {
    let parts = Parts(60, size: 100_000)
    try await withServer(handler: { _ in parts.response() }) { server in
      let head = try await server.exchange(TestServer.request("HEAD", "/"), head: true)
      #expect(head.status == 200 && parts.given == 0)
      let answer = try await server.get("/")
      #expect(answer.body.count == 6_000_000)
      for index in 0..<60 {
        #expect(answer.body[index * 100_000] == UInt8(ascii: "a") + UInt8(index % 26))
        #expect(answer.body[index * 100_000 + 99_999] == UInt8(ascii: "a") + UInt8(index % 26))
      }
      #expect(parts.isOver)
    }
  }

  @Test("An empty part is no end, and a body without any part is empty")
  func empty() async throws {
    let given = Given()
    try await withServer(handler: { given.answer($0) }) { server in
      let (none, some) = (try await server.get("/none"), try await server.get("/some"))
      #expect(none.body.isEmpty && some.text == "ab")
    }
  }

  @Test("A client that does not read is not read ahead for, and one that leaves ends the asking")
  func slow() async throws {
    let parts = Parts(1000, size: 1 << 20)
    try await withServer(handler: { _ in parts.response() }) { server in
      do {
        let client = try RawClient(port: server.port, receiveBuffer: 4096)
        try await client.send(TestServer.request("GET", "/"))
        _ = try await client.read(until: "aaaa")
        // What the sockets hold is a few megabytes.
        #expect(parts.given < 50)
      }
      #expect(await eventually { server.server.openConnections == 0 })
      #expect(parts.given < 50 && server.server.requestsInFlight == 0)
    }
  }

  @Test("A body that fails on the way never passes for a whole one")
  func failure() async throws {
    let parts = Parts(10, size: 1000, failsAt: 5)
    try await withServer(handler: { _ in parts.response() }) { server in
      let client = try RawClient(port: server.port)
      try await client.send(TestServer.request("GET", "/"))
      await #expect(throws: ClientError.self) { try await client.response() }
      #expect(await eventually { server.server.openConnections == 0 })
    }
  }

  @Test("A server that stops lets a body end, and cuts one that nobody reads")
  func stop() async throws {
    let parts = Parts(1000, size: 1 << 20)
    var client: RawClient?
    let begun = ContinuousClock.now
    try await withServer(handler: { _ in parts.response() }) { server in
      client = try RawClient(port: server.port, receiveBuffer: 4096)
      try await client?.send(TestServer.request("GET", "/"))
      _ = try await client?.read(until: "aaaa")
    }
    #expect(ContinuousClock.now - begun < .seconds(15))
    #expect(!parts.isOver)
    _ = client
  }
}
