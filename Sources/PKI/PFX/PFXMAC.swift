import COpenSSL

/// The integrity check of a PFX file (RFC 7292 section 4, MacData).
struct PFXMAC: Sendable {
  /// The digest's OpenSSL name, or nil for an algorithm that cannot be checked here.
  let digest: String?
  /// What a person calls the algorithm.
  let name: String
  let value: [UInt8]
  let salt: [UInt8]
  let iterations: Int

  /// MacData ::= SEQUENCE { mac DigestInfo, macSalt OCTET STRING, iterations INTEGER DEFAULT 1 }.
  init(reading element: DERValue) throws(DERError) {
    var reader = try DERReader(inside: element)
    var info = try DERReader(inside: try reader.next(DERTag.sequence, "the MAC's digest"))
    var algorithm = try DERReader(inside: try info.next(DERTag.sequence, "the MAC's algorithm"))
    let identifier = try algorithm.next(DERTag.objectIdentifier, "the MAC's algorithm").objectIdentifier()
    value = try info.next(DERTag.octetString, "the MAC's value").bytes
    salt = try reader.next(DERTag.octetString, "the MAC's salt").bytes
    let count = try reader.nextIfPresent(DERTag.integer)
    try reader.finish("the MAC")
    digest = PFXAlgorithms.digests[identifier]
    if identifier == PFXAlgorithms.pbmac1 {
      name = "PBMAC1"
      iterations = 1
    } else {
      name = digest ?? PFXAlgorithms.name(of: identifier)
      iterations = try count?.integer() ?? 1
    }
  }

  /// What checking it costs; nil where it is not going to be checked.
  var derivation: PFXDerivation? { digest.map { .pkcs12(digest: $0, salt: salt, iterations: iterations) } }

  /// Whether this form of the password made the MAC. Blocking. Nil where the digest is not to be had.
  func verify(_ content: SecretBytes, _ form: PFXPassword.Form) -> Bool? {
    OpenSSLErrors.guarded {
      guard let digest, let method = EVP_MD_fetch(nil, digest, nil) else { return nil }
      defer { EVP_MD_free(method) }
      let size = Int(EVP_MD_get_size(method))
      let derivation = PFXKeyDerivation(form: form)
      // RFC 7292 B.4: the key for integrity is as long as the digest's output.
      guard let key = derivation.pkcs12(.integrity, digest, salt, iterations, length: size) else { return nil }
      var result = [UInt8](repeating: 0, count: size)
      var count: UInt32 = 0
      let isMade = key.withBytes { key in
        content.withBytes { content in
          HMAC(
            method, key.baseAddress, Int32(key.count), content.bindMemory(to: UInt8.self).baseAddress, content.count,
            &result, &count) != nil
        }
      }
      guard isMade, Int(count) == size else { return nil }
      return SecretBytes(result) == SecretBytes(value)
    }
  }
}
