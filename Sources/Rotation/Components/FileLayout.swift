/// The files that a component reads its certificate, key and trust bundle from, all by absolute path: PEM files, or the
/// PKCS#12 stores of a Java service.
public struct FileLayout: Sendable, Hashable, Codable {
  /// The file of the certificate chain, child certificate first; nil with a combined file.
  public var certificateChain: String?
  /// The file of the private key (PKCS#8); nil with a combined file.
  public var key: String?
  /// One file that holds the chain and then the key; nil with separate files.
  public var combined: String?
  /// The file of the root certificates that the component accepts from its peers; nil when it does not verify them.
  public var trustBundle: String?
  /// The PKCS#12 store of the key with its chain, in place of the PEM files; nil with PEM files.
  public var keyStore: String?
  /// The PKCS#12 store of the trusted roots, in place of a trust bundle.
  public var trustStore: String?
  /// The file with the password of the stores, which is read at the target and never replaced.
  public var storePasswordFile: String?
  /// The user, by name or number, who owns the files; nil keeps the owner that is found.
  public var owner: String?
  /// The group, by name or number; nil keeps the group that is found.
  public var group: String?
  /// The mode of the chain and the bundle, as permission bits.
  public var mode: FileMode
  /// The mode of every file that holds the key.
  public var keyMode: FileMode

  /// Names the files; ``Component/problems()`` tells whether they make a usable whole.
  public init(
    certificateChain: String? = nil, key: String? = nil, combined: String? = nil, trustBundle: String? = nil,
    keyStore: String? = nil, trustStore: String? = nil, storePasswordFile: String? = nil, owner: String? = nil,
    group: String? = nil, mode: FileMode = 0o644, keyMode: FileMode = 0o600
  ) {
    self.certificateChain = certificateChain
    self.key = key
    self.combined = combined
    self.trustBundle = trustBundle
    self.keyStore = keyStore
    self.trustStore = trustStore
    self.storePasswordFile = storePasswordFile
    self.owner = owner
    self.group = group
    self.mode = mode
    self.keyMode = keyMode
  }

  /// What a file holds.
  public enum Role: String, Sendable, Hashable, Codable, CaseIterable {
    case certificateChain, key, combined, trustBundle, keyStore, trustStore

    /// Whether the file holds a private key.
    public var isSecret: Bool { self == .key || self == .combined || self == .keyStore }
    /// Whether the file holds the roots that are accepted, and not the component's own certificate.
    public var isTrust: Bool { self == .trustBundle || self == .trustStore }
    /// Whether the file is a PKCS#12 store, which opens with the password of the stores.
    public var isStore: Bool { self == .keyStore || self == .trustStore }

    /// The roles of the certificate and the key.
    public static let identity = Set(allCases.filter { !$0.isTrust })
    /// The roles of the accepted roots.
    public static let trust = Set(allCases.filter(\.isTrust))
  }

  /// The files that are configured and replaced, with what each holds.
  public var paths: [(role: Role, path: String)] {
    let all: [(Role, String?)] = [
      (.certificateChain, certificateChain), (.key, key), (.combined, combined), (.trustBundle, trustBundle),
      (.keyStore, keyStore), (.trustStore, trustStore),
    ]
    return all.compactMap { role, path in path.map { (role, $0) } }
  }

  /// The files of the certificate and the key, without those of the accepted roots.
  public var identityPaths: [(role: Role, path: String)] { paths.filter { !$0.role.isTrust } }

  /// The file of the roots that the component accepts from its peers, trust bundle or trust store; nil when it does not
  /// verify them.
  public var trustFile: String? { trustBundle ?? trustStore }

  /// The mode that a file of this role gets.
  public func mode(of role: Role) -> FileMode { role.isSecret ? keyMode : mode }
}

/// Permission bits of a file, 0 to 0o7777, written as octal digits.
public struct FileMode: Sendable, Hashable, Codable, ExpressibleByIntegerLiteral, CustomStringConvertible {
  /// The permission bits.
  public let bits: UInt32

  /// Wraps permission bits; higher bits are dropped.
  public init(bits: UInt32) {
    self.bits = bits & 0o7777
  }

  /// Allows `0o644` to stand for a mode.
  public init(integerLiteral value: UInt32) {
    self.init(bits: value)
  }

  /// Reads octal digits such as `640` or `0640`; nil when they are not three or four octal digits.
  public init?(_ octal: String) {
    guard (3...4).contains(octal.count), octal.allSatisfy({ "01234567".contains($0) }),
      let bits = UInt32(octal, radix: 8)
    else { return nil }
    self.init(bits: bits)
  }

  /// Four octal digits.
  public var description: String {
    let digits = String(bits, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
