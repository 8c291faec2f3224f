/// One part of the system that uses a certificate: a server, a broker, a database, an adapter.
public struct Component: Sendable, Hashable, Codable, Identifiable {
  /// The number of a component in the store.
  public typealias ID = Identifier<Component>

  /// The component's number; stable over renaming.
  public var id: ID
  /// What an administrator calls it; unique among the components.
  public var name: String
  /// What it is for, in the administrator's words; may be empty.
  public var description: String
  /// The preset that its values came from, such as `nginx`; nil for none. The values stand in the component all the same.
  public var kind: String?
  /// The order in an update: lower stages are finished before higher ones begin.
  public var stage: Int
  /// The subject alternative names of its child certificate; the first is the common name too.
  public var names: [SubjectName]
  /// Whether its certificate is used as a server's, as a client's, or as both.
  public var usage: Usage
  /// The kind of key that is generated for it.
  public var key: KeyKind
  /// Who makes that key; nil is Reroot.
  public var keyMade: KeyOrigin?
  /// Where its files live and how they are reached.
  public var target: Target
  /// The files that it reads its certificate, key and trust bundle from.
  public var files: FileLayout
  /// How it is made to use replaced files.
  public var activation: Activation
  /// Where it answers with its certificate; empty when it cannot be seen on the wire.
  public var endpoints: [Endpoint]
  /// For how many seconds a verification goes on trying before it has failed.
  public var verificationTimeLimit: Int
  /// For how many seconds verification tries where a component does not say.
  public static let usualVerificationTimeLimit = 30
  /// The names of the components that it connects to; nil when it may connect to every server of the system.
  public var peers: [String]?
  /// What is to be thought of before its certificate is exchanged, such as “ask the shift leader first”; nil for nothing.
  public var maintenance: String?
  /// The rolling group: of the components of one group, one at a time is activated, and verified before the next one;
  /// nil when it need not wait for others.
  public var rollingGroup: String?

  /// Describes a component; the values are checked by ``problems()``.
  public init(
    id: ID, name: String, description: String = "", kind: String? = nil, stage: Int = 1, names: [SubjectName],
    usage: Usage = .server, key: KeyKind = .ecdsaP256, keyMade: KeyOrigin? = nil, target: Target = .local,
    files: FileLayout, activation: Activation = Activation(), endpoints: [Endpoint] = [],
    verificationTimeLimit: Int = Self.usualVerificationTimeLimit, peers: [String]? = nil,
    maintenance: String? = nil, rollingGroup: String? = nil
  ) {
    self.id = id
    self.name = name
    self.description = description
    self.kind = kind
    self.stage = stage
    self.names = names
    self.usage = usage
    self.key = key
    self.keyMade = keyMade
    self.target = target
    self.files = files
    self.activation = activation
    self.endpoints = endpoints
    self.verificationTimeLimit = verificationTimeLimit
    self.peers = peers
    self.maintenance = maintenance
    self.rollingGroup = rollingGroup
  }

  /// Whether the key is made at the target and stays there.
  public var keepsKey: Bool { keyMade == .onTarget }

  /// What a component uses its certificate for (RFC 5280, section 4.2.1.12).
  public enum Usage: String, Sendable, Hashable, Codable, CaseIterable {
    /// It answers TLS connections.
    case server
    /// It shows its certificate when it connects to others.
    case client
    /// Both.
    case both

    /// Whether it answers connections.
    public var isServer: Bool { self != .client }
    /// Whether it shows its certificate when it connects.
    public var isClient: Bool { self != .server }
  }
}

/// A subject alternative name of a child certificate.
public enum SubjectName: Sendable, Hashable, Codable {
  /// A DNS name, perhaps with a wildcard as its leftmost label.
  case dns(String)
  /// An IPv4 or IPv6 address in text.
  case ip(String)

  /// The name or address without its kind.
  public var text: String {
    switch self {
    case .dns(let name): name
    case .ip(let address): address
    }
  }
}

/// The kinds of key that can be generated for a component.
public enum KeyKind: String, Sendable, Hashable, Codable, CaseIterable {
  case ecdsaP256 = "ecdsa-p256"
  case ecdsaP384 = "ecdsa-p384"
  case rsa2048 = "rsa-2048"
  case rsa3072 = "rsa-3072"
  case rsa4096 = "rsa-4096"
  case ed25519
}

/// Who makes a component's key.
public enum KeyOrigin: String, Sendable, Hashable, Codable, CaseIterable {
  /// Reroot, which keeps it sealed and delivers it with the certificate.
  case byReroot = "by-reroot"
  /// The target, which it never leaves: only a signing request travels.
  case onTarget = "on-target"
}
