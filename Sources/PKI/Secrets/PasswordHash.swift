import COpenSSL
import Foundation

/// What is stored of a password: scrypt (RFC 7914) over it and a random salt.
///
/// The text form carries its own parameters, so that they can be raised without making old passwords invalid:
/// `$scrypt$ln=15,r=8,p=1$<salt>$<hash>` with salt and hash in base64 without padding.
public struct PasswordHash: Sendable, Hashable {
  /// The work that this hash was made with.
  public let parameters: ScryptParameters
  private let salt: [UInt8]
  private let hash: [UInt8]

  private static let saltCount = 16
  private static let hashCount = 32
  private static let longestPassword = 1024

  /// Whether it was made with other work than new hashes are; if so, make it again after the next good sign-in.
  public var isOutdated: Bool { parameters != .current }

  /// Hashes a new password. Blocking, about 0.1 s and 32 MiB.
  ///
  /// Throws `PASSWORD_INVALID` when it is empty, longer than 1,024 bytes, or holds a NUL.
  public static func make(_ password: SecretBytes, parameters: ScryptParameters = .current) throws -> PasswordHash {
    guard isAcceptable(password) else {
      throw PKIError(
        code: "PASSWORD_INVALID",
        sentence: "Give a password of 1 to \(longestPassword) bytes without a NUL character in it.")
    }
    let salt = try SecureRandom.bytes(saltCount)
    let hash = try derive(password, salt: salt, parameters: parameters)
    return PasswordHash(parameters: parameters, salt: salt, hash: hash)
  }

  /// A hash that is of no password: both its parts are random. To verify one against it takes as long as against any other.
  public static func ofNone() throws -> PasswordHash {
    PasswordHash(
      parameters: .current, salt: try SecureRandom.bytes(saltCount), hash: try SecureRandom.bytes(hashCount))
  }

  /// Whether this is the password. Blocking like `make`; the comparison takes the same time wherever they differ.
  ///
  /// With a hash of less work than `current` it is done as often as makes up for most of it: a shorter time would tell that there
  /// is a user of the name, since ``ofNone()`` is what an unknown one is compared with.
  public func verify(_ password: SecretBytes) throws -> Bool {
    guard Self.isAcceptable(password) else { return false }
    let other = try Self.derive(password, salt: salt, parameters: parameters)
    for _ in 1..<max(1, ScryptParameters.current.work / parameters.work) {
      _ = try Self.derive(password, salt: salt, parameters: parameters)
    }
    return other.count == hash.count && CRYPTO_memcmp(other, hash, hash.count) == 0
  }

  /// The form in which it is stored.
  public var text: String {
    "$scrypt$ln=\(parameters.logarithmOfN),r=\(parameters.blockSize),p=\(parameters.parallelisation)"
      + "$\(Self.base64(salt))$\(Self.base64(hash))"
  }

  /// Reads the stored form. Throws `PASSWORD_HASH_INVALID` for anything else.
  public init(text: String) throws {
    let invalid = PKIError(
      code: "PASSWORD_HASH_INVALID", sentence: "The stored password cannot be read. Set the password again.")
    let parts = text.split(separator: "$", omittingEmptySubsequences: false)
    guard text.utf8.count <= 256, parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt" else { throw invalid }
    let work = parts[2].split(separator: ",", omittingEmptySubsequences: false)
    guard work.count == 3, let power = Self.number(work[0], after: "ln="), let size = Self.number(work[1], after: "r="),
      let times = Self.number(work[2], after: "p="), let salt = Self.bytes(parts[3]), let hash = Self.bytes(parts[4]),
      salt.count == Self.saltCount, hash.count == Self.hashCount
    else { throw invalid }
    let parameters = try ScryptParameters(logarithmOfN: power, blockSize: size, parallelisation: times)
    self.init(parameters: parameters, salt: salt, hash: hash)
  }

  private init(parameters: ScryptParameters, salt: [UInt8], hash: [UInt8]) {
    self.parameters = parameters
    self.salt = salt
    self.hash = hash
  }

  private static func isAcceptable(_ password: SecretBytes) -> Bool {
    // HMAC fills a short key up with zero bytes (RFC 2104), so a password with a NUL after it would pass for the same.
    password.withBytes { !$0.isEmpty && $0.count <= longestPassword && !$0.contains(0) }
  }

  static func derive(_ password: SecretBytes, salt: [UInt8], parameters: ScryptParameters) throws -> [UInt8] {
    try parameters.derive(
      hashCount, from: password, salt: salt, orThrow: "PASSWORD_HASH_FAILED",
      "The password could not be hashed; is there memory left?"
    ).withBytes { Array($0) }
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().filter { $0 != "=" }
  }

  private static func bytes(_ text: Substring) -> [UInt8]? {
    guard !text.contains("=") else { return nil }
    let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    guard let bytes = Data(base64Encoded: text + padding).map(Array.init), base64(bytes) == text else { return nil }
    return bytes
  }

  private static func number(_ text: Substring, after prefix: String) -> Int? {
    let digits = text.dropFirst(prefix.count)
    guard text.hasPrefix(prefix), !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return Int(digits)
  }
}

extension PasswordHash: Codable {
  /// Reads the text form from a plain string.
  public init(from decoder: any Decoder) throws {
    try self.init(text: try decoder.singleValueContainer().decode(String.self))
  }

  /// Writes the text form as a plain string.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension PasswordHash: CustomStringConvertible, CustomReflectable {
  /// Always `[redacted]`: a hash can be guessed at.
  public var description: String { "[redacted]" }
  /// No children, so that `dump` shows nothing.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
