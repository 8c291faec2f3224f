import COpenSSL

/// What kind of public key an OpenSSL key is, in the words that pages and messages use.
enum KeyDescription {
  /// `ECDSA P-256`, `RSA 2048`, `Ed25519`, `DSA 1024`…
  static func of(_ key: OpaquePointer) -> String {
    OpenSSLErrors.guarded {
      let bits = EVP_PKEY_get_bits(key)
      switch EVP_PKEY_get_base_id(key) {
      case EVP_PKEY_RSA: return "RSA \(bits)"
      case EVP_PKEY_RSA_PSS: return "RSA-PSS \(bits)"
      case EVP_PKEY_EC: return "ECDSA \(curve(key) ?? "\(bits) bits")"
      case EVP_PKEY_ED25519: return "Ed25519"
      case EVP_PKEY_ED448: return "Ed448"
      case EVP_PKEY_X25519: return "X25519"
      case EVP_PKEY_X448: return "X448"
      case EVP_PKEY_DSA: return "DSA \(bits)"
      case EVP_PKEY_DH, EVP_PKEY_DHX: return "DH \(bits)"
      default:
        guard let name = EVP_PKEY_get0_type_name(key) else { return "unknown key" }
        return VisibleText.of(String(cString: name), limit: 60)
      }
    }
  }

  private static func curve(_ key: OpaquePointer) -> String? {
    var buffer = [CChar](repeating: 0, count: 80)
    var count = 0
    guard EVP_PKEY_get_group_name(key, &buffer, buffer.count, &count) == 1 else { return nil }
    let name = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    switch name {
    case "prime256v1": return "P-256"
    case "secp224r1": return "P-224"
    case "secp384r1": return "P-384"
    case "secp521r1": return "P-521"
    default: return name
    }
  }
}
