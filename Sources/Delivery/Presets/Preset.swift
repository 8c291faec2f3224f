import Rotation

/// What is usual for a kind of component: where its files are, who owns them, how it is checked and activated, and where it
/// answers. The rows stand in ``all``.
public struct Preset: Sendable, Hashable {
  /// The word for it in a component, such as `nginx`.
  public let kind: String
  /// What a person calls it.
  public let title: String
  /// Its files with owner and modes, as Debian 12 has its user and folders. Never with a trust bundle: whether peers are
  /// verified is the component's own choice.
  public let files: FileLayout
  /// Where a trust bundle would be put.
  public let usualTrustBundle: String
  /// How it is activated, most gently. A word `{certificate}`, `{key}`, `{key_store}` or `{store_password_file}` stands for
  /// the path of that file; `{reload}` stands for `reload`, and for `restart` where there is a trust bundle, which a reload
  /// would not read.
  public let activation: Activation
  /// The ports that it usually answers at with TLS, the most usual one first.
  public let ports: [Port]
  /// For how many seconds verification tries.
  public let verificationTimeLimit: Int
  /// What its own configuration has to say so that it uses these files.
  public let configuration: [String]

  /// A port, and how TLS begins there.
  public struct Port: Sendable, Hashable {
    /// The TCP port.
    public let number: UInt16
    /// How TLS begins.
    public let transport: Endpoint.Transport

    init(_ number: UInt16, _ transport: Endpoint.Transport = .tls) {
      self.number = number
      self.transport = transport
    }
  }

  init(
    _ kind: String, _ title: String, files: FileLayout, usualTrustBundle: String, check: [String]? = nil,
    activation: [String], ports: [Port], verificationTimeLimit: Int = Component.usualVerificationTimeLimit,
    configuration: [String]
  ) {
    self.kind = kind
    self.title = title
    self.files = files
    self.usualTrustBundle = usualTrustBundle
    self.activation = Activation(method: .command(activation), check: check)
    self.ports = ports
    self.verificationTimeLimit = verificationTimeLimit
    self.configuration = configuration
  }

  /// The preset of a kind; nil when there is none of that name.
  public static func named(_ kind: String) -> Preset? { all.first { $0.kind == kind } }

  /// The words for all kinds, in the order of the list.
  public static var kinds: [String] { all.map(\.kind) }

  /// How TLS usually begins at a port; at one that is not in the list as at the first.
  public func transport(at port: UInt16) -> Endpoint.Transport {
    (ports.first { $0.number == port } ?? ports.first)?.transport ?? .tls
  }

  /// Where a component with these names answers: at its first name that is no pattern, at the most usual port.
  public func endpoints(of names: [SubjectName], usage: Component.Usage) -> [Endpoint] {
    guard usage.isServer, let port = ports.first, let name = names.first(where: { !$0.text.contains("*") }) else {
      return []
    }
    return [Endpoint(host: name.text, port: port.number, transport: port.transport)]
  }

  /// A component that says nothing but its names.
  public func component(name: String, names: [SubjectName]) -> Component {
    Component(
      id: Component.ID(rawValue: 0), name: name, kind: kind, names: names, files: files,
      activation: activation.naming(files), endpoints: endpoints(of: names, usage: .server),
      verificationTimeLimit: verificationTimeLimit)
  }
}

extension Activation {
  /// The same with the paths of these files in the place of the words that stand for them, and with what makes a trust
  /// bundle read in the place of `{reload}`. Only whole words are looked at, so that no path gets into a text that a shell
  /// reads.
  public func naming(_ files: FileLayout) -> Activation {
    var named = self
    named.check = check.map { Self.naming(files, in: $0) }
    if case .command(let words) = method { named.method = .command(Self.naming(files, in: words)) }
    return named
  }

  private static func naming(_ files: FileLayout, in words: [String]) -> [String] {
    words.map { word in
      switch word {
      case "{certificate}": files.certificateChain ?? files.combined ?? word
      case "{key}": files.key ?? files.combined ?? word
      case "{reload}": files.trustFile == nil ? "reload" : "restart"
      case "{key_store}": files.keyStore ?? word
      case "{store_password_file}": files.storePasswordFile ?? word
      default: word
      }
    }
  }
}
