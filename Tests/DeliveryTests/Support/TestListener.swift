import Foundation
import PKI
import Synchronization

@testable import Delivery

/// A port of the loopback address on which somebody answers, until the last reference goes away.
final class TestListener: Sendable {
  let port: UInt16
  private let listening: Int32
  private let count = Counter()

  /// How many connections were accepted.
  var accepted: Int { count.value }

  /// Answers each connection, on a thread of its own. The descriptor is the answer's to close; the number counts the
  /// connections from 0. Port 0 lets the system choose.
  init(
    at host: String = "127.0.0.1", port: UInt16 = 0,
    _ answer: @escaping @Sendable (_ connection: Int32, _ number: Int) -> Void
  ) throws {
    let (listening, port) = try Self.bind(host, port)
    guard listen(listening, 64) == 0 else { throw DeliveryFailure.system(errno, "Listening") }
    self.listening = listening
    self.port = port
    let count = count
    let thread = Thread {
      while true {
        let connection = accept(listening, nil, nil)
        if connection < 0, errno == EINTR || errno == ECONNABORTED { continue }
        guard connection >= 0 else { break }
        let number = count.next()
        Thread { answer(connection, number) }.start()
      }
      close(listening)
    }
    thread.start()
  }

  /// Its thread is woken by this and closes the socket.
  deinit { shutdown(listening, Int32(SHUT_RDWR)) }

  /// A port at which nobody listens, for as long as the body runs.
  static func withSilentPort<Value>(_ body: (UInt16) async throws -> Value) async throws -> Value {
    let (socket, port) = try bind()
    defer { close(socket) }
    return try await body(port)
  }

  /// A server that shows the identity that `choose` has for the connection's number.
  static func tls(
    at host: String = "127.0.0.1", port: UInt16 = 0, trusted: [Certificate] = [],
    requireClientCertificate: Bool = false, choose: @escaping @Sendable (Int) throws -> Identity
  ) throws -> TestListener {
    try TestListener(at: host, port: port) { connection, number in
      do {
        let context = try TLSContext(
          identity: try choose(number), trusted: trusted, requireClientCertificate: requireClientCertificate)
        let tls = try TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
        _ = try tls.read(maximum: 1)
        tls.close()
      } catch {
        // Clients that leave are no failure of the server's.
      }
    }
  }

  /// A server that shows one identity.
  static func tls(_ identity: Identity) throws -> TestListener { try tls { _ in identity } }

  /// A server that says something at once and closes; with nothing to say it only closes.
  static func saying(_ bytes: [UInt8], afterBytes count: Int = 0) throws -> TestListener {
    try TestListener { connection, _ in
      defer { close(connection) }
      guard receive(count, from: connection).count == count else { return }
      send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      // Closing with something unread would reset the connection, and take back what was said.
      shutdown(connection, Int32(SHUT_WR))
      drain(connection)
    }
  }

  /// A server that takes every connection and never says a word.
  static func mute() throws -> TestListener {
    try TestListener { connection, _ in
      drain(connection)
      close(connection)
    }
  }

  static func receive(_ count: Int, from connection: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while bytes.count < count {
      let received = recv(connection, &byte, 1, 0)
      if received < 0, errno == EINTR { continue }
      guard received == 1 else { break }
      bytes.append(byte)
    }
    return bytes
  }

  /// Waits until the client has gone, for ten seconds at most.
  static func drain(_ connection: Int32) {
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    while !receive(1, from: connection).isEmpty {}
  }

  /// A server at each of the addresses on one port, with an identity of its own each.
  static func tls(at hosts: [String], _ identities: [Identity]) throws -> [TestListener] {
    // Another program may have the port at a further address; then the next choice of the system is tried.
    for attempt in 1... {
      do {
        var listeners: [TestListener] = []
        for (host, identity) in zip(hosts, identities) {
          listeners.append(try tls(at: host, port: listeners.first?.port ?? 0) { _ in identity })
        }
        return listeners
      } catch  where attempt < 10 {
        continue
      }
    }
    return []
  }

  private static func bind(_ host: String = "127.0.0.1", _ port: UInt16 = 0) throws -> (
    descriptor: Int32, port: UInt16
  ) {
    if host.contains(":") { return try bind6(host, port) }
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_port = port.bigEndian
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr(host)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        Glibc.bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
      }
    }
    guard result else {
      close(descriptor)
      throw DeliveryFailure.system(errno, "Binding a port")
    }
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }

  private static func bind6(_ host: String, _ port: UInt16) throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      inet_pton(AF_INET6, host, &pointer.pointee.sin6_addr) == 1
        && pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
        }
    }
    guard result else {
      close(descriptor)
      throw DeliveryFailure.system(errno, "Binding a port")
    }
    return (descriptor, UInt16(bigEndian: address.sin6_port))
  }
}
