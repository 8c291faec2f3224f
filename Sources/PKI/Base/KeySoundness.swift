import COpenSSL

/// Bounds on the numbers of an RSA key that came from outside.
///
/// OpenSSL checks the modulus of a public key only. A private exponent of a million bits next to an honest modulus would
/// make one signature take minutes, so every number of the key has to be as small as RFC 8017 3.2 makes it.
enum KeySoundness {
  /// OPENSSL_RSA_MAX_MODULUS_BITS, beyond which OpenSSL verifies nothing either.
  static let maximumRSABits: Int32 = 16384

  /// The private numbers and the first prime beyond two, which nobody uses (RFC 8017 3.2 allows it).
  private static let privateNumbers = [
    "e", "d", "rsa-factor1", "rsa-factor2", "rsa-exponent1", "rsa-exponent2", "rsa-coefficient1",
  ]
  private static let thirdPrime = "rsa-factor3"

  /// What is wrong with the key, as the end of a sentence, or nil.
  static func complaint(about key: OpaquePointer) -> String? {
    OpenSSLErrors.guarded {
      guard [EVP_PKEY_RSA, EVP_PKEY_RSA_PSS].contains(EVP_PKEY_get_base_id(key)) else { return nil }
      let bits = EVP_PKEY_get_bits(key)
      guard bits <= maximumRSABits else {
        return "its modulus has \(bits) bits, and \(maximumRSABits) are the most that work"
      }
      guard number(thirdPrime, of: key, { _ in true }) == nil else { return "it has more than two primes" }
      let areSmall = privateNumbers.allSatisfy { name in number(name, of: key) { BN_num_bits($0) <= bits } ?? true }
      return areSmall ? nil : "one of its numbers is larger than its modulus"
    }
  }

  /// Looks at one number of the key; nil where the key does not have it.
  private static func number<Value>(
    _ name: String, of key: OpaquePointer, _ look: (OpaquePointer) -> Value
  ) -> Value? {
    var value: OpaquePointer?
    guard EVP_PKEY_get_bn_param(key, name, &value) == 1, let value else { return nil }
    // The copy of a private number has to be wiped, which BN_free does not do.
    defer { BN_clear_free(value) }
    return look(value)
  }
}
