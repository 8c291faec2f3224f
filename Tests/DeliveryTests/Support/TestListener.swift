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
  /// connections from 0.
  init(_ answer: @escaping @Sendable (_ connection: Int32, _ number: Int) -> Void) throws {
    let (listening, port) = try Self.bind()
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
    trusted: [Certificate] = [], requireClientCertificate: Bool = false,
    choose: @escaping @Sendable (Int) throws -> Identity
  ) throws -> TestListener {
    try TestListener { connection, number in
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

  private static func bind() throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        Glibc.bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
      }
    }
    guard result else { throw DeliveryFailure.system(errno, "Binding a port") }
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }
}
