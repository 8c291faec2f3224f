import Foundation

/// How a master key is derived from a passphrase: scrypt (RFC 7914) with a salt of its own and parameters that are kept
/// beside it. Nothing of it is secret.
///
/// The text form is `$scrypt$ln=17,r=8,p=1$<salt>` with the salt in base64 without padding.
public struct MasterKeyDerivation: Sendable, Hashable {
  private let parameters: ScryptParameters
  private let salt: [UInt8]

  private static let saltCount = 16

  /// A derivation with a new salt: N = 2¹⁷, r = 8, p = 1, which takes 128 MiB and about half a second, once at each start.
  public static func generate() throws -> MasterKeyDerivation {
    MasterKeyDerivation(parameters: .passphrase, salt: try SecureRandom.bytes(saltCount))
  }

  private init(parameters: ScryptParameters, salt: [UInt8]) {
    self.parameters = parameters
    self.salt = salt
  }

  /// The form in which it is stored.
  public var text: String {
    let salt = Data(salt).base64EncodedString().filter { $0 != "=" }
    return "$scrypt$ln=\(parameters.logarithmOfN),r=\(parameters.blockSize),p=\(parameters.parallelisation)$\(salt)"
  }

  /// Reads the stored form. Throws `MASTER_KEY_DERIVATION_INVALID` for anything else, and for more than 1 GiB of work.
  public init(text: String) throws {
    let pattern = #/\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,2}),p=([0-9])\$([A-Za-z0-9+\/]{22})/#
    guard let match = text.wholeMatch(of: pattern), let power = Int(match.1), let size = Int(match.2),
      let times = Int(match.3), let salt = Data(base64Encoded: match.4 + "=="),
      let parameters = ScryptParameters(power, size, times, within: .masterKey)
    else {
      throw PKIError(
        code: "MASTER_KEY_DERIVATION_INVALID",
        sentence: "What is kept of the way from the passphrase to the master key cannot be read. Restore the data "
          + "folder from a backup.")
    }
    self.init(parameters: parameters, salt: Array(salt))
  }

  /// The key of a passphrase. Blocking, about half a second. Throws `MASTER_KEY_DERIVATION_FAILED` without memory for it.
  public func key(of passphrase: SecretBytes) throws -> MasterKey {
    try MasterKey(
      bytes: try parameters.derive(
        MasterKey.count, from: passphrase, salt: salt, orThrow: "MASTER_KEY_DERIVATION_FAILED",
        "The master key could not be derived from the passphrase: is there memory left?"))
  }
}
