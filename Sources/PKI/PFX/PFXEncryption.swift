/// How a key is made from a password.
enum PFXDerivation: Sendable {
  /// RFC 7292 appendix B, over the password as UTF-16.
  case pkcs12(digest: String, salt: [UInt8], iterations: Int)
  /// RFC 8018 5.1.
  case pbkdf1(digest: String, salt: [UInt8], iterations: Int)
  /// RFC 8018 5.2.
  case pbkdf2(digest: String, salt: [UInt8], iterations: Int)
  /// RFC 7914.
  case scrypt(salt: [UInt8], n: Int, r: Int, p: Int)

  /// The count that the file states; for scrypt N·r·p, whose cost is of the same order.
  var iterations: Int {
    switch self {
    case .pkcs12(_, _, let count), .pbkdf1(_, _, let count), .pbkdf2(_, _, let count): return count
    case .scrypt(_, let n, let r, let p):
      if min(n, r, p) <= 0 { return 0 }
      let (first, overflow) = n.multipliedReportingOverflow(by: r)
      let (second, again) = first.multipliedReportingOverflow(by: p)
      return overflow || again ? Int.max : second
    }
  }

  var name: String {
    switch self {
    case .pkcs12(let digest, _, _): "the PKCS#12 derivation with \(digest)"
    case .pbkdf1(let digest, _, _): "PBKDF1 with \(digest)"
    case .pbkdf2(let digest, _, _): "PBKDF2 with \(digest)"
    case .scrypt: "scrypt"
    }
  }
}

/// A cipher under OpenSSL's name, with its sizes in bytes.
struct PFXCipher: Sendable, Hashable {
  let name: String
  let keyLength: Int
  let ivLength: Int
  /// Whether OpenSSL keeps it in the legacy provider.
  let isLegacy: Bool

  init(_ name: String, _ keyLength: Int, _ ivLength: Int, legacy: Bool = false) {
    self.name = name
    self.keyLength = keyLength
    self.ivLength = ivLength
    isLegacy = legacy
  }
}

/// A password-based encryption as its algorithm identifier describes it.
enum PFXEncryption: Sendable {
  /// `iv` is nil where the derivation gives it.
  case known(PFXDerivation, PFXCipher, iv: [UInt8]?)
  /// Something that this importer cannot open, by name.
  case unknown(String)

  var derivation: PFXDerivation? {
    guard case .known(let derivation, _, _) = self else { return nil }
    return derivation
  }

  var needsLegacy: Bool {
    guard case .known(_, let cipher, _) = self else { return false }
    return cipher.isLegacy
  }

  /// Such as `AES-256-CBC, PBKDF2 with SHA2-256, 2,048 iterations`.
  var label: String {
    switch self {
    case .unknown(let name): name
    case .known(let derivation, let cipher, _):
      "\(cipher.name), \(derivation.name), \(PFXLimits.grouped(derivation.iterations)) iterations"
    }
  }
}
