import Foundation
import Glibc

/// A listening TCP socket on an IPv4 address of this machine.
struct Listener: Sendable {
  let descriptor: Int32
  let port: UInt16

  /// Listens on the port, or on any free one when it is 0 or taken. Throws a ``SampleFailure``.
  init(host: String, port: UInt16) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
      throw SampleFailure("\(host) is not an IPv4 address that a sample component could listen on.")
    }
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SampleFailure("No socket: \(systemError(errno)).") }
    // A port left a moment ago still has connections in TIME_WAIT, which would otherwise keep it.
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    let bound = Self.bind(descriptor, &address, port) || (port != 0 && Self.bind(descriptor, &address, 0))
    guard bound, listen(descriptor, 128) == 0 else {
      let reason = systemError(errno)
      close(descriptor)
      throw SampleFailure("Nobody can listen on \(host): \(reason).")
    }
    self.descriptor = descriptor
    self.port = Self.port(of: descriptor)
  }

  /// The next connection, or nil when this one came to nothing. Blocking.
  func accept() -> Int32? {
    let connection = Glibc.accept(descriptor, nil, nil)
    return connection >= 0 ? connection : nil
  }

  private static func bind(_ descriptor: Int32, _ address: inout sockaddr_in, _ port: UInt16) -> Bool {
    address.sin_port = port.bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  private static func port(of descriptor: Int32) -> UInt16 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
    }
    return UInt16(bigEndian: address.sin_port)
  }
}
