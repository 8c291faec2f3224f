import COpenSSL

extension PrivateKey {
  /// The numbers of the key types that are taken (RFC 8017, RFC 5480, RFC 8410).
  private static let known: Set<String> = [
    "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.10045.2.1", "1.3.101.112", "1.3.101.113",
  ]
  private static let ellipticCurve = "1.2.840.10045.2.1"

  /// Reads the PKCS#8 that was in a PFX file.
  ///
  /// The type is looked at before OpenSSL sees the key, so that parameters of types that nobody needs (DSA, DH) are never
  /// computed with. Throws `UNSUPPORTED_KEY_TYPE` or `KEY_UNDECRYPTABLE`.
  convenience init(pkcs8: SecretBytes) throws(PFXRefusal) {
    try Self.checkType(pkcs8)
    let key = pkcs8.withBytes { bytes -> OpaquePointer? in
      OpenSSLErrors.guarded {
        var position = bytes.bindMemory(to: UInt8.self).baseAddress
        guard let info = d2i_PKCS8_PRIV_KEY_INFO(nil, &position, bytes.count) else { return nil }
        defer { PKCS8_PRIV_KEY_INFO_free(info) }
        return EVP_PKCS82PKEY(info)
      }
    }
    guard let key else { throw Self.damaged }
    if let complaint = KeySoundness.complaint(about: key) {
      EVP_PKEY_free(key)
      throw PFXRefusal(
        .unsupportedKeyType,
        "The private key in the file cannot be used: \(complaint). Make the root anew with a new key.")
    }
    do {
      try self.init(takingOwnership: key)
    } catch {
      throw Self.damaged
    }
  }

  /// PrivateKeyInfo ::= SEQUENCE { version, AlgorithmIdentifier, … } (RFC 5208 section 5).
  private static func checkType(_ pkcs8: SecretBytes) throws(PFXRefusal) {
    let identifier: String
    let parameters: UInt8?
    do {
      var outer = DERReader(pkcs8)
      var info = try DERReader(inside: try outer.next(DERTag.sequence, "a private key"))
      _ = try info.next(DERTag.integer, "a private key's version")
      var algorithm = try DERReader(inside: try info.next(DERTag.sequence, "a private key's type"))
      identifier = try algorithm.next(DERTag.objectIdentifier, "a private key's type").objectIdentifier()
      parameters = algorithm.nextTag
    } catch {
      throw damaged
    }
    guard known.contains(identifier) else { throw unsupported(PFXAlgorithms.name(of: identifier)) }
    // RFC 5480 2.1.1: "specifiedCurve … MUST NOT be used".
    if identifier == ellipticCurve, parameters == DERTag.sequence {
      throw unsupported("an elliptic curve that is spelled out instead of named")
    }
  }

  private static func unsupported(_ name: String) -> PFXRefusal {
    PFXRefusal(
      .unsupportedKeyType,
      "The private key's type is \(name). A root certificate's key can be RSA (2048 bits or more), ECDSA on a named curve "
        + "(P-256, P-384, P-521…), Ed25519 or Ed448; make the root anew with one of these.")
  }

  private static let damaged = PFXRefusal(
    .keyUndecryptable,
    "The file's password is right, but its private key cannot be read: it is damaged. Export it again from where it came from."
  )

  /// Whether the private half makes signatures that the certificate's public key accepts.
  ///
  /// `matches` compares public halves only, which a damaged file may hold next to a private half of something else.
  func canSign(for certificate: Certificate) -> Bool {
    withUnsafePointer { key in
      certificate.withUnsafePointer { certificate in
        OpenSSLErrors.guarded {
          guard let publicKey = X509_get0_pubkey(certificate) else { return false }
          let message = Array("A signature that only the right key can make.".utf8)
          // 16384 bits, the largest RSA modulus that OpenSSL works with, make 2048 bytes.
          var signature = [UInt8](repeating: 0, count: 4096)
          var count = signature.count
          guard let signing = EVP_MD_CTX_new(), let verifying = EVP_MD_CTX_new() else { return false }
          defer { EVP_MD_CTX_free(signing) }
          defer { EVP_MD_CTX_free(verifying) }
          // Ed25519 and Ed448 take no digest; a NULL one means each type's own default.
          return EVP_DigestSignInit(signing, nil, nil, nil, key) == 1
            && EVP_DigestSign(signing, &signature, &count, message, message.count) == 1
            && EVP_DigestVerifyInit(verifying, nil, nil, nil, publicKey) == 1
            && EVP_DigestVerify(verifying, signature, count, message, message.count) == 1
        }
      }
    }
  }
}
