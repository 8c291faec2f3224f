import Glibc

/// A socket that is bound and listens. The server makes it itself, because libmicrohttpd does not say why it could
/// not.
enum ListeningSocket {
  /// - Returns: the descriptor, which the caller closes, and the port that it is bound to.
  static func open(host: String, port: UInt16) throws(ServerError) -> (descriptor: Int32, port: UInt16) {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &list) == 0, let address = list else {
      throw ServerError(
        .addressUnusable, "“\(host)” is not an address of this machine. Check the address to listen at.")
    }
    defer { freeaddrinfo(address) }

    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.pointee.ai_family, kind, 0)
    guard descriptor >= 0 else { throw failure(errno, host: host, port: port) }
    var on: Int32 = 1
    // A restarted server takes its port back while connections of the former one linger; another listener is still
    // refused.
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0, listen(descriptor, 1024) == 0
    else {
      let code = errno
      close(descriptor)
      throw failure(code, host: host, port: port)
    }
    return (descriptor, boundPort(descriptor))
  }

  /// A socket that listens under a name which the kernel chooses and nobody is told (unix(7), “Autobind feature”); nil
  /// where no descriptor is left.
  static func unknown() -> Int32? {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, kind, 0)
    guard descriptor >= 0 else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let isListening = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sa_family_t>.size)) == 0 && listen(descriptor, 1) == 0
      }
    }
    guard isListening else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  private static func boundPort(_ descriptor: Int32) -> UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard result == 0 else { return 0 }
    // The port stands at the same place in both kinds of address.
    return withUnsafeBytes(of: &storage) {
      UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    }
  }

  private static func failure(_ code: Int32, host: String, port: UInt16) -> ServerError {
    switch code {
    case EADDRINUSE:
      ServerError(
        .portTaken, "Port \(port) at \(host) is taken by another program. Stop that program or choose another port.")
    case EACCES, EPERM:
      ServerError(
        .portForbidden, "This user may not listen at port \(port). Choose a port from 1024 on, or grant the right.")
    case EADDRNOTAVAIL, EAFNOSUPPORT:
      ServerError(.addressUnusable, "\(host) is not an address of this machine. Check the address to listen at.")
    case EMFILE, ENFILE:
      ServerError(.tooManyOpenFiles, "No file descriptor is left to listen with. Raise the limit of open files.")
    default:
      ServerError(
        .addressUnusable, "Listening at \(host), port \(port), failed: \(String(cString: strerror(code))).")
    }
  }

  /// The numeric form of a client's address, without the port and without the prefix of IPv4 in IPv6.
  static func text(of address: UnsafePointer<sockaddr>?) -> String {
    guard let address else { return "" }
    let length = Int32(address.pointee.sa_family) == AF_INET6 ? MemoryLayout<sockaddr_in6>.size : 16
    var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard
      getnameinfo(address, socklen_t(length), &buffer, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0
    else { return "" }
    let text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return text.hasPrefix("::ffff:") ? String(text.dropFirst(7)) : text
  }
}
