import COpenSSL

/// The key under which secrets rest in the database: AES-256-GCM (NIST SP 800-38D).
///
/// A sealed secret is one format byte (1), a random nonce of 96 bits, the ciphertext and a tag of 128 bits. The context
/// (such as `root/7/key`) is authenticated with it, so that a sealed secret opens only in the place it was sealed for.
/// With random nonces one key is good for 2³² secrets (SP 800-38D 8.3), far more than a database of this kind holds.
public struct MasterKey: Sendable, Equatable {
  private let bytes: SecretBytes

  /// Bytes that a key has.
  public static let count = 32
  /// Bytes that a sealed secret has more than the secret itself.
  public static let overhead = 1 + nonceCount + tagCount

  private static let format: UInt8 = 1
  private static let nonceCount = AuthenticatedCipher.nonceCount
  private static let tagCount = AuthenticatedCipher.tagCount

  /// Takes the 32 bytes of a key made earlier. Throws `MASTER_KEY_INVALID` for another length.
  public init(bytes: SecretBytes) throws {
    guard bytes.count == Self.count else {
      throw PKIError(
        code: "MASTER_KEY_INVALID",
        sentence: "A master key has \(Self.count) bytes; this one has \(bytes.count). Give the key file that was made "
          + "for this data folder.")
    }
    self.bytes = bytes
  }

  /// A new key from OpenSSL's generator for private randomness.
  public static func generate() throws -> MasterKey {
    try MasterKey(
      bytes: SecretBytes(count: count) { buffer in
        _ = try OpenSSLErrors.require("RANDOM_FAILED", "The system's random generator gave no key; start again.") {
          RAND_priv_bytes_ex(nil, buffer.baseAddress, buffer.count, 0) == 1 ? true : nil
        }
      })
  }

  /// Lends the key's bytes for the length of one call, to be written to the key file.
  public func withBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
    try bytes.withBytes(body)
  }

  /// Seals a secret for one place. Throws `SEAL_FAILED`.
  public func seal(_ secret: SecretBytes, context: String) throws -> [UInt8] {
    let nonce = try SecureRandom.bytes(Self.nonceCount)
    var sealed = [UInt8](repeating: 0, count: secret.count + Self.overhead)
    sealed[0] = Self.format
    sealed.replaceSubrange(1..<1 + Self.nonceCount, with: nonce)
    let cipher = try AuthenticatedCipher(bytes)
    _ = try OpenSSLErrors.require("SEAL_FAILED", "The secret could not be sealed; nothing was stored.") {
      secret.withBytes { secret in
        sealed.withUnsafeMutableBytes { sealed in
          let text = UnsafeMutableRawBufferPointer(
            rebasing: sealed[1 + Self.nonceCount..<sealed.count - Self.tagCount])
          let tag = UnsafeMutableRawBufferPointer(rebasing: sealed[(sealed.count - Self.tagCount)...])
          return cipher.run(.seal, nonce: nonce, context: context, from: secret, into: text, tag: tag) ? true : nil
        }
      }
    }
    return sealed
  }

  /// Opens what `seal` made with the same key for the same place.
  ///
  /// Throws `SEAL_BROKEN` for anything else; which of the two was wrong cannot be told.
  public func open(_ sealed: [UInt8], context: String) throws -> SecretBytes {
    guard sealed.count >= Self.overhead, sealed[0] == Self.format else {
      throw Self.broken(context, "what is stored there does not have the form of a sealed secret")
    }
    let nonce = Array(sealed[1..<1 + Self.nonceCount])
    var tag = Array(sealed.suffix(Self.tagCount))
    let cipher = try AuthenticatedCipher(bytes)
    return try SecretBytes(count: sealed.count - Self.overhead) { secret in
      let opened = OpenSSLErrors.guarded {
        sealed.withUnsafeBytes { sealed in
          tag.withUnsafeMutableBytes { tag in
            let text = UnsafeRawBufferPointer(rebasing: sealed[1 + Self.nonceCount..<sealed.count - Self.tagCount])
            return cipher.run(.open, nonce: nonce, context: context, from: text, into: secret, tag: tag)
          }
        }
      }
      guard opened else {
        throw Self.broken(context, "the master key is another one, or the stored bytes were changed or moved")
      }
    }
  }

  private static func broken(_ context: String, _ reason: String) -> PKIError {
    PKIError(
      code: "SEAL_BROKEN",
      sentence:
        "The secret “\(VisibleText.of(context, limit: 200))” cannot be opened: \(reason). Start with the master "
        + "key file that belongs to this database, or restore both from the same backup.")
  }
}

extension MasterKey: CustomStringConvertible, CustomReflectable {
  /// Always `[redacted]`.
  public var description: String { "[redacted]" }
  /// No children, so that `dump` shows nothing.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
