import Foundation
import Logging
import Synchronization

/// The HTTP/1.1 server of the console, over libmicrohttpd.
///
/// A request is read and checked in full before its handler runs; what is refused before that is answered by
/// ``ServerConfiguration/problemPage``. Handlers run as tasks, and no thread waits for them. Bodies, and values of
/// queries, forms and cookies are never logged; paths are, at the level `debug` and with refused requests.
public final class HTTPServer: Sendable {
  /// Answers one request.
  public typealias Handler = @Sendable (Request) async -> Response

  private enum State {
    case made
    case running(Daemon, DaemonHandle)
    case stopping(Task<Void, Never>)
  }

  private let configuration: ServerConfiguration
  private let logger: Logger
  private let handler: Handler
  private let state = Mutex(State.made)

  /// Makes a server that is not listening yet.
  public init(configuration: ServerConfiguration, logger: Logger, handler: @escaping Handler) {
    self.configuration = configuration
    self.logger = logger
    self.handler = handler
  }

  /// Begins to listen.
  /// - Returns: the port, also when the system chose it.
  /// - Throws: ``ServerError``, whose sentence says what to do. A server starts once.
  public func start() throws -> UInt16 {
    try state.withLock { state throws(ServerError) in
      guard case .made = state else { throw ServerError(.alreadyStarted, "The server was started before.") }
      let identity: TLSIdentity? =
        if let given = configuration.identity { try TLSIdentity(given) } else { nil }
      let daemon = try Daemon(configuration: configuration, identity: identity, logger: logger, handler: handler)
      let (listener, port) = try ListeningSocket.open(host: configuration.host, port: configuration.port)
      let handle = try DaemonHandle(daemon, listener: listener)
      daemon.startWatching()
      state = .running(daemon, handle)
      return port
    }
  }

  /// Exchanges the certificate of the running server. Open connections go on as they are; every handshake that begins
  /// from now on gets the new one.
  /// - Throws: ``ServerError`` when chain and key do not load or do not match, or the server does not serve HTTPS; the
  ///   old identity then stays.
  public func replaceIdentity(_ identity: ServerIdentity) throws {
    guard let daemon, daemon.isSecure else {
      throw ServerError(.notRunning, "The server is not serving HTTPS, so it has no certificate to exchange.")
    }
    daemon.replace(try TLSIdentity(identity))
  }

  /// Stops in order: no new connections; event streams end after what they hold is sent; requests in flight are
  /// answered; then the rest is cut. At nine tenths of `limit` what is left is given up: streams are dropped, and
  /// requests get 503. Returns when every thread and connection is gone; calling it again waits for the same.
  public func stop(within limit: Duration) async {
    let task = state.withLock { state -> Task<Void, Never>? in
      switch state {
      case .made:
        return nil
      case .stopping(let task):
        return task
      case .running(let daemon, let handle):
        let task = Task { await HTTPServer.stop(daemon, handle, within: limit) }
        state = .stopping(task)
        return task
      }
    }
    await task?.value
  }

  private static func stop(_ daemon: Daemon, _ handle: DaemonHandle, within limit: Duration) async {
    let remaining = daemon.inFlight.close()
    handle.quiesce()
    for exchange in remaining { exchange.stream?.close() }
    await daemon.inFlight.wait(atMost: limit * 9 / 10)
    // Nothing is in flight any more in the usual case. Whatever is gets resumed here, because "it is an API violation
    // to call MHD_stop_daemon while having suspended connections".
    let late = daemon.inFlight.close()
    for exchange in late { exchange.abandon() }
    if !late.isEmpty { await daemon.inFlight.wait(atMost: limit / 10) }
    await withCheckedContinuation { continuation in
      // A queue of its own: joining threads would block one of the few that run tasks.
      DispatchQueue(label: "reroot.http.stop").async {
        handle.stop()
        daemon.stopWatching()
        continuation.resume()
      }
    }
  }

  /// Connections that are open now, event streams included.
  public var openConnections: Int { daemon?.connections.count ?? 0 }

  /// Requests whose handler runs or whose answer is being sent, open event streams included.
  public var requestsInFlight: Int { daemon?.inFlight.count ?? 0 }

  private var daemon: Daemon? {
    state.withLock { if case .running(let daemon, _) = $0 { daemon } else { nil } }
  }
}
