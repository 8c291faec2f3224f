import COpenSSL

/// Codes that only whoever has a key can make for a message.
public enum MessageAuthentication {
  /// The 32 bytes of HMAC-SHA-256 (RFC 2104).
  public static func hmacSHA256(_ message: [UInt8], key: SecretBytes) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: 32)
    key.withBytes { key in
      // HMAC() fails only without memory; what it leaves then, zeroes, is no code of any message.
      _ = HMAC(EVP_sha256(), key.baseAddress, Int32(key.count), message, message.count, &code, nil)
    }
    return code
  }

  /// The 20 bytes of HMAC-SHA-1, for one-time passwords only, which are defined by it. Empty where there is no memory for
  /// it: zeroes would be the code of every secret.
  static func hmacSHA1(_ message: [UInt8], key: SecretBytes) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: 20)
    let isMade = key.withBytes { key in
      HMAC(EVP_sha1(), key.baseAddress, Int32(key.count), message, message.count, &code, nil) != nil
    }
    return isMade ? code : []
  }

  /// Whether two codes are the same, in the same time wherever they differ.
  public static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    one.count == other.count && CRYPTO_memcmp(one, other, one.count) == 0
  }
}
