/// The keys that Reroot generates. The raw values are what YAML files and forms say.
public enum KeyAlgorithm: String, Sendable, CaseIterable, Codable {
  case ecdsaP256 = "ecdsa-p256"
  case ecdsaP384 = "ecdsa-p384"
  case rsa2048 = "rsa-2048"
  case rsa3072 = "rsa-3072"
  case rsa4096 = "rsa-4096"
  case ed25519

  /// What a page calls it, such as `ECDSA P-256`; the same words as `Certificate.keyDescription`.
  public var label: String {
    switch self {
    case .ecdsaP256: "ECDSA P-256"
    case .ecdsaP384: "ECDSA P-384"
    case .rsa2048: "RSA 2048"
    case .rsa3072: "RSA 3072"
    case .rsa4096: "RSA 4096"
    case .ed25519: "Ed25519"
    }
  }
}
