import COpenSSL

/// Writes a template's extensions into a certificate whose names and key are set. Every value is built as a structure:
/// no text of anybody's is ever parsed as OpenSSL's configuration language.
struct ExtensionWriter {
  private let certificate: OpaquePointer
  private let template: CertificateTemplate

  init(_ certificate: OpaquePointer, _ template: CertificateTemplate) {
    self.certificate = certificate
    self.template = template
  }

  func write() -> Bool {
    addBasicConstraints() && addKeyUsage() && addExtendedKeyUsage() && addSubjectKeyIdentifier()
      && addAuthorityKeyIdentifier() && addAlternativeNames()
  }

  private func add(_ nid: Int32, _ value: UnsafeMutableRawPointer, critical: Bool) -> Bool {
    X509_add1_ext_i2d(certificate, nid, value, critical ? 1 : 0, UInt(X509V3_ADD_APPEND)) == 1
  }

  private func addBasicConstraints() -> Bool {
    guard let value = BASIC_CONSTRAINTS_new() else { return false }
    defer { BASIC_CONSTRAINTS_free(value) }
    value.pointee.ca = template.isAuthority ? 0xFF : 0
    return add(NID_basic_constraints, value, critical: true)
  }

  private func addKeyUsage() -> Bool {
    guard !template.keyUsage.isEmpty else { return true }
    guard let value = ASN1_BIT_STRING_new() else { return false }
    defer { ASN1_BIT_STRING_free(value) }
    for bit in template.keyUsage where ASN1_BIT_STRING_set_bit(value, bit.rawValue, 1) != 1 { return false }
    return add(NID_key_usage, value, critical: true)
  }

  private func addExtendedKeyUsage() -> Bool {
    guard !template.purposes.isEmpty else { return true }
    guard let value = EXTENDED_KEY_USAGE_new() else { return false }
    defer { EXTENDED_KEY_USAGE_free(value) }
    for purpose in template.purposes where reroot_append_purpose(value, purpose.extendedKeyUsage) != 1 { return false }
    return add(NID_ext_key_usage, UnsafeMutableRawPointer(value), critical: false)
  }

  private func addSubjectKeyIdentifier() -> Bool {
    guard let value = ASN1_OCTET_STRING_new() else { return false }
    defer { ASN1_OCTET_STRING_free(value) }
    return Self.setIdentifier(of: certificate, into: value)
      && add(NID_subject_key_identifier, value, critical: false)
  }

  private func addAuthorityKeyIdentifier() -> Bool {
    guard let value = AUTHORITY_KEYID_new() else { return false }
    defer { AUTHORITY_KEYID_free(value) }
    guard let identifier = ASN1_OCTET_STRING_new() else { return false }
    value.pointee.keyid = identifier
    return setAuthorityIdentifier(identifier) && add(NID_authority_key_identifier, value, critical: false)
  }

  private func setAuthorityIdentifier(_ value: UnsafeMutablePointer<ASN1_OCTET_STRING>) -> Bool {
    // A certificate that its own key signs is its own authority.
    guard let issuer = template.issuer else { return Self.setIdentifier(of: certificate, into: value) }
    return issuer.withUnsafePointer { issuer in
      if let own = X509_get0_subject_key_id(issuer) { return ASN1_STRING_copy(value, own) == 1 }
      // Without an identifier of the root's own any value will do, as long as all its children have the same.
      return Self.setIdentifier(of: issuer, into: value)
    }
  }

  private func addAlternativeNames() -> Bool {
    guard !template.names.isEmpty else { return true }
    guard let names = Self.generalNames(template.names) else { return false }
    defer { reroot_alternative_names_free(names) }
    // RFC 5280 4.2.1.6: critical where the subject is an empty sequence.
    let critical = template.commonName == nil && template.organization == nil
    return add(NID_subject_alt_name, UnsafeMutableRawPointer(names), critical: critical)
  }

  /// The names as OpenSSL has them, to be freed by the caller; nil when that fails.
  static func generalNames(_ wanted: [AlternativeName]) -> OpaquePointer? {
    guard let names = GENERAL_NAMES_new() else { return nil }
    for name in wanted {
      let (type, bytes) =
        switch name {
        case .dns(let host): (Int32(GEN_DNS), Array(host.utf8))
        case .ip: (Int32(GEN_IPADD), name.octets ?? [])
        }
      guard !bytes.isEmpty, reroot_append_alternative_name(names, type, bytes, bytes.count) == 1 else {
        reroot_alternative_names_free(names)
        return nil
      }
    }
    return names
  }

  /// RFC 7093 section 2, method 1: the leftmost 160 bits of the SHA-256 of the public key.
  private static func setIdentifier(
    of certificate: OpaquePointer, into value: UnsafeMutablePointer<ASN1_OCTET_STRING>
  ) -> Bool {
    var hash = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    guard X509_pubkey_digest(certificate, EVP_sha256(), &hash, &count) == 1, count == 32 else { return false }
    return ASN1_OCTET_STRING_set(value, hash, 20) == 1
  }
}
