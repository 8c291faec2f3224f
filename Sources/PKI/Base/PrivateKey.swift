import COpenSSL

// Sendable holds: the EVP_PKEY is never changed after the initialiser, and OpenSSL locks its own reference count and
// caches ("EVP_PKEY … const operations are thread safe", openssl-threads(7)).
/// A private key in memory. It is never printed; only `pkcs8PEM` lets it out, as `SecretBytes`.
public final class PrivateKey: @unchecked Sendable {
  private let key: OpaquePointer

  /// SHA-256 of the public half's SubjectPublicKeyInfo: equal to the certificate's that it belongs to.
  public let publicKeyFingerprint: Fingerprint

  /// Such as `ECDSA P-256` or `RSA 2048`.
  public let keyDescription: String

  /// Takes over one reference to the key and frees it even when the initialiser throws.
  init(takingOwnership key: OpaquePointer) throws {
    var der: UnsafeMutablePointer<UInt8>?
    defer { reroot_free(der) }
    do {
      if let complaint = KeySoundness.complaint(about: key) {
        throw PKIError(code: "KEY_UNUSABLE", sentence: "The private key cannot be used: \(complaint). Make a new one.")
      }
      let count = try OpenSSLErrors.require("KEY_UNUSABLE", "The key has no public half that could be read.") {
        let count = i2d_PUBKEY(key, &der)
        return count > 0 ? Int(count) : nil
      }
      publicKeyFingerprint = Fingerprint(of: Array(UnsafeBufferPointer(start: der, count: count)))
    } catch {
      EVP_PKEY_free(key)
      throw error
    }
    self.key = key
    keyDescription = KeyDescription.of(key)
  }

  deinit { EVP_PKEY_free(key) }

  /// Makes a new key. Blocking: an RSA key of 4096 bits takes seconds.
  public static func generate(_ algorithm: KeyAlgorithm) throws -> PrivateKey {
    let key = try OpenSSLErrors.require("KEY_GENERATION_FAILED", "No \(algorithm.label) key could be generated.") {
      switch algorithm {
      case .ecdsaP256: reroot_generate_ec("P-256")
      case .ecdsaP384: reroot_generate_ec("P-384")
      case .rsa2048: reroot_generate_rsa(2048)
      case .rsa3072: reroot_generate_rsa(3072)
      case .rsa4096: reroot_generate_rsa(4096)
      case .ed25519: reroot_generate_plain("ED25519")
      }
    }
    return try PrivateKey(takingOwnership: key)
  }

  /// Reads the first private key of a PEM text: PKCS#8, PKCS#1 or SEC1, not encrypted.
  ///
  /// Throws `KEY_ENCRYPTED` or `KEY_MALFORMED`.
  public convenience init(pem: SecretBytes) throws {
    try self.init(takingOwnership: try Self.read(pem))
  }

  /// The key as an unencrypted PKCS#8 PEM text.
  public func pkcs8PEM() throws -> SecretBytes {
    // A memory BIO is wiped when it is freed (BUF_MEM_free clears before it frees).
    let bio = try OpenSSLErrors.require("OUT_OF_MEMORY", "There is no memory left for a key.") { BIO_new(BIO_s_mem()) }
    defer { BIO_free(bio) }
    _ = try OpenSSLErrors.require("KEY_UNUSABLE", "The key cannot be written as PKCS#8.") {
      PEM_write_bio_PKCS8PrivateKey(bio, key, nil, nil, 0, nil, nil) == 1 ? true : nil
    }
    var count = 0
    let bytes = reroot_bio_bytes(bio, &count)
    return SecretBytes(copying: UnsafeRawBufferPointer(start: bytes, count: count))
  }

  /// Whether the certificate holds this key's public half.
  public func matches(_ certificate: Certificate) -> Bool {
    certificate.withUnsafePointer { certificate in
      OpenSSLErrors.guarded {
        guard let other = X509_get0_pubkey(certificate) else { return false }
        return EVP_PKEY_eq(other, key) == 1
      }
    }
  }

  /// Lends OpenSSL's key for the length of one call. It must not be kept, nor changed.
  func withUnsafePointer<Value>(_ body: (OpaquePointer) throws -> Value) rethrows -> Value {
    try withExtendedLifetime(self) { try body(key) }
  }

  private static func read(_ pem: SecretBytes) throws -> OpaquePointer {
    try pem.withBytes { bytes in
      guard let start = bytes.baseAddress, bytes.count <= 1 << 20 else { throw malformed("") }
      if let key = KeyDecoder.key(bytes) { return key }
      OpenSSLErrors.clear()
      guard let bio = BIO_new_mem_buf(start, Int32(bytes.count)) else { throw malformed(OpenSSLErrors.drain()) }
      defer { BIO_free(bio) }
      // Without a callback OpenSSL would ask for a pass phrase on the terminal.
      if let key = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) {
        OpenSSLErrors.clear()
        return key
      }
      let detail = OpenSSLErrors.drain()
      let text = String(decoding: bytes, as: UTF8.self)
      if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        throw PKIError(
          code: "KEY_ENCRYPTED",
          sentence: "The private key is encrypted. Decrypt it first, for example with "
            + "`openssl pkey -in key.pem -out plain.pem`, or give a PFX file with its password.",
          detail: detail)
      }
      throw malformed(detail)
    }
  }

  private static func malformed(_ detail: String) -> PKIError {
    PKIError(
      code: "KEY_MALFORMED",
      sentence: "This is not a private key in PEM form. It should begin with -----BEGIN PRIVATE KEY-----.",
      detail: detail)
  }
}

extension PrivateKey: CustomStringConvertible, CustomReflectable {
  /// The kind of key; nothing of the key itself.
  public var description: String { "\(keyDescription) private key [redacted]" }
  /// No children, so that `dump` shows nothing.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
