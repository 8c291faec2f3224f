extension PFXEncryption {
  /// Reads an AlgorithmIdentifier: SEQUENCE { algorithm, parameters }.
  init(reading value: DERValue) throws(DERError) {
    var reader = try DERReader(inside: value)
    let identifier = try reader.next(DERTag.objectIdentifier, "an encryption's name").objectIdentifier()
    if identifier == PFXAlgorithms.pbes2 {
      self = try Self.pbes2(try reader.next(DERTag.sequence, "the parameters of PBES2"))
    } else if let cipher = PFXAlgorithms.pkcs12[identifier] {
      let (salt, count) = try Self.saltAndCount(try reader.next(DERTag.sequence, "the parameters of an encryption"))
      self = .known(.pkcs12(digest: "SHA1", salt: salt, iterations: count), cipher, iv: nil)
    } else if let (digest, cipher) = PFXAlgorithms.pbes1[identifier] {
      let (salt, count) = try Self.saltAndCount(try reader.next(DERTag.sequence, "the parameters of an encryption"))
      self = .known(.pbkdf1(digest: digest, salt: salt, iterations: count), cipher, iv: nil)
    } else {
      self = .unknown(PFXAlgorithms.name(of: identifier))
    }
  }

  private static func saltAndCount(_ value: DERValue) throws(DERError) -> ([UInt8], Int) {
    var reader = try DERReader(inside: value)
    let salt = try reader.next(DERTag.octetString, "a salt").bytes
    let count = try reader.next(DERTag.integer, "an iteration count").integer()
    try reader.finish("an encryption's parameters")
    return (salt, count)
  }

  /// RFC 8018 A.4: SEQUENCE { keyDerivationFunc, encryptionScheme }, both AlgorithmIdentifiers.
  private static func pbes2(_ value: DERValue) throws(DERError) -> PFXEncryption {
    var reader = try DERReader(inside: value)
    var function = try DERReader(inside: try reader.next(DERTag.sequence, "a key derivation"))
    var scheme = try DERReader(inside: try reader.next(DERTag.sequence, "a cipher"))
    let functionName = try function.next(DERTag.objectIdentifier, "a key derivation's name").objectIdentifier()
    let schemeName = try scheme.next(DERTag.objectIdentifier, "a cipher's name").objectIdentifier()

    let derivation: PFXDerivation
    let keyLength: Int?
    switch functionName {
    case PFXAlgorithms.pbkdf2:
      let parameters = try pbkdf2(try function.next(DERTag.sequence, "the parameters of PBKDF2"))
      guard let digest = PFXAlgorithms.hmacs[parameters.hmac] else {
        return .unknown("PBKDF2 with \(PFXAlgorithms.name(of: parameters.hmac))")
      }
      derivation = .pbkdf2(digest: digest, salt: parameters.salt, iterations: parameters.count)
      keyLength = parameters.keyLength
    case PFXAlgorithms.scrypt:
      (derivation, keyLength) = try scrypt(try function.next(DERTag.sequence, "the parameters of scrypt"))
    default:
      return .unknown("PBES2 with \(PFXAlgorithms.name(of: functionName))")
    }
    guard let (cipher, iv) = try cipher(schemeName, &scheme) else {
      return .unknown(PFXAlgorithms.name(of: schemeName))
    }
    guard keyLength == nil || keyLength == cipher.keyLength else {
      throw DERError("it states a key length that does not fit \(cipher.name)")
    }
    return .known(derivation, cipher, iv: iv)
  }

  private static func pbkdf2(
    _ value: DERValue
  ) throws(DERError) -> (salt: [UInt8], count: Int, keyLength: Int?, hmac: String) {
    var reader = try DERReader(inside: value)
    let salt = try reader.next(DERTag.octetString, "a salt").bytes
    let count = try reader.next(DERTag.integer, "an iteration count").integer()
    var keyLength: Int?
    if let length = try reader.nextIfPresent(DERTag.integer) { keyLength = try length.integer() }
    // Without a pseudorandom function it is HMAC with SHA-1 (RFC 8018, appendix A.2).
    var hmac = "1.2.840.113549.2.7"
    if let function = try reader.nextIfPresent(DERTag.sequence) {
      var inner = try DERReader(inside: function)
      hmac = try inner.next(DERTag.objectIdentifier, "the name of PBKDF2's function").objectIdentifier()
    }
    try reader.finish("PBKDF2's parameters")
    return (salt, count, keyLength, hmac)
  }

  /// RFC 7914 section 7: SEQUENCE { salt, costParameter N, blockSize r, parallelization p, keyLength OPTIONAL }.
  private static func scrypt(_ value: DERValue) throws(DERError) -> (PFXDerivation, Int?) {
    var reader = try DERReader(inside: value)
    let salt = try reader.next(DERTag.octetString, "a salt").bytes
    let n = try reader.next(DERTag.integer, "scrypt's cost").integer()
    let r = try reader.next(DERTag.integer, "scrypt's block size").integer()
    let p = try reader.next(DERTag.integer, "scrypt's parallelization").integer()
    var keyLength: Int?
    if let length = try reader.nextIfPresent(DERTag.integer) { keyLength = try length.integer() }
    try reader.finish("scrypt's parameters")
    return (.scrypt(salt: salt, n: n, r: r, p: p), keyLength)
  }

  private static func cipher(_ name: String, _ reader: inout DERReader) throws(DERError) -> (PFXCipher, [UInt8])? {
    if name == PFXAlgorithms.rc2 {
      var inner = try DERReader(inside: try reader.next(DERTag.sequence, "the parameters of RC2"))
      let version = try inner.next(DERTag.integer, "RC2's version").integer()
      let iv = try inner.next(DERTag.octetString, "an initial vector").bytes
      guard let cipher = PFXAlgorithms.rc2Versions[version] else { return nil }
      return try checked(cipher, iv)
    }
    if name == PFXAlgorithms.cast5, reader.nextTag == DERTag.sequence {
      // RFC 2984 wants SEQUENCE { iv, keyLength in bits }; others write the initial vector alone.
      var inner = try DERReader(inside: try reader.next(DERTag.sequence, "the parameters of CAST5"))
      let iv = try inner.next(DERTag.octetString, "an initial vector").bytes
      guard try inner.next(DERTag.integer, "CAST5's key length").integer() == 128 else { return nil }
      return try PFXAlgorithms.ciphers[name].map { cipher throws(DERError) in try checked(cipher, iv) }
    }
    guard let cipher = PFXAlgorithms.ciphers[name] else { return nil }
    return try checked(cipher, try reader.next(DERTag.octetString, "an initial vector").bytes)
  }

  private static func checked(_ cipher: PFXCipher, _ iv: [UInt8]) throws(DERError) -> (PFXCipher, [UInt8]) {
    guard iv.count == cipher.ivLength else { throw DERError("the initial vector does not fit \(cipher.name)") }
    return (cipher, iv)
  }
}
