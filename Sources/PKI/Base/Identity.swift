/// A certificate with the key that belongs to it, and the certificates between it and its root.
public struct Identity: Sendable {
  /// The certificates, leaf first; never empty in what this module returns.
  public let chain: [Certificate]
  /// The leaf's private key.
  public let key: PrivateKey

  /// The certificate that the key belongs to.
  public var leaf: Certificate? { chain.first }

  /// The chain as one PEM text, leaf first, as servers want it.
  public var chainPEM: String { chain.map(\.pem).joined() }

  /// A chain, leaf first, with the leaf's key. Whether they match is `key.matches(leaf)`.
  public init(chain: [Certificate], key: PrivateKey) {
    self.chain = chain
    self.key = key
  }
}
