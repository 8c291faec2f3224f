/// What a PKCS#12 key store or trust store of a Java service holds, as Java sees it.
public struct PFXStore: Sendable {
  /// The one private key, with its certificate chain, leaf first, without the root.
  public struct KeyEntry: Sendable {
    /// The name by which the service asks for it, with control characters made visible.
    public let alias: String?
    /// The certificates and the key.
    public let identity: Identity
  }

  /// A certificate that the service trusts.
  public struct TrustedEntry: Sendable {
    /// Its name in the store.
    public let alias: String?
    /// The certificate.
    public let certificate: Certificate

    /// Names a certificate that is to be trusted.
    public init(alias: String?, certificate: Certificate) {
      self.alias = alias
      self.certificate = certificate
    }
  }

  /// How many private keys there are.
  public let keyCount: Int
  /// How many entries are neither private keys nor certificates, such as secret keys.
  public let otherCount: Int
  /// The key's entry; nil unless there is exactly one key.
  public let key: KeyEntry?
  /// The certificates that Java trusts. One without Oracle's attribute trustedKeyUsage is not among them: Java passes it
  /// over.
  public let trusted: [TrustedEntry]

  /// Reads a store. Blocking, in bounded time and memory, whatever the bytes are. Throws ``PFXRefusal``.
  public init(_ bytes: [UInt8], password: SecretBytes) throws {
    let contents = try PFXContents(bytes, password: password)
    let bags = contents.bags
    var trusted: [TrustedEntry] = []
    var others: [(certificate: Certificate, alias: String?)] = []
    for bag in bags.certificates {
      guard let certificate = try? Certificate(der: bag.der) else {
        throw PFXRefusal.malformed("certificate \(trusted.count + others.count + 1) in it cannot be read")
      }
      if bag.isTrusted {
        trusted.append(TrustedEntry(alias: bag.friendlyName, certificate: certificate))
      } else {
        others.append((certificate, bag.friendlyName))
      }
    }
    self.trusted = trusted
    keyCount = bags.keys.count
    otherCount = bags.otherCount
    key = try bags.keys.count == 1 ? bags.keys.first.map { try Self.entry($0, contents, others) } : nil
  }

  private static func entry(
    _ bag: PFXBags.Key, _ contents: PFXContents, _ certificates: [(certificate: Certificate, alias: String?)]
  ) throws -> KeyEntry {
    let key = try PrivateKey(pkcs8: try contents.open(bag))
    guard let leaf = certificates.first(where: { key.matches($0.certificate) }) else {
      throw PFXRefusal(
        .keyMismatch, "The private key in it (\(key.keyDescription)) belongs to none of its certificates.")
    }
    let chain = PFX.chain(from: leaf.certificate, among: certificates.map(\.certificate))
    // Java goes by the name of the key.
    return KeyEntry(alias: bag.friendlyName ?? leaf.alias, identity: Identity(chain: chain, key: key))
  }
}
