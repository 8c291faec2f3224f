import Foundation

/// A connected TCP socket that never blocks for longer than it is told.
final class TCPSocket: Sendable {
  let descriptor: Int32
  private let deadline: ContinuousClock.Instant
  /// `host:port`, for messages.
  let peer: String

  /// Connects to an address. Blocking, until the deadline at most.
  ///
  /// - Parameter host: an IPv4 or IPv6 address, or a name, of which the first address that answers is taken.
  /// - Throws: `CONNECTION_REFUSED` when nobody listens or no way leads there, `CONNECTION_TIMED_OUT`,
  ///   `NAME_NOT_RESOLVED`.
  init(host: String, port: UInt16, deadline: ContinuousClock.Instant) throws {
    peer = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    self.deadline = deadline
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    guard status == 0 else {
      let reason = String(cString: gai_strerror(status))
      throw PKIError(
        code: "NAME_NOT_RESOLVED", sentence: "The host name \(host) cannot be resolved: \(reason).", detail: reason)
    }
    var failure = PKIError(code: "CONNECTION_REFUSED", sentence: "\(peer) has no address.")
    var next = list
    while let entry = next {
      next = entry.pointee.ai_next
      do {
        descriptor = try Self.connect(entry.pointee, peer: peer, deadline: deadline)
        return
      } catch let error as PKIError {
        failure = error
      }
    }
    throw failure
  }

  /// Takes over a connection that was accepted.
  init(takingOwnership descriptor: Int32, deadline: ContinuousClock.Instant) {
    self.descriptor = descriptor
    self.deadline = deadline
    peer = "the client"
    Self.configure(descriptor)
  }

  deinit { close(descriptor) }

  /// Waits until the socket can be read, or written.
  ///
  /// - Parameter until: an earlier end than the socket's own deadline.
  /// - Throws: `CONNECTION_TIMED_OUT` at the deadline.
  func wait(toRead: Bool, until: ContinuousClock.Instant? = nil) throws {
    var end = deadline
    if let until, until < end { end = until }
    do {
      try Self.wait(descriptor, Int16(toRead ? POLLIN : POLLOUT), deadline: end, peer: peer)
    } catch let error as PKIError {
      throw PKIError(code: error.code, sentence: error.sentence, detail: PKIError.silence)
    }
  }

  /// Writes all the bytes as they are.
  func send(_ bytes: [UInt8]) throws {
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress.map { $0 + offset }, bytes.count - offset, Int32(MSG_NOSIGNAL))
      }
      if count > 0 { offset += count } else { try waitAfterFailure(toRead: false) }
    }
  }

  /// Reads one byte as it is; nil when the other side has closed.
  func receiveByte() throws -> UInt8? {
    var byte: UInt8 = 0
    while true {
      let count = recv(descriptor, &byte, 1, 0)
      if count == 1 { return byte }
      if count == 0 { return nil }
      try waitAfterFailure(toRead: true)
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
    while true {
      let count = recv(descriptor, &bytes, bytes.count, 0)
      if count > 0 { continue }
      guard count < 0, errno == EAGAIN || errno == EINTR else { return }
      do {
        try Self.wait(descriptor, Int16(POLLIN), deadline: end, peer: peer)
      } catch {
        return
      }
    }
  }

  private func waitAfterFailure(toRead: Bool) throws {
    switch errno {
    case EINTR: return
    case EAGAIN: try wait(toRead: toRead)
    default:
      let reason = String(cString: strerror(errno))
      throw PKIError(code: "CONNECTION_LOST", sentence: "The connection with \(peer) broke off: \(reason).")
    }
  }

  private static func connect(
    _ address: addrinfo, peer: String, deadline: ContinuousClock.Instant
  ) throws -> Int32 {
    let kind = address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.ai_family, kind, address.ai_protocol)
    guard descriptor >= 0 else { throw refused(errno, peer) }
    configure(descriptor)
    do {
      if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) != 0 {
        guard errno == EINPROGRESS else { throw refused(errno, peer) }
        try wait(descriptor, Int16(POLLOUT), deadline: deadline, peer: peer)
        var number: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length)
        guard number == 0 else { throw refused(number, peer) }
      }
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }

  private static func configure(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    // A handshake is a few small messages, each of which would wait for the one before it to be acknowledged.
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func wait(
    _ descriptor: Int32, _ events: Int16, deadline: ContinuousClock.Instant, peer: String
  ) throws {
    while true {
      let left = (deadline - .now) / .milliseconds(1)
      guard left > 0 else {
        throw PKIError(code: "CONNECTION_TIMED_OUT", sentence: "\(peer) did not answer in time.")
      }
      var poll = pollfd(fd: descriptor, events: events, revents: 0)
      let ready = Glibc.poll(&poll, 1, Int32(min(left.rounded(.up), 60_000)))
      if ready > 0 { return }
    }
  }

  private static func refused(_ number: Int32, _ peer: String) -> PKIError {
    let reason = String(cString: strerror(number))
    return number == ETIMEDOUT
      ? PKIError(code: "CONNECTION_TIMED_OUT", sentence: "\(peer) did not answer in time.")
      : PKIError(
        code: "CONNECTION_REFUSED", sentence: "No connection to \(peer) can be made: \(reason).", detail: reason)
  }
}

extension PKIError {
  /// The detail of a `CONNECTION_TIMED_OUT` over a connection that had been made.
  fileprivate static let silence = "the connection was made, but nothing came over it in time"

  /// Whether somebody took the connection and then said nothing in time, rather than that none could be made in time.
  public var isSilence: Bool { code == "CONNECTION_TIMED_OUT" && detail == Self.silence }
}
