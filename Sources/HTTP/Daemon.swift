import CMicroHTTPD
import Glibc
import Logging
import Synchronization

/// A running libmicrohttpd daemon and everything that its threads share.
final class Daemon: Sendable {
  let configuration: ServerConfiguration
  let logger: Logger
  let connections = Connections()
  let inFlight = InFlight()
  let bodies: BodyBudget
  private let handler: HTTPServer.Handler
  private let watcher: Watcher
  private let identity: Mutex<TLSIdentity?>

  init(
    configuration: ServerConfiguration, identity: TLSIdentity?, logger: Logger,
    handler: @escaping HTTPServer.Handler
  ) throws(ServerError) {
    self.configuration = configuration
    self.logger = logger
    self.handler = handler
    self.bodies = BodyBudget(bytes: configuration.maximumHeldBytes)
    self.watcher = try Watcher(connections: connections, configuration: configuration)
    self.identity = Mutex(identity)
  }

  var isSecure: Bool { configuration.identity != nil }

  var currentIdentity: TLSIdentity? { identity.withLock { $0 } }

  func replace(_ new: TLSIdentity) {
    identity.withLock { $0 = new }
  }

  /// Notices when the client of an event stream leaves, also when it has left already.
  func watchAgain(_ connection: Connection) {
    watcher.watchAgain(connection)
  }

  func startWatching() { watcher.start() }
  func stopWatching() { watcher.stop() }

  // MARK: - Requests

  /// The head of a request as far as it can be read, and whether the request may go on.
  struct Reading {
    let head: RequestHead
    let framing: Result<BodyFraming, RequestProblem>
  }

  func read(_ check: RequestCheck, target: [UInt8], from connection: Connection) -> Reading {
    var method = Method.other("")
    var parsed: RequestTarget?
    let framing = Result { () throws(RequestProblem) -> BodyFraming in
      method = try check.method(memory: configuration.connectionMemory)
      parsed = try RequestTarget(target, limits: configuration.formLimits)
      if inFlight.isStopping { throw .stopping }
      return try check.framing(of: method, limit: configuration.maximumBodyBytes)
    }
    let sentPath = String(decoding: target.prefix { $0 != UInt8(ascii: "?") }.prefix(200), as: UTF8.self)
    let head = RequestHead(
      method: method, path: parsed?.path ?? "/", sentPath: sentPath, query: parsed?.query ?? Form(),
      headers: check.headers,
      cookies: Cookies.parse(check.headers.all("cookie")),
      remoteAddress: configuration.proxies.current.client(peer: connection.remoteAddress, headers: check.headers),
      isSecure: isSecure)
    return Reading(head: head, framing: framing)
  }

  func respond(to head: RequestHead, body: [UInt8]) async -> Response {
    let form: Form?
    do {
      form = try FormReader.form(of: body, headers: head.headers, limits: configuration.formLimits)
    } catch {
      return page(error, head)
    }
    return await handler(Request(head: head, body: form == nil ? body : [], form: form ?? Form()))
  }

  /// The answer to a request that the server refuses.
  func page(_ problem: RequestProblem, _ head: RequestHead) -> Response {
    logger.info(
      "refused: \(problem.sentence)",
      metadata: metadata(head).merging(["status": "\(problem.status)"]) { $1 })
    // Where the request's head fills the memory of its connection, only the shortest answer fits beside it.
    return problem == .tooManyHeaders
      ? configuration.briefProblem(problem, head) : configuration.problemPage(problem, head)
  }

  /// What may be logged of a request: never a value of its query, its body or its cookies.
  func metadata(_ head: RequestHead?) -> Logger.Metadata {
    guard let head else { return [:] }
    return ["method": "\(head.method)", "path": "\(head.loggedPath)", "client": "\(head.remoteAddress)"]
  }

  // MARK: - Connections

  func opened(_ served: OpaquePointer) -> Connection {
    let descriptor = reroot_connection_descriptor(served)
    let address = ListeningSocket.text(of: reroot_connection_address(served))
    let deadline = MonotonicTime.now + configuration.requestTimeout
    let connection = connections.open { id in
      Connection(id: id, descriptor: descriptor, remoteAddress: address, deadline: deadline, daemon: self)
    }
    watcher.watch(connection)
    return connection
  }

  func closed(_ connection: Connection) {
    connections.close(connection)
    watcher.forget(connection)
    if let copy = connection.markClosed() { watcher.drain(copy) }
  }

  func began(_ target: [UInt8], on connection: Connection) -> Exchange {
    connection.expectRequest(by: .now + configuration.requestTimeout)
    return Exchange(daemon: self, connection: connection, target: target)
  }
}
