import PKI
import Rotation

extension KeyKind {
  /// The same for OpenSSL.
  public var algorithm: PKI.KeyAlgorithm {
    switch self {
    case .ecdsaP256: .ecdsaP256
    case .ecdsaP384: .ecdsaP384
    case .rsa2048: .rsa2048
    case .rsa3072: .rsa3072
    case .rsa4096: .rsa4096
    case .ed25519: .ed25519
    }
  }
}
