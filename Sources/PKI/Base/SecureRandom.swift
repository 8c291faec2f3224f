import COpenSSL

/// Randomness fit for keys, nonces and session tokens.
public enum SecureRandom {
  /// `count` bytes from OpenSSL's generator. Throws `RANDOM_FAILED` where the generator cannot be seeded.
  public static func bytes(_ count: Int) throws -> [UInt8] {
    guard count > 0 else { return [] }
    var result = [UInt8](repeating: 0, count: count)
    _ = try OpenSSLErrors.require("RANDOM_FAILED", "The system's random generator gave no bytes; restart the service.")
    {
      RAND_bytes_ex(nil, &result, count, 0) == 1 ? true : nil
    }
    return result
  }

  /// 256 random bits as 43 characters of base64url, for session and one-time tokens.
  ///
  /// From the kernel through Swift's own generator, which cannot fail, so that callers need no error path.
  public static func token() -> String {
    var generator = SystemRandomNumberGenerator()
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    var text: [UInt8] = []
    var pending: UInt32 = 0
    var bits = 0
    for byte in bytes {
      pending = (pending << 8 | UInt32(byte)) & 0xFFFF
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[Int(pending >> UInt32(bits)) & 63])
      }
    }
    if bits > 0 { text.append(alphabet[Int(pending << UInt32(6 - bits)) & 63]) }
    return String(decoding: text, as: UTF8.self)
  }
}
