import COpenSSL
import Foundation

/// The contents of a certificate that is about to be signed: RFC 5280's profile, version 3.
struct CertificateTemplate {
  var serialNumber: SerialNumber
  var commonName: String?
  var organization: String?
  /// Nil for a certificate that its own key signs.
  var issuer: Certificate?
  var notBefore: Date
  var notAfter: Date
  var publicKeyOf: any KeyHolder
  var isAuthority = false
  var keyUsage: [KeyUsage] = []
  var purposes: [Chain.Purpose] = []
  var names: [AlternativeName] = []

  /// The bits of the key usage extension by their numbers in RFC 5280 4.2.1.3.
  enum KeyUsage: Int32, CaseIterable {
    case digitalSignature = 0
    case keyEncipherment = 2
    case keyCertSign = 5
    case cRLSign = 6
  }

  /// Builds and signs it. The result is read back from its own DER bytes. Throws `ISSUE_FAILED`.
  func signed(by key: PrivateKey) throws -> Certificate {
    let der = try key.withUnsafePointer { key in
      let digest = try SignatureDigest(forKey: key)
      return try OpenSSLErrors.require("ISSUE_FAILED", "OpenSSL could not make the certificate; nothing was issued.") {
        () -> [UInt8]? in
        guard let certificate = X509_new() else { return nil }
        defer { X509_free(certificate) }
        guard fill(certificate), ExtensionWriter(certificate, self).write(), digest.sign(certificate, with: key) > 0
        else { return nil }
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(certificate, &bytes)
        defer { reroot_free(bytes) }
        return count > 0 ? Array(UnsafeBufferPointer(start: bytes, count: Int(count))) : nil
      }
    }
    return try Certificate.of(der: der)
  }

  /// Builds it and lets a hardware module sign it. Throws `ISSUE_FAILED`, and what the module says.
  func signed(by key: TokenKey) throws -> Certificate {
    let failed = "OpenSSL could not make the certificate; nothing was issued."
    let certificate = try OpenSSLErrors.require("ISSUE_FAILED", failed) { X509_new() }
    defer { X509_free(certificate) }
    let toBeSigned = try OpenSSLErrors.require("ISSUE_FAILED", failed) { () -> [UInt8]? in
      guard fill(certificate), ExtensionWriter(certificate, self).write(),
        reroot_set_signature_algorithm(certificate, key.algorithm, key.takesNull ? 1 : 0) == 1
      else { return nil }
      var bytes: UnsafeMutablePointer<UInt8>?
      let count = reroot_to_be_signed(certificate, &bytes)
      defer { reroot_free(bytes) }
      return count > 0 ? Array(UnsafeBufferPointer(start: bytes, count: Int(count))) : nil
    }
    let signature = try key.sign(toBeSigned)
    let der = try OpenSSLErrors.require("ISSUE_FAILED", failed) { () -> [UInt8]? in
      guard reroot_set_signature(certificate, signature, Int32(signature.count)) == 1 else { return nil }
      var bytes: UnsafeMutablePointer<UInt8>?
      let count = i2d_X509(certificate, &bytes)
      defer { reroot_free(bytes) }
      return count > 0 ? Array(UnsafeBufferPointer(start: bytes, count: Int(count))) : nil
    }
    return try Certificate.of(der: der)
  }

  private func fill(_ certificate: OpaquePointer) -> Bool {
    // X509_set_version(3) counts from 0: version 3 is 2.
    X509_set_version(certificate, 2) == 1 && setSerialNumber(certificate) && setNames(certificate)
      && setDates(certificate)
      && publicKeyOf.withUnsafePointer { X509_set_pubkey(certificate, $0) == 1 }
  }

  private func setSerialNumber(_ certificate: OpaquePointer) -> Bool {
    guard let number = BN_bin2bn(serialNumber.bytes, Int32(serialNumber.bytes.count), nil) else { return false }
    defer { BN_free(number) }
    return BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil
  }

  private func setDates(_ certificate: OpaquePointer) -> Bool {
    // ASN1_TIME_set writes UTCTime up to 2049 and GeneralizedTime from 2050 on, as RFC 5280 4.1.2.5 has it.
    ASN1_TIME_set(X509_getm_notBefore(certificate), time_t(UTCText.clamping(notBefore))) != nil
      && ASN1_TIME_set(X509_getm_notAfter(certificate), time_t(UTCText.clamping(notAfter))) != nil
  }

  private func setNames(_ certificate: OpaquePointer) -> Bool {
    let subject = X509_get_subject_name(certificate)
    if let organization, !append(organization, NID_organizationName, to: subject) { return false }
    if let commonName, !append(commonName, NID_commonName, to: subject) { return false }
    guard let issuer else { return X509_set_issuer_name(certificate, subject) == 1 }
    // RFC 5280 7.1 wants the issuer's name byte for byte as the issuer has it, so it is copied, not rebuilt.
    return issuer.withUnsafePointer { X509_set_issuer_name(certificate, X509_get_subject_name($0)) == 1 }
  }

  private func append(_ text: String, _ nid: Int32, to name: OpaquePointer?) -> Bool {
    let bytes = Array(text.utf8)
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, bytes, Int32(bytes.count), -1, 0) == 1
  }
}
