import COpenSSL
import Foundation

/// What a certificate has to be in order to serve as a root (RFC 5280 4.2.1.3, 4.2.1.9, 6.1).
struct RootPolicy {
  let certificate: Certificate
  let now: Date

  /// Throws the first reason against it, the most telling ones first.
  func check() throws(PFXRefusal) {
    try checkAuthority()
    try checkRoot()
    try checkStrength()
    guard certificate.isSigned(by: certificate) else {
      throw PFXRefusal(
        .badSelfSignature,
        "“\(name)” names itself as its issuer, but its signature was not made with its own key: the certificate was changed, or "
          + "signed with another key. Export the root again from where it came from.")
    }
    try checkDates()
  }

  private var name: String { VisibleText.of(certificate.subject, limit: 200) }
  private var flags: UInt32 { certificate.extensionFlags }

  private func checkAuthority() throws(PFXRefusal) {
    guard flags & UInt32(EXFLAG_INVALID) == 0 else {
      throw PFXRefusal(
        .invalidExtension,
        "“\(name)” has an extension that is damaged or contradicts another, so other programs will not accept it. "
          + "Make the root anew.")
    }
    // RFC 5280 4.1.2.1: extensions, and so CA:TRUE, exist in version 3 only.
    guard certificate.withUnsafePointer({ X509_get_version($0) }) == 2 else {
      throw notAnAuthority("it is an X.509 certificate of version 1, which cannot say that it is an authority")
    }
    guard certificate.isAuthority else { throw notAnAuthority("it does not say that it is an authority (CA:TRUE)") }
  }

  private func notAnAuthority(_ why: String) -> PFXRefusal {
    PFXRefusal(
      .notAnAuthority,
      "“\(name)” cannot sign certificates: \(why). Its issuer is “\(VisibleText.of(certificate.issuer, limit: 200))”. Choose the "
        + "PFX file of the root certificate authority itself.")
  }

  private func checkRoot() throws(PFXRefusal) {
    guard certificate.isSelfIssued else {
      throw PFXRefusal(
        .notARoot,
        "“\(name)” is an intermediate authority: it was issued by “\(VisibleText.of(certificate.issuer, limit: 200))”. Choose the "
          + "PFX file of a root, which is its own issuer.")
    }
    // X509_get_key_usage(3) gives all bits where there is no such extension.
    let usage = certificate.withUnsafePointer { X509_get_key_usage($0) }
    guard usage & UInt32(KU_KEY_CERT_SIGN) != 0 else {
      throw PFXRefusal(
        .noKeyCertSign,
        "“\(name)” says that it is an authority, but its key usage does not allow it to sign certificates (keyCertSign is "
          + "missing). Make the root anew with keyCertSign.")
    }
    guard flags & UInt32(EXFLAG_CRITICAL) == 0 else {
      throw PFXRefusal(
        .unknownCriticalExtension,
        "“\(name)” has a critical extension that is not known here, and a program that does not know one has to refuse the "
          + "certificate. Make the root anew without it, or mark it as not critical.")
    }
  }

  private func checkStrength() throws(PFXRefusal) {
    try RootKeyPolicy(certificate: certificate).check()
    let digest = certificate.withUnsafePointer { certificate -> Int32 in
      var digest: Int32 = NID_undef
      _ = X509_get_signature_info(certificate, &digest, nil, nil, nil)
      return digest
    }
    let weak = [NID_md2: "MD2", NID_md4: "MD4", NID_md5: "MD5"]
    if let found = weak[digest] {
      throw PFXRefusal(
        .weakSignature,
        "“\(name)” is signed with \(found), which can be forged. Make the root anew with SHA-256 or better.")
    }
  }

  private func checkDates() throws(PFXRefusal) {
    let span = "It is valid from \(PFXDate.text(certificate.notBefore)) to \(PFXDate.text(certificate.notAfter))"
    if certificate.notAfter < certificate.notBefore {
      throw PFXRefusal(.expired, "“\(name)” is never valid: it ends before it begins. \(span). Make the root anew.")
    }
    if now > certificate.notAfter {
      throw PFXRefusal(
        .expired, "“\(name)” has expired. \(span). Choose a root that is still valid, or make a new one.")
    }
    if now < certificate.notBefore {
      throw PFXRefusal(
        .notYetValid,
        "“\(name)” is not valid yet. \(span), and now it is \(PFXDate.text(now)). Wait until then, or check this machine's clock."
      )
    }
  }
}

/// Which public keys a root may have, and how large they have to be.
struct RootKeyPolicy {
  let certificate: Certificate

  static let minimumRSABits: Int32 = 2048
  static let minimumCurveBits: Int32 = 224

  /// Throws `UNSUPPORTED_KEY_TYPE` or `WEAK_KEY`.
  func check() throws(PFXRefusal) {
    let (type, bits) = certificate.withUnsafePointer { certificate -> (Int32, Int32) in
      OpenSSLErrors.guarded {
        guard let key = X509_get0_pubkey(certificate) else { return (NID_undef, 0) }
        return (EVP_PKEY_get_base_id(key), EVP_PKEY_get_bits(key))
      }
    }
    let minimum: Int32
    switch type {
    case EVP_PKEY_RSA, EVP_PKEY_RSA_PSS: minimum = Self.minimumRSABits
    case EVP_PKEY_EC: minimum = Self.minimumCurveBits
    case EVP_PKEY_ED25519, EVP_PKEY_ED448: return
    default:
      throw PFXRefusal(
        .unsupportedKeyType,
        "The certificate's key is of the type \(certificate.keyDescription). A root certificate's key can be RSA (2048 bits or "
          + "more), ECDSA on a named curve (P-256, P-384, P-521…), Ed25519 or Ed448.")
    }
    guard bits >= minimum else {
      throw PFXRefusal(
        .weakKey,
        "The key of “\(VisibleText.of(certificate.subject, limit: 200))” is too weak: it has \(bits) bits, and "
          + "\(type == EVP_PKEY_EC ? "an elliptic-curve key" : "an RSA key") needs \(minimum) or more. Make the root anew with a "
          + "larger key.")
    }
  }
}
