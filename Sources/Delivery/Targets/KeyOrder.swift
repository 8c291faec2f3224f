import PKI
import Rotation

/// A key that is to be made at a target, for a component that keeps it.
public struct KeyOrder: Sendable {
  /// The kind of key.
  public var algorithm: KeyAlgorithm
  /// The names that the signing request asks for.
  public var names: [AlternativeName]
  /// Where the new key waits for its certificate: an absolute path, mode 0600. What stands there is replaced.
  public var path: String

  /// Orders a key.
  public init(algorithm: KeyAlgorithm, names: [AlternativeName], path: String) {
    self.algorithm = algorithm
    self.names = names
    self.path = path
  }
}

/// What a look at a key file showed, without the key.
public struct KeyView: Sendable, Hashable {
  /// SHA-256 of the public half's SubjectPublicKeyInfo.
  public var publicKey: Fingerprint
  /// SHA-256 of the file, hexadecimal.
  public var sha256: String

  /// Describes a key file.
  public init(publicKey: Fingerprint, sha256: String) {
    self.publicKey = publicKey
    self.sha256 = sha256
  }

  /// What a file with a key in PEM shows. Throws `KEY_UNREADABLE`, `NOT_PEM`.
  static func of(_ file: TargetFile, path: String) throws -> KeyView {
    try PEMFile.requirePEM(file.content, path: path)
    return KeyView(
      publicKey: try PEMFile.key(file.content, path: path).publicKeyFingerprint, sha256: file.content.sha256Hex)
  }
}
