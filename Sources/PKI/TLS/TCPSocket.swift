import Foundation
import Synchronization

/// A connected TCP socket that never blocks for longer than it is told.
final class TCPSocket: Sendable {
  let descriptor: Int32
  private let end: Mutex<ContinuousClock.Instant>
  /// `host:port`, for messages.
  let peer: String

  /// Connects to an address. Blocking, until the deadline at most.
  ///
  /// - Parameter host: an IPv4 or IPv6 address, or a name, of which the first address that answers is taken.
  /// - Throws: `CONNECTION_REFUSED` when nobody listens or no way leads there, `CONNECTION_TIMED_OUT`,
  ///   `NAME_NOT_RESOLVED`.
  init(host: String, port: UInt16, deadline: ContinuousClock.Instant) throws {
    peer = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    end = Mutex(deadline)
    do throws(ClientSocket.Failure) {
      descriptor = try ClientSocket.connect(host: host, port: port, type: SOCK_STREAM, deadline: deadline)
    } catch {
      throw Self.failure(error, host: host, peer)
    }
    Self.configure(descriptor)
  }

  /// Takes over a connection that was accepted.
  init(takingOwnership descriptor: Int32, deadline: ContinuousClock.Instant) {
    self.descriptor = descriptor
    end = Mutex(deadline)
    peer = "the client"
    Self.configure(descriptor)
  }

  deinit { close(descriptor) }

  private var deadline: ContinuousClock.Instant { end.withLock { $0 } }

  /// Sets another deadline.
  func setDeadline(_ deadline: ContinuousClock.Instant) { end.withLock { $0 = deadline } }

  /// Whether the deadline is over.
  var isOverdue: Bool { ContinuousClock.now >= deadline }

  /// Waits until the socket can be read, or written.
  ///
  /// - Parameter until: an earlier end than the socket's own deadline.
  /// - Throws: `CONNECTION_TIMED_OUT` at the deadline.
  func wait(toRead: Bool, until: ContinuousClock.Instant? = nil) throws {
    var end = deadline
    if let until, until < end { end = until }
    do throws(ClientSocket.Failure) {
      try ClientSocket.wait(for: descriptor, toRead ? POLLIN : POLLOUT, until: end)
    } catch {
      throw broken(error)
    }
  }

  /// Writes all the bytes as they are.
  ///
  /// - Throws: `CONNECTION_LOST`, `CONNECTION_TIMED_OUT` at the deadline.
  func send(_ bytes: [UInt8]) throws {
    do throws(ClientSocket.Failure) {
      try ClientSocket.send(bytes, over: descriptor, until: deadline)
    } catch {
      throw broken(error)
    }
  }

  /// Reads one byte as it is; nil when the other side has closed.
  func receiveByte() throws -> UInt8? {
    var byte: UInt8 = 0
    while true {
      let count = recv(descriptor, &byte, 1, 0)
      if count == 1 { return byte }
      if count == 0 { return nil }
      switch errno {
      case EINTR: continue
      case EAGAIN: try wait(toRead: true)
      default: throw broken(.refused(errno))
      }
    }
  }

  /// Ends the sending and takes in what still comes, for a second at most.
  ///
  /// Closing with something unread resets the connection (RFC 1122, section 4.2.2.13), and what was said last, such as
  /// the alert that tells why, is lost on the other side.
  func finish() {
    shutdown(descriptor, Int32(SHUT_WR))
    let end = min(deadline, .now + .seconds(1))
    var bytes = [UInt8](repeating: 0, count: 4_096)
    while ContinuousClock.now < end {
      let count = recv(descriptor, &bytes, bytes.count, 0)
      if count > 0 { continue }
      guard count < 0, errno == EAGAIN || errno == EINTR else { return }
      guard (try? ClientSocket.wait(for: descriptor, POLLIN, until: end)) != nil else { return }
    }
  }

  private static func configure(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    // A handshake is a few small messages, each of which would wait for the one before it to be acknowledged.
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Why the connection, which had been made, is of no more use.
  private func broken(_ failure: ClientSocket.Failure) -> PKIError {
    switch failure {
    case .timedOut:
      return PKIError(
        code: "CONNECTION_TIMED_OUT", sentence: "\(peer) did not answer in time.", detail: PKIError.silence)
    case .refused(let number):
      let reason = String(cString: strerror(number))
      return PKIError(code: "CONNECTION_LOST", sentence: "The connection with \(peer) broke off: \(reason).")
    case .unresolved: return Self.failure(failure, host: peer, peer)
    }
  }

  /// Why no connection can be made.
  private static func failure(_ failure: ClientSocket.Failure, host: String, _ peer: String) -> PKIError {
    switch failure {
    case .unresolved(let reason):
      return PKIError(
        code: "NAME_NOT_RESOLVED", sentence: "The host name \(host) cannot be resolved: \(reason).", detail: reason)
    case .timedOut, .refused(ETIMEDOUT):
      return PKIError(code: "CONNECTION_TIMED_OUT", sentence: "\(peer) did not answer in time.")
    case .refused(let number):
      let reason = String(cString: strerror(number))
      return PKIError(
        code: "CONNECTION_REFUSED", sentence: "No connection to \(peer) can be made: \(reason).", detail: reason)
    }
  }
}

extension PKIError {
  /// The detail of a `CONNECTION_TIMED_OUT` over a connection that had been made.
  fileprivate static let silence = "the connection was made, but nothing came over it in time"

  /// Whether somebody took the connection and then said nothing in time, rather than that none could be made in time.
  public var isSilence: Bool { code == "CONNECTION_TIMED_OUT" && detail == Self.silence }
}
