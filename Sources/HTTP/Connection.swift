import CMicroHTTPD
import Glibc
import Synchronization

/// One TCP connection of a client, from accept to close.
final class Connection: Sendable {
  private struct State {
    /// Until when something must have happened; nil while it is the server's turn.
    var deadline: MonotonicTime?
    var stream: (any SentStream)?
    var identity: TLSIdentity?
    /// The client is expected to send; what it is given time for otherwise is reading.
    var isReceiving = true
    /// The client sends nothing any more, though it may still read.
    var isHalfClosed = false
    /// The client was refused while it was still sending.
    var lingers = false
    var closed = false
  }

  /// Never used twice, other than the descriptor.
  let id: UInt64
  let descriptor: Int32
  let remoteAddress: String
  private let daemon: Daemon
  private let state: Mutex<State>

  init(id: UInt64, descriptor: Int32, remoteAddress: String, deadline: MonotonicTime, daemon: Daemon) {
    self.daemon = daemon
    self.id = id
    self.descriptor = descriptor
    self.remoteAddress = remoteAddress
    self.state = Mutex(State(deadline: deadline))
  }

  var stream: (any SentStream)? {
    get { state.withLock { $0.stream } }
    set { state.withLock { $0.stream = newValue } }
  }

  /// Sets until when the client must have read an answer; nil while it is the server's turn.
  func expect(by deadline: MonotonicTime?) {
    state.withLock { state in
      state.isReceiving = false
      state.deadline = deadline
    }
  }

  /// Sets until when a whole request must have come.
  func expectRequest(by deadline: MonotonicTime) {
    state.withLock { state in
      state.isReceiving = true
      state.deadline = state.isHalfClosed ? min(deadline, .now + Connection.grace) : deadline
    }
  }

  /// The client closed its side. When its last bytes and this come together libmicrohttpd sees the bytes only, and
  /// would wait for more until the connection is idle for too long.
  func markHalfClosed() {
    state.withLock { state in
      state.isHalfClosed = true
      guard state.isReceiving, let deadline = state.deadline else { return }
      state.deadline = min(deadline, .now + Connection.grace)
    }
  }

  /// Enough for the bytes that are there already to be read as a request.
  private static let grace = Duration.seconds(1)

  func linger() {
    state.withLock { $0.lingers = true }
  }

  /// The identity that this connection's handshake began with: it stays in memory, and the same, until the connection
  /// is closed, whatever is exchanged meanwhile.
  var identity: TLSIdentity? {
    state.withLock { state in
      if state.identity == nil { state.identity = daemon.currentIdentity }
      return state.identity
    }
  }

  func isOverdue(_ now: MonotonicTime) -> Bool {
    state.withLock { state in state.deadline.map { $0 < now } ?? false }
  }

  /// Cuts the connection from any thread; the thread that serves it then closes it. The lock keeps the descriptor from
  /// being closed, and given to another connection, at the same time.
  func abort() {
    state.withLock { state in
      guard !state.closed else { return }
      shutdown(descriptor, Int32(SHUT_RDWR))
    }
  }

  /// libmicrohttpd is about to close the descriptor.
  /// - Returns: a duplicate when the client should still be read from, so that it sees its answer.
  func markClosed() -> Int32? {
    state.withLock { state in
      state.closed = true
      state.stream = nil
      guard state.lingers else { return nil }
      let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
      return copy >= 0 ? copy : nil
    }
  }
}
