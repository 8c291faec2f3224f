import Foundation

/// Makes root certificates, for the demo and for tests. Real roots are imported.
public enum RootMaker {
  /// A new key and a certificate for it that it signs itself: an authority that may sign certificates and revocation
  /// lists. Blocking, seconds for RSA keys.
  ///
  /// Throws `ROOT_NAME_INVALID` unless the names have 1 to 64 characters, `ISSUE_FAILED` for dates out of order.
  public static func makeRoot(
    commonName: String, organization: String? = nil, algorithm: KeyAlgorithm, notBefore: Date, notAfter: Date
  ) throws -> Identity {
    try makeRoot(
      commonName: commonName, organization: organization, key: PrivateKey.generate(algorithm), notBefore: notBefore,
      notAfter: notAfter)
  }

  static func makeRoot(
    commonName: String, organization: String? = nil, key: PrivateKey, notBefore: Date, notAfter: Date
  ) throws -> Identity {
    for name in [commonName, organization].compactMap(\.self) where !(1...64).contains(name.unicodeScalars.count) {
      throw PKIError(
        code: "ROOT_NAME_INVALID",
        sentence: "“\(VisibleText.of(name, limit: 80))” cannot be a root's name; it needs 1 to 64 characters.")
    }
    try SelfSigned.checkDates(notBefore, notAfter)
    let certificate = try CertificateTemplate(
      serialNumber: .random(), commonName: commonName, organization: organization, notBefore: notBefore,
      notAfter: notAfter, publicKeyOf: key, isAuthority: true, keyUsage: [.keyCertSign, .cRLSign]
    ).signed(by: key)
    return Identity(chain: [certificate], key: key)
  }
}

/// Makes certificates that no authority vouches for.
public enum SelfSigned {
  /// The certificate that the console starts with, so that there is HTTPS before there is a root. ECDSA P-256.
  ///
  /// Throws `PROFILE_…` errors for names that a certificate cannot have, `ISSUE_FAILED` for dates out of order.
  public static func consoleIdentity(
    names: [AlternativeName], notBefore: Date, notAfter: Date
  ) throws -> Identity {
    try ProfileCheck.checkNames(names)
    try checkDates(notBefore, notAfter)
    let key = try PrivateKey.generate(.ecdsaP256)
    let first = names.first?.text ?? ""
    let certificate = try CertificateTemplate(
      serialNumber: .random(), commonName: first.count <= 64 ? first : nil, notBefore: notBefore, notAfter: notAfter,
      publicKeyOf: key, keyUsage: [.digitalSignature], purposes: [.server], names: names
    ).signed(by: key)
    return Identity(chain: [certificate], key: key)
  }

  static func checkDates(_ notBefore: Date, _ notAfter: Date) throws {
    guard UTCText.clamping(notBefore) < UTCText.clamping(notAfter) else {
      throw PKIError(
        code: "ISSUE_FAILED",
        sentence:
          "A certificate cannot end at \(UTCText.of(notAfter)), not after its start at \(UTCText.of(notBefore)).")
    }
  }
}
