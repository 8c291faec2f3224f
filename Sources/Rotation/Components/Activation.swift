/// How a component is made to use replaced files.
public struct Activation: Sendable, Hashable, Codable {
  /// What is done.
  public var method: Method
  /// After how many seconds it has failed; 1 to 3,600.
  public var timeLimit: Int

  /// Describes an activation; by default none, because the component reads its files by itself.
  public init(method: Method = .none, timeLimit: Int = 30) {
    self.method = method
    self.timeLimit = timeLimit
  }

  /// The ways of activating.
  public enum Method: Sendable, Hashable, Codable {
    /// Nothing is run: the component notices by itself.
    case none
    /// A program and its arguments, run without a shell.
    case command([String])
    /// A signal (`HUP`, `USR1`, …) to the process whose number stands in a file.
    case signal(String, pidFile: String)
  }

  /// The signals that an activation may send, by their names without `SIG`.
  public static let signals = ["HUP", "USR1", "USR2", "TERM", "INT", "QUIT", "WINCH"]

  /// What is done, in words for a person.
  public var sentence: String {
    switch method {
    case .none: "nothing is run; the component notices replaced files by itself"
    case .command(let words): "run " + words.joined(separator: " ")
    case .signal(let name, let pidFile): "send SIG\(name) to the process named in \(pidFile)"
    }
  }
}

/// One address at which a component answers with its certificate.
public struct Endpoint: Sendable, Hashable, Codable {
  /// A host name or address.
  public var host: String
  /// A TCP port.
  public var port: UInt16
  /// The name asked for (SNI) and expected in the certificate; nil means the host.
  public var serverName: String?
  /// How TLS begins there.
  public var transport: Transport

  /// Names an address at which a component answers.
  public init(host: String, port: UInt16, serverName: String? = nil, transport: Transport = .tls) {
    self.host = host
    self.port = port
    self.serverName = serverName
    self.transport = transport
  }

  /// How TLS begins on a connection.
  public enum Transport: String, Sendable, Hashable, Codable, CaseIterable {
    /// With the first byte.
    case tls
    /// After PostgreSQL's SSLRequest message.
    case postgresql
  }

  /// `host:port`, an IPv6 address in brackets.
  public var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  /// The name that the certificate must carry.
  public var expectedName: String { serverName ?? host }
}
