import Foundation

/// What every socket needs over which Reroot goes to somebody: it is connected, waited for and written to without blocking
/// for longer than it is told.
public enum ClientSocket {
  /// Why a socket cannot be had, or not be used any more.
  public enum Failure: Error, Sendable, Hashable {
    /// The host name has no address, for this reason.
    case unresolved(String)
    /// The system refused, with this number (errno(3)).
    case refused(Int32)
    /// The deadline is over.
    case timedOut
  }

  /// Connects to the first address of a host that takes the connection. Blocking, until the deadline at most, and for as
  /// long as the name is being resolved.
  ///
  /// - Parameters:
  ///   - host: an IPv4 or IPv6 address, or a name.
  ///   - type: `SOCK_STREAM`, or `SOCK_DGRAM`, with which nobody need be there.
  /// - Returns: the socket, which the caller closes; no call on it blocks.
  public static func connect(
    host: String, port: UInt16, type: __socket_type, deadline: ContinuousClock.Instant
  ) throws(Failure) -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(type.rawValue)
    hints.ai_flags = AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    guard status == 0 else { throw .unresolved(String(cString: gai_strerror(status))) }
    var failure = Failure.refused(EHOSTUNREACH)
    var next = list
    while let entry = next {
      next = entry.pointee.ai_next
      do throws(Failure) {
        return try connect(entry.pointee, deadline)
      } catch {
        failure = error
      }
    }
    throw failure
  }

  private static func connect(_ address: addrinfo, _ deadline: ContinuousClock.Instant) throws(Failure) -> Int32 {
    let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(address.ai_family, address.ai_socktype | flags, address.ai_protocol)
    guard descriptor >= 0 else { throw .refused(errno) }
    do throws(Failure) {
      if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) != 0 {
        guard errno == EINPROGRESS else { throw .refused(errno) }
        try wait(for: descriptor, POLLOUT, until: deadline)
        let number = error(of: descriptor)
        guard number == 0 else { throw .refused(number) }
      }
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// What a socket has met since it was asked last, such as that nobody takes its datagrams; 0 for nothing.
  public static func error(of descriptor: Int32) -> Int32 {
    var number: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length) == 0 ? number : errno
  }

  /// Waits for an event, such as `POLLIN`, until the deadline at most. A signal in between ends nothing.
  public static func wait(
    for descriptor: Int32, _ event: Int32, until deadline: ContinuousClock.Instant
  ) throws(Failure) {
    while true {
      let left = (deadline - .now) / .milliseconds(1)
      guard left > 0 else { throw .timedOut }
      var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
      if poll(&entry, 1, Int32(min(left.rounded(.up), 60_000))) > 0 { return }
    }
  }

  /// Writes all the bytes as they are, until the deadline at most.
  public static func send(
    _ bytes: [UInt8], over descriptor: Int32, until deadline: ContinuousClock.Instant
  ) throws(Failure) {
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress.map { $0 + offset }, bytes.count - offset, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        offset += count
      } else if errno == EAGAIN || errno == ENOBUFS {
        try wait(for: descriptor, POLLOUT, until: deadline)
      } else if errno != EINTR {
        throw .refused(errno)
      }
    }
  }
}
