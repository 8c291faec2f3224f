import COpenSSL

/// The two keys that a passphrase gives for one sealed file: scrypt (RFC 7914) over it and the file's own salt.
struct PassphraseKeys: Sendable {
  /// For the file's content: AES-256.
  let content: SecretBytes
  /// For the file's head: HMAC-SHA-256.
  let head: SecretBytes

  private static let count = 32

  /// Blocking, about half a second and 128 MiB with the usual parameters. Throws `PASSPHRASE_FAILED`.
  init(_ passphrase: SecretBytes, salt: [UInt8], parameters: ScryptParameters) throws {
    let both = try parameters.derive(
      2 * Self.count, from: passphrase, salt: salt, orThrow: "PASSPHRASE_FAILED",
      "The passphrase could not be turned into a key; \(parameters.memory >> 20) MiB of memory are needed for that.")
    content = both.withBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[..<Self.count])) }
    head = both.withBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[Self.count...])) }
  }

  /// HMAC-SHA-256 under the key for the head. Throws `SEAL_FAILED`.
  func tag(of bytes: [UInt8]) throws -> SecretBytes {
    try SecretBytes(count: 32) { tag in
      _ = try OpenSSLErrors.require("SEAL_FAILED", "The head of the file could not be sealed.") {
        head.withBytes { key in
          var count: UInt32 = 0
          return HMAC(
            EVP_sha256(), key.baseAddress, Int32(key.count), bytes, bytes.count,
            tag.assumingMemoryBound(to: UInt8.self).baseAddress, &count) == nil ? nil : true
        }
      }
    }
  }
}
