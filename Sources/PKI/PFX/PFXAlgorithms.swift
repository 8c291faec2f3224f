import COpenSSL

/// Algorithm identifiers of PFX files, by the numbers of RFC 7292 appendix C, RFC 8018 appendix C and NIST.
enum PFXAlgorithms {
  static let pbes2 = "1.2.840.113549.1.5.13"
  static let pbkdf2 = "1.2.840.113549.1.5.12"
  static let pbmac1 = "1.2.840.113549.1.5.14"
  static let scrypt = "1.3.6.1.4.1.11591.4.11"
  static let rc2 = "1.2.840.113549.3.2"
  static let cast5 = "1.2.840.113533.7.66.10"

  /// pkcs-12PbeIds: SHA-1 always.
  static let pkcs12: [String: PFXCipher] = [
    "1.2.840.113549.1.12.1.1": PFXCipher("RC4", 16, 0, legacy: true),
    "1.2.840.113549.1.12.1.2": PFXCipher("RC4-40", 5, 0, legacy: true),
    "1.2.840.113549.1.12.1.3": PFXCipher("DES-EDE3-CBC", 24, 8),
    "1.2.840.113549.1.12.1.4": PFXCipher("DES-EDE-CBC", 16, 8),
    "1.2.840.113549.1.12.1.5": PFXCipher("RC2-CBC", 16, 8, legacy: true),
    "1.2.840.113549.1.12.1.6": PFXCipher("RC2-40-CBC", 5, 8, legacy: true),
  ]

  /// PBES1: key and initial vector are the 16 bytes of PBKDF1.
  static let pbes1: [String: (digest: String, cipher: PFXCipher)] = [
    "1.2.840.113549.1.5.3": ("MD5", PFXCipher("DES-CBC", 8, 8, legacy: true)),
    "1.2.840.113549.1.5.6": ("MD5", PFXCipher("RC2-64-CBC", 8, 8, legacy: true)),
    "1.2.840.113549.1.5.10": ("SHA1", PFXCipher("DES-CBC", 8, 8, legacy: true)),
    "1.2.840.113549.1.5.11": ("SHA1", PFXCipher("RC2-64-CBC", 8, 8, legacy: true)),
  ]

  /// Ciphers of PBES2 whose parameter is the initial vector alone.
  static let ciphers: [String: PFXCipher] = [
    "2.16.840.1.101.3.4.1.2": PFXCipher("AES-128-CBC", 16, 16),
    "2.16.840.1.101.3.4.1.22": PFXCipher("AES-192-CBC", 24, 16),
    "2.16.840.1.101.3.4.1.42": PFXCipher("AES-256-CBC", 32, 16),
    "1.2.840.113549.3.7": PFXCipher("DES-EDE3-CBC", 24, 8),
    "1.3.14.3.2.7": PFXCipher("DES-CBC", 8, 8, legacy: true),
    cast5: PFXCipher("CAST5-CBC", 16, 8, legacy: true),
    "1.2.410.200004.1.4": PFXCipher("SEED-CBC", 16, 16, legacy: true),
    "1.2.392.200011.61.1.1.1.2": PFXCipher("CAMELLIA-128-CBC", 16, 16),
    "1.2.392.200011.61.1.1.1.3": PFXCipher("CAMELLIA-192-CBC", 24, 16),
    "1.2.392.200011.61.1.1.1.4": PFXCipher("CAMELLIA-256-CBC", 32, 16),
  ]

  /// RFC 8018 B.2.3: the version stands for the effective key bits.
  static let rc2Versions: [Int: PFXCipher] = [
    160: PFXCipher("RC2-40-CBC", 5, 8, legacy: true),
    120: PFXCipher("RC2-64-CBC", 8, 8, legacy: true),
    58: PFXCipher("RC2-CBC", 16, 8, legacy: true),
  ]

  /// Pseudorandom functions of PBKDF2, by the digest under HMAC.
  static let hmacs: [String: String] = [
    "1.2.840.113549.2.6": "MD5",
    "1.2.840.113549.2.7": "SHA1",
    "1.2.840.113549.2.8": "SHA2-224",
    "1.2.840.113549.2.9": "SHA2-256",
    "1.2.840.113549.2.10": "SHA2-384",
    "1.2.840.113549.2.11": "SHA2-512",
    "1.2.840.113549.2.12": "SHA2-512/224",
    "1.2.840.113549.2.13": "SHA2-512/256",
  ]

  /// Digests of a MAC.
  static let digests: [String: String] = [
    "1.2.840.113549.2.5": "MD5",
    "1.3.14.3.2.26": "SHA1",
    "2.16.840.1.101.3.4.2.1": "SHA2-256",
    "2.16.840.1.101.3.4.2.2": "SHA2-384",
    "2.16.840.1.101.3.4.2.3": "SHA2-512",
    "2.16.840.1.101.3.4.2.4": "SHA2-224",
    "2.16.840.1.101.3.4.2.5": "SHA2-512/224",
    "2.16.840.1.101.3.4.2.6": "SHA2-512/256",
    "1.3.6.1.4.1.1722.12.2.1.16": "BLAKE2B-512",
    "1.3.6.1.4.1.1722.12.2.2.8": "BLAKE2S-256",
    "2.16.840.1.101.3.4.2.7": "SHA3-224",
    "2.16.840.1.101.3.4.2.8": "SHA3-256",
    "2.16.840.1.101.3.4.2.9": "SHA3-384",
    "2.16.840.1.101.3.4.2.10": "SHA3-512",
  ]

  /// What a person calls an algorithm: OpenSSL's name and the number, or the number alone.
  static func name(of identifier: String) -> String {
    OpenSSLErrors.guarded {
      let nid = OBJ_txt2nid(identifier)
      guard nid != NID_undef, let name = OBJ_nid2ln(nid) else { return identifier }
      return "\(String(cString: name)) (\(identifier))"
    }
  }
}
