import Glibc
import PKI

/// Why messages could not be sent, in a sentence.
public struct SyslogFailure: Error, Sendable, Hashable {
  /// What is wrong and what to do.
  public let sentence: String
}

/// A way to a syslog. Blocking: to be used on a thread of its own, by one at a time.
public final class SyslogConnection: Sendable {
  private let address: SyslogAddress
  /// Closed here and nowhere else.
  private let descriptor: Int32
  /// For connecting, for each message, and for the confirmation.
  private static let limit = Duration.seconds(5)

  /// Opens the way.
  ///
  /// - Throws: ``SyslogFailure`` when nobody is there.
  public init(_ address: SyslogAddress) throws {
    self.address = address
    switch address {
    case .unix(let path): descriptor = try Self.open(path: path)
    case .udp(let host, let port): descriptor = try Self.open(host, port, SOCK_DGRAM, address)
    case .tcp(let host, let port): descriptor = try Self.open(host, port, SOCK_STREAM, address)
    }
  }

  deinit { close(descriptor) }

  /// Sends messages in their order. With TCP it returns when the other machine has confirmed them.
  ///
  /// - Throws: ``SyslogFailure``; whether some of them arrived is not known then.
  public func send(_ messages: [[UInt8]]) throws {
    for message in messages {
      if case .tcp = address {
        try write(Array("\(message.count) ".utf8) + message)
      } else {
        try write(message)
      }
    }
    try confirm()
  }

  private func write(_ bytes: [UInt8]) throws {
    do throws(ClientSocket.Failure) {
      try ClientSocket.send(bytes, over: descriptor, until: .now + Self.limit)
    } catch {
      throw Self.failure(address, error)
    }
  }

  /// What a datagram comes back with is told by the next call; what a connection has not confirmed yet waits in it.
  private func confirm() throws {
    let error = ClientSocket.error(of: descriptor)
    guard error == 0 else { throw Self.failure(address, error) }
    guard case .tcp = address else { return }
    let deadline = ContinuousClock.now + Self.limit
    while ContinuousClock.now < deadline {
      var byte: UInt8 = 0
      // Nothing is ever answered: what can be read is the end of the connection.
      if recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) == 0 { throw Self.failure(address, ECONNRESET) }
      var left: Int32 = 0
      // SIOCOUTQ (tcp(7)): how much of what was sent is not acknowledged yet.
      if ioctl(descriptor, UInt(TIOCOUTQ), &left) != 0 || left == 0 { return }
      usleep(10_000)
    }
    throw Self.failure(address, ETIMEDOUT)
  }

  // MARK: Opening

  private static func open(path: String) throws -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { place in place.copyBytes(from: bytes.prefix(place.count - 1)) }
    let descriptor = socket(
      AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw failure(.unix(path: path), errno) }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else {
      let number = errno
      close(descriptor)
      throw failure(.unix(path: path), number)
    }
    return descriptor
  }

  private static func open(
    _ host: String, _ port: UInt16, _ type: __socket_type, _ address: SyslogAddress
  ) throws -> Int32 {
    do throws(ClientSocket.Failure) {
      return try ClientSocket.connect(host: host, port: port, type: type, deadline: .now + limit)
    } catch {
      throw failure(address, error)
    }
  }

  private static func failure(_ address: SyslogAddress, _ failure: ClientSocket.Failure) -> SyslogFailure {
    switch failure {
    case .unresolved(let reason):
      SyslogFailure(sentence: "The host name in \(address) cannot be resolved: \(reason).")
    case .refused(let number): Self.failure(address, number)
    case .timedOut: Self.failure(address, ETIMEDOUT)
    }
  }

  private static func failure(_ address: SyslogAddress, _ number: Int32) -> SyslogFailure {
    SyslogFailure(
      sentence: "\(address) does not take messages (\(String(cString: strerror(number)))). Check that a syslog listens "
        + "there.")
  }
}
