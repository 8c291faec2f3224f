import CMicroHTTPD
import Synchronization

/// One request and its answer, from the request line to the last byte sent. libmicrohttpd calls ``advance(_:_:)``
/// again and again on the thread that serves the connection; the handler answers from wherever it ran.
final class Exchange: Sendable {
  private enum Phase {
    /// The target is known, the header is not read yet.
    case head
    /// The body is being collected. A problem found meanwhile waits for the end of the body, as libmicrohttpd takes
    /// no answer in between.
    case body(RequestHead, BodyFraming, [UInt8], RequestProblem?)
    /// The handler works and the connection is suspended.
    case handling(ServedConnection)
    /// The handler answered; the thread that serves the connection will send it.
    case answered(Response)
    case sending
  }

  private struct State {
    var phase = Phase.head
    var head: RequestHead?
    var held = 0
    var abandoned = false
    var stream: (any SentStream)?
  }

  /// A call of libmicrohttpd's access handler.
  struct Call {
    let connection: ServedConnection
    /// The method and the version, where they stand in the connection's buffer; to be read during the call only.
    let methodStart: UnsafePointer<CChar>?
    let versionStart: UnsafePointer<CChar>?
    let upload: UnsafeRawBufferPointer
  }

  let connection: Connection
  let target: [UInt8]
  private let daemon: Daemon
  private let state = Mutex(State())

  init(daemon: Daemon, connection: Connection, target: [UInt8]) {
    self.daemon = daemon
    self.connection = connection
    self.target = target
  }

  /// - Returns: false when the connection must be closed without an answer.
  func advance(_ call: Call) -> Bool {
    state.withLock { state in
      switch state.phase {
      case .head: begin(call, &state)
      case .body where !call.upload.isEmpty: collect(call.upload, &state)
      case .body(let head, _, let body, let problem): complete(call.connection, head, body, problem, &state)
      case .answered(let response): send(response, on: call.connection, closing: state.abandoned, &state)
      case .handling, .sending: true
      }
    }
  }

  private func begin(_ call: Call, _ state: inout State) -> Bool {
    let headBytes = reroot_connection_header_size(call.connection.pointer)
    let header = HeaderReader.read(call, headBytes: headBytes)
    let reading = daemon.read(
      RequestCheck(
        method: call.methodStart.map { String(cString: $0) } ?? "",
        version: call.versionStart.map { String(cString: $0) } ?? "", targetBytes: target.count,
        headers: header.headers, fieldBytes: header.bytes, headBytes: headBytes, hasPlainLines: header.hasPlainLines),
      target: target, from: connection)
    state.head = reading.head
    switch reading.framing {
    case .success(let framing):
      state.phase = .body(reading.head, framing, [], nil)
      return true
    case .failure(let problem):
      connection.linger()
      return send(daemon.page(problem, reading.head), on: call.connection, closing: true, &state)
    }
  }

  private func collect(_ bytes: UnsafeRawBufferPointer, _ state: inout State) -> Bool {
    guard case .body(let head, let framing, var body, var problem) = state.phase else { return false }
    state.phase = .sending  // The array is then not shared while it grows.
    if problem == nil {
      // It is no longer than its Content-Length, which was held against the limit.
      if daemon.bodies.take(bytes.count) {
        state.held += bytes.count
        body.append(contentsOf: bytes)
      } else {
        problem = .busy
        body = []
      }
    }
    state.phase = .body(head, framing, body, problem)
    return true
  }

  private func complete(
    _ served: ServedConnection, _ head: RequestHead, _ body: [UInt8], _ problem: RequestProblem?, _ state: inout State
  ) -> Bool {
    connection.expect(by: nil)
    if let problem { return send(daemon.page(problem, head), on: served, closing: true, &state) }
    guard !state.abandoned, daemon.inFlight.enter(self) else {
      return send(daemon.page(.stopping, head), on: served, closing: true, &state)
    }
    if body.isEmpty, let response = daemon.configuration.atHand(head) {
      return send(response, on: served, closing: false, &state)
    }
    MHD_suspend_connection(served.pointer)
    state.phase = .handling(served)
    Task { answer(await daemon.respond(to: head, body: body)) }
    return true
  }

  private func answer(_ response: Response) {
    let isTaken = state.withLock { state in
      guard case .handling(let served) = state.phase else { return false }
      state.phase = .answered(response)
      // Under the lock, so that the server is not stopped between the answer and the resumption.
      MHD_resume_connection(served.pointer)
      return true
    }
    if !isTaken { response.discard() }
  }

  /// The server waits no longer: the client gets 503, and what the handler answers later is dropped.
  func abandon() {
    let stream = state.withLock { state -> (any SentStream)? in
      state.abandoned = true
      if case .handling(let served) = state.phase, let head = state.head {
        state.phase = .answered(daemon.page(.stopping, head))
        MHD_resume_connection(served.pointer)
      }
      return state.stream
    }
    stream?.abandon()
  }

  /// The stream that the request was answered with.
  var stream: (any SentStream)? { state.withLock { $0.stream } }

  /// libmicrohttpd is through with the request, sent or not.
  func finish() {
    let (held, stream, unsent) = state.withLock { state -> (Int, (any SentStream)?, Response?) in
      defer {
        state.phase = .sending
        state.held = 0
        state.stream = nil
      }
      if case .answered(let response) = state.phase { return (state.held, state.stream, response) }
      return (state.held, state.stream, nil)
    }
    daemon.bodies.give(held)
    daemon.inFlight.leave(self)
    connection.stream = nil
    stream?.end()
    unsent?.discard()
    connection.expectRequest(by: .now + daemon.configuration.idleTimeout)
  }

  private func send(
    _ response: Response, on served: ServedConnection, closing: Bool, _ state: inout State
  ) -> Bool {
    state.phase = .sending
    daemon.bodies.give(state.held)
    state.held = 0
    let head = state.head
    var response = response
    if !response.hasSendableHeaders || !(200...599).contains(response.status) {
      daemon.logger.error("an answer has a header or status that cannot be sent", metadata: daemon.metadata(head))
      response.discard()
      response = Response.text("The server made an answer that cannot be sent.\n", status: 500)
    }
    daemon.logger.debug(
      "answered", metadata: daemon.metadata(head).merging(["status": "\(response.status)"]) { $1 })

    if case .events = response.body { response.addEventHeaders() }
    if let stream = response.stream {
      if head?.method != .head { return send(stream, response, on: served, &state) }
      stream.discard()
    }
    let seconds = if case .bytes(let bytes) = response.body { bytes.count >> 13 } else { 0 }
    connection.expect(by: .now + daemon.configuration.requestTimeout + .seconds(seconds))
    return ResponseWriter.queue(response, closing: closing, on: served)
  }
  private func send(
    _ stream: any SentStream, _ response: Response, on served: ServedConnection, _ state: inout State
  ) -> Bool {
    guard stream.attach(to: connection) else {
      stream.discard()
      return ResponseWriter.queue(.text("This stream is over.\n", status: 410), closing: false, on: served)
    }
    state.stream = stream
    connection.stream = stream
    connection.expect(by: nil)
    daemon.watchAgain(connection)
    // Set before the server looks for streams to close, so one of the two sees the other.
    if daemon.inFlight.isStopping { stream.close() }
    return ResponseWriter.queue(stream, response, on: served)
  }
}
