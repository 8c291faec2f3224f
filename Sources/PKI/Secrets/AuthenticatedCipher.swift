import COpenSSL

/// AES-256-GCM (NIST SP 800-38D) under one key. Not for two threads at once.
final class AuthenticatedCipher {
  static let keyCount = 32
  static let nonceCount = 12
  static let tagCount = 16

  enum Direction { case seal, open }

  private let context: OpaquePointer
  private let key: SecretBytes

  /// Throws `SEAL_FAILED` without memory. The key has 32 bytes.
  init(_ key: SecretBytes) throws {
    self.key = key
    context = try OpenSSLErrors.require("SEAL_FAILED", "There is no memory left for a cipher.") { EVP_CIPHER_CTX_new() }
  }

  deinit { EVP_CIPHER_CTX_free(context) }

  /// Seals or opens one text. Sealing fills the tag in; opening compares it, and what stands in `output` counts for nothing
  /// where that fails.
  ///
  /// - Parameters:
  ///   - nonce: 12 bytes, for sealing never the same twice under one key.
  ///   - context: is authenticated too, and no part of the output.
  ///   - output: as long as the input.
  ///   - tag: 16 bytes.
  /// - Returns: whether it went well.
  func run(
    _ direction: Direction, nonce: [UInt8], context associated: String = "", from input: UnsafeRawBufferPointer,
    into output: UnsafeMutableRawBufferPointer, tag: UnsafeMutableRawBufferPointer
  ) -> Bool {
    guard input.count <= 1 << 30, output.count >= input.count, nonce.count == Self.nonceCount else { return false }
    return begin(direction, nonce) && takeAssociated(Array(associated.utf8)) && take(input, output)
      && finish(direction, tag)
  }

  private func begin(_ direction: Direction, _ nonce: [UInt8]) -> Bool {
    key.withBytes { key in
      guard key.count == Self.keyCount else { return false }
      let bytes = key.assumingMemoryBound(to: UInt8.self).baseAddress
      return EVP_CipherInit_ex2(context, EVP_aes_256_gcm(), bytes, nonce, direction == .seal ? 1 : 0, nil) == 1
    }
  }

  private func takeAssociated(_ bytes: [UInt8]) -> Bool {
    guard !bytes.isEmpty else { return true }
    var count: Int32 = 0
    // With no output buffer the bytes are associated data (EVP_EncryptInit(3), "AEAD Interface").
    return EVP_CipherUpdate(context, nil, &count, bytes, Int32(bytes.count)) == 1
  }

  private func take(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> Bool {
    guard !input.isEmpty else { return true }
    var count: Int32 = 0
    return EVP_CipherUpdate(
      context, output.assumingMemoryBound(to: UInt8.self).baseAddress, &count,
      input.assumingMemoryBound(to: UInt8.self).baseAddress, Int32(input.count)) == 1
  }

  private func finish(_ direction: Direction, _ tag: UnsafeMutableRawBufferPointer) -> Bool {
    let length = Int32(Self.tagCount)
    guard tag.count == Self.tagCount else { return false }
    if direction == .open {
      guard EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, length, tag.baseAddress) == 1 else { return false }
    }
    // GCM has no last block: nothing is written here, but this is where the tag is made or compared.
    var rest = [UInt8](repeating: 0, count: 16)
    var count: Int32 = 0
    guard EVP_CipherFinal_ex(context, &rest, &count) == 1 else { return false }
    return direction == .open || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, length, tag.baseAddress) == 1
  }
}
