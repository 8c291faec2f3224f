/// Where messages for syslog go.
public enum SyslogAddress: Sendable, Hashable, CustomStringConvertible {
  /// A datagram each (RFC 5426). What is lost on the way nobody learns.
  case udp(host: String, port: UInt16)
  /// One connection; each message has its length in front (RFC 6587, section 3.4.1).
  case tcp(host: String, port: UInt16)
  /// The socket of this machine's syslog, a datagram each.
  case unix(path: String)

  /// The socket of this machine's syslog.
  public static let local = SyslogAddress.unix(path: "/dev/log")
  /// The port where none is given: 514 for UDP (RFC 5426), 601 for TCP (RFC 3195).
  private static let usualPorts: [String: UInt16] = ["udp": 514, "tcp": 601]

  /// Reads `udp://HOST[:PORT]`, `tcp://HOST[:PORT]` (an IPv6 address in brackets) or `unix:PATH`; nil for anything else.
  public init?(_ text: String) {
    // The longest path that fits into a socket's address (unix(7)).
    if text.hasPrefix("unix:/"), text.utf8.count <= 5 + 107, !text.utf8.contains(0) {
      self = .unix(path: String(text.dropFirst(5)))
      return
    }
    for (scheme, usual) in Self.usualPorts where text.hasPrefix("\(scheme)://") {
      guard let (host, port) = Self.hostAndPort(String(text.dropFirst(scheme.count + 3)), usual) else { return nil }
      self = scheme == "udp" ? .udp(host: host, port: port) : .tcp(host: host, port: port)
      return
    }
    return nil
  }

  private static func hostAndPort(_ text: String, _ usual: UInt16) -> (String, UInt16)? {
    var (host, port) = (text, usual)
    if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
      guard let number = UInt16(text[text.index(after: colon)...]), number > 0 else { return nil }
      (host, port) = (String(text[..<colon]), number)
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      return nil
    }
    let isHost =
      (1...253).contains(host.utf8.count)
      && host.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5F, 0x25: true
        default: false
        }
      }
    return isHost ? (host, port) : nil
  }

  /// As it is given.
  public var description: String {
    func shown(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
    switch self {
    case .udp(let host, let port): return "udp://\(shown(host)):\(port)"
    case .tcp(let host, let port): return "tcp://\(shown(host)):\(port)"
    case .unix(let path): return "unix:\(path)"
    }
  }

  /// The most bytes of one message: what every receiver should take of a datagram (RFC 5424, section 6.1), more where
  /// nothing is split.
  public var longestMessage: Int { if case .udp = self { 2048 } else { 8192 } }
}
