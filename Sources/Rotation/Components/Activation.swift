/// How a component is made to use replaced files.
public struct Activation: Sendable, Hashable, Codable {
  /// What is done.
  public var method: Method
  /// After how many seconds it has failed; 1 to 3,600. The check has as many.
  public var timeLimit: Int
  /// A program and its arguments that look at the component's configuration, run before the activation; nil when there is
  /// none. Where it fails nothing is activated.
  public var check: [String]?

  /// Describes an activation; by default none, because the component reads its files by itself.
  public init(method: Method = .none, timeLimit: Int = 30, check: [String]? = nil) {
    self.method = method
    self.timeLimit = timeLimit
    self.check = check
  }

  /// The ways of activating.
  public enum Method: Sendable, Hashable, Codable {
    /// Nothing is run: the component notices by itself.
    case none
    /// A program and its arguments, run without a shell.
    case command([String])
    /// A signal (`HUP`, `USR1`, …) to the process whose number stands in a file.
    case signal(String, pidFile: String)
    /// The content of the files is handed to a running HAProxy over the socket of its runtime API.
    case haproxySocket(String)
  }

  /// The signals that an activation may send, by their names without `SIG`.
  public static let signals = ["HUP", "USR1", "USR2", "TERM", "INT", "QUIT", "WINCH"]

  /// What is done, in words for a person.
  public var sentence: String {
    guard let check else { return methodSentence }
    return "check by \(check.joined(separator: " ")), then \(methodSentence)"
  }

  private var methodSentence: String {
    switch method {
    case .none: "nothing is run; the component notices replaced files by itself"
    case .command(let words): "run " + words.joined(separator: " ")
    case .haproxySocket(let socket): "hand the files to the running HAProxy over \(socket)"
    case .signal(let name, let pidFile): "send SIG\(name) to the process named in \(pidFile)"
    }
  }
}

/// One port at which a component answers with its certificate, at one address or at several.
public struct Endpoint: Sendable, Hashable, Codable {
  /// A host name or address; empty where the addresses are given instead.
  public var host: String
  /// A TCP port.
  public var port: UInt16
  /// The name asked for (SNI) and expected in the certificate; nil means the host, or each address where there is none.
  public var serverName: String?
  /// The addresses that are connected to, all of them, instead of those that the host has; nil for the host's.
  public var addresses: [String]?
  /// How TLS begins there.
  public var transport: Transport

  /// Names an address at which a component answers.
  public init(
    host: String, port: UInt16, serverName: String? = nil, addresses: [String]? = nil, transport: Transport = .tls
  ) {
    self.host = host
    self.port = port
    self.serverName = serverName
    self.addresses = addresses
    self.transport = transport
  }

  /// How TLS begins on a connection.
  public enum Transport: String, Sendable, Hashable, Codable, CaseIterable {
    /// With the first byte.
    case tls
    /// After PostgreSQL's SSLRequest message.
    case postgresql
    /// After MariaDB's, which is MySQL's, SSLRequest packet.
    case mariadb
    /// After SMTP's STARTTLS (RFC 3207).
    case smtp
    /// After IMAP's STARTTLS (RFC 9051, section 6.2.1).
    case imap
    /// After LDAP's StartTLS operation (RFC 4511, section 4.14).
    case ldap

    /// What a person calls it.
    public var label: String {
      switch self {
      case .tls: "TLS"
      case .postgresql: "PostgreSQL"
      case .mariadb: "MariaDB"
      case .smtp: "SMTP"
      case .imap: "IMAP"
      case .ldap: "LDAP"
      }
    }
  }

  /// `host:port`, an IPv6 address in brackets; without a host every address so, after commas.
  public var address: String {
    let hosts = host.isEmpty ? addresses ?? [] : [host]
    return hosts.map { $0.contains(":") ? "[\($0)]:\(port)" : "\($0):\(port)" }.joined(separator: ", ")
  }

  /// The name that the certificate must carry which is served at an address.
  public func expectedName(at address: String) -> String { serverName ?? (host.isEmpty ? address : host) }

  /// Every name that is expected at some address.
  public var expectedNames: [String] {
    serverName.map { [$0] } ?? (host.isEmpty ? addresses ?? [] : [host])
  }
}
