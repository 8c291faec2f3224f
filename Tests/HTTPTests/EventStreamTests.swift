import Glibc
import Synchronization
import Testing

@testable import HTTP

/// The streams that a test's handler gave out.
final class Streams: Sendable {
  private let state = Mutex<(streams: [EventStream], closed: Int)>(([], 0))

  func make(bufferLimit: Int = 1 << 20) -> EventStream {
    let stream = EventStream(bufferLimit: bufferLimit, onClose: { self.state.withLock { $0.closed += 1 } })
    state.withLock { $0.streams.append(stream) }
    return stream
  }

  var all: [EventStream] { state.withLock { $0.streams } }
  var closed: Int { state.withLock { $0.closed } }
  func send(_ message: EventMessage) { for stream in all { stream.send(message) } }
}

@Suite struct EventStreamTests {
  private func open(_ server: TestServer, receiveBuffer: Int32? = nil) async throws -> RawClient {
    let client = try RawClient(port: server.port, receiveBuffer: receiveBuffer)
    try await client.send(TestServer.request("GET", "/events", ["Last-Event-ID: 41"]))
    return client
  }

  @Test("A stream has the headers that keep browsers and proxies from storing it, and they come before any event")
  func headers() async throws {
    let streams = Streams()
    try await withServer(handler: { _ in .events(streams.make()).withHeader("X-Own", "a") }) { server in
      let client = try await open(server)
      let head = try await client.read(until: "\r\n\r\n")
      for line in [
        "HTTP/1.1 200 OK", "Content-Type: text/event-stream; charset=utf-8", "Cache-Control: no-store",
        "X-Accel-Buffering: no", "X-Own: a",
      ] {
        #expect(head.contains(line + "\r\n"))
      }
    }
  }

  @Test("Events arrive in order, those from before the answer first, and closing sends what waits")
  func order() async throws {
    try await withServer(handler: { request in
      let stream = EventStream()
      stream.send(EventMessage(data: "after \(request.headers.first("Last-Event-ID") ?? "")"))
      for number in 1...50 { stream.send(EventMessage(id: "\(number)", event: "step", data: "line\nsecond")) }
      stream.close()
      stream.send(EventMessage(data: "too late"))
      return .events(stream)
    }) { server in
      let client = try await open(server)
      let response = try await client.response()
      let expected = (1...50).map { "id: \($0)\nevent: step\ndata: line\ndata: second\n\n" }.joined()
      #expect(response.text == ":\n\ndata: after 41\n\n" + expected)
      try await client.send(TestServer.request("HEAD", "/events"))
      #expect(try await client.response(head: true).status == 200)
    }
  }

  @Test(
    "A message is written so that nothing in it can begin a field of its own",
    arguments: [
      (EventMessage(data: "a\r\nb\rc\nd"), "data: a\ndata: b\ndata: c\ndata: d\n\n"),
      (EventMessage(data: ""), "data: \n\n"), (EventMessage(data: "a\n"), "data: a\ndata: \n\n"),
      (EventMessage(id: "1\n2\0", event: "x\r\ndata: y", data: "z"), "id: 12\nevent: xdata: y\ndata: z\n\n"),
      (EventMessage(data: " a: ü"), "data:  a: ü\n\n"),
    ])
  func message(message: EventMessage, expected: String) {
    #expect(String(decoding: message.bytes, as: UTF8.self) == expected)
  }

  @Test("One event reaches 500 streams, large ones too, and streams that clients leave are noticed at once")
  func many() async throws {
    let streams = Streams()
    try await withServer(handler: { _ in .events(streams.make()) }) { server in
      var clients: [RawClient] = []
      for _ in 0..<500 { clients.append(try await open(server)) }
      for client in clients { _ = try await client.read(until: "\r\n\r\n") }
      #expect(streams.all.count == 500)

      streams.send(EventMessage(id: "1", event: "small", data: "hello"))
      for client in clients { _ = try await client.read(until: "id: 1\nevent: small\ndata: hello\n\n") }
      let large = String(repeating: "0123456789", count: 10_000)
      streams.send(EventMessage(id: "2", data: large))
      var received = 0
      for client in clients.prefix(20) {
        received += try await client.read(until: "9\n\n").utf8.filter { $0 == UInt8(ascii: "7") }.count
      }
      // Chunks of the transfer encoding have their sizes between the digits, so a few more may be counted.
      #expect((20 * 10_000..<20 * 10_200).contains(received))

      clients = []
      #expect(await eventually { streams.closed == 500 && server.server.openConnections == 0 })
      #expect(streams.all.allSatisfy { !$0.isOpen })
    }
  }

  @Test("Whoever has more to send than a stream holds waits for the client; one message may be longer than it")
  func pace() async throws {
    let streams = Streams()
    try await withServer(handler: { _ in .events(streams.make(bufferLimit: 40_000)) }) { server in
      let client = try await open(server)
      async let response = client.response()
      #expect(await eventually { !streams.all.isEmpty })
      let stream = try #require(streams.all.first)
      let sending = Task {
        for number in 1...40 {
          guard await stream.whenRead() else { return false }
          stream.send(EventMessage(id: "\(number)", data: String(repeating: "x", count: 50_000)))
        }
        stream.close()
        return true
      }
      #expect(try await response.text.utf8.count { $0 == UInt8(ascii: "x") } == 40 * 50_000)
      #expect(await sending.value)
      #expect(await !stream.whenRead())
    }
  }

  @Test("A client that leaves a silent stream is noticed without anything being sent")
  func left() async throws {
    let streams = Streams()
    try await withServer(handler: { _ in .events(streams.make()) }) { server in
      let staying = try await open(server)
      _ = try await staying.read(until: ":\n\n")
      do {
        let client = try await open(server)
        _ = try await client.read(until: ":\n\n")
      }
      #expect(await eventually { streams.closed == 1 })
      #expect(server.server.requestsInFlight == 1)
      streams.send(EventMessage(data: "still here"))
      _ = try await staying.read(until: "still here")
    }
  }

  @Test("A silent stream gets comments, also beyond the idle time of a connection")
  func keepAlive() async throws {
    let streams = Streams()
    try await withServer(
      {
        $0.keepAlive = .milliseconds(50)
        $0.idleTimeout = .milliseconds(200)
        $0.requestTimeout = .milliseconds(200)
      }, handler: { _ in .events(streams.make()) }
    ) { server in
      let client = try await open(server)
      for _ in 0..<30 { _ = try await client.read(until: ": keep-alive\n\n") }
      streams.send(EventMessage(data: "then"))
      _ = try await client.read(until: "data: then\n\n")
    }
  }

  @Test("A client that does not read is dropped once its buffer is full, and the others go on")
  func slow() async throws {
    let streams = Streams()
    try await withServer(handler: { _ in .events(streams.make(bufferLimit: 100_000)) }) { server in
      let slow = try await open(server, receiveBuffer: 4096)
      _ = try await slow.read(until: "\r\n\r\n")
      #expect(await eventually { streams.all.count == 1 })
      let reading = try await open(server)
      _ = try await reading.read(until: "\r\n\r\n")
      var number = 0
      while streams.all[0].isOpen, number < 2000 {
        number += 1
        streams.send(EventMessage(id: "\(number)", data: String(repeating: "x", count: 10_000)))
        _ = try await reading.read(until: "id: \(number)\n")
        _ = try await reading.read(until: "\n\n")
      }
      #expect(number < 2000)
      #expect(await eventually { streams.closed == 1 })
      #expect(streams.all[1].isOpen)
    }
  }

  @Test("HEAD on a stream is answered with its header, and the stream is over")
  func head() async throws {
    let streams = Streams()
    try await withServer(handler: { _ in .events(streams.make()) }) { server in
      let response = try await server.exchange(TestServer.request("HEAD", "/"), head: true)
      #expect(response.status == 200)
      #expect(response.header("content-type") == "text/event-stream; charset=utf-8")
      #expect(await eventually { streams.closed == 1 })
    }
  }

  @Test("A stream that is given to a second request stays with the first, and the second gets 410")
  func twice() async throws {
    let streams = Streams()
    let stream = streams.make()
    try await withServer(handler: { _ in .events(stream) }) { server in
      let client = try await open(server)
      _ = try await client.read(until: ":\n\n")
      let second = try await server.get("/")
      #expect(second.status == 410)
      #expect(streams.closed == 0)
      stream.send(EventMessage(data: "on"))
      _ = try await client.read(until: "data: on\n\n")
    }
  }

  @Test("A stream that overflowed before its answer is over")
  func overflowedBefore() async throws {
    let streams = Streams()
    try await withServer(handler: { _ in
      let stream = streams.make(bufferLimit: 10)
      for _ in 1...2 { stream.send(EventMessage(data: "longer than ten bytes")) }
      return .events(stream)
    }) { server in
      let response = try await server.get("/")
      #expect(response.status == 410)
      #expect(streams.closed == 1)
    }
  }
}
