import COpenSSL

/// How a key signs certificates: the digest that goes with it.
struct SignatureDigest {
  /// Nil for keys that bring their own (Ed25519, Ed448) or are bound to one (restricted RSA-PSS).
  private let digest: OpaquePointer?
  /// RSA-PSS without restrictions: the salt is to be as long as the digest (RFC 8017 9.1, note 4).
  private let choosesSalt: Bool

  /// Throws `ROOT_KEY_UNSUITED` for a key that cannot sign certificates, or only with a broken digest.
  init(forKey key: OpaquePointer) throws {
    switch EVP_PKEY_get_base_id(key) {
    case EVP_PKEY_RSA:
      (digest, choosesSalt) = (EVP_sha256(), false)
    case EVP_PKEY_EC:
      // RFC 5480 section 4: a digest about as long as the curve's order.
      let bits = EVP_PKEY_get_bits(key)
      (digest, choosesSalt) = (bits <= 256 ? EVP_sha256() : bits <= 384 ? EVP_sha384() : EVP_sha512(), false)
    case EVP_PKEY_ED25519, EVP_PKEY_ED448:
      (digest, choosesSalt) = (nil, false)
    case EVP_PKEY_RSA_PSS:
      // RFC 4055 3.1: parameters in the key bind every signature to its digest and its shortest salt. EVP_PKEY_get_
      // default_digest_nid(3) answers 2 when the digest is mandatory.
      var nid: Int32 = 0
      let bound = OpenSSLErrors.guarded { EVP_PKEY_get_default_digest_nid(key, &nid) == 2 }
      guard !bound || [NID_sha256, NID_sha384, NID_sha512].contains(nid) else {
        throw PKIError(
          code: "ROOT_KEY_UNSUITED",
          sentence: "The root's RSA-PSS key allows no digest of SHA-256 or longer, so its signatures would be refused.")
      }
      (digest, choosesSalt) = (bound ? nil : EVP_sha256(), !bound)
    default:
      throw PKIError(
        code: "ROOT_KEY_UNSUITED",
        sentence: "The root's key (\(KeyDescription.of(key))) cannot sign certificates that others would accept.")
    }
  }

  /// Signs a complete certificate; 0 when it fails.
  func sign(_ certificate: OpaquePointer, with key: OpaquePointer) -> Int32 {
    withContext(key) { X509_sign_ctx(certificate, $0) }
  }

  /// Signs a complete signing request; 0 when it fails.
  func sign(request: OpaquePointer, with key: OpaquePointer) -> Int32 {
    withContext(key) { X509_REQ_sign_ctx(request, $0) }
  }

  private func withContext(_ key: OpaquePointer, _ sign: (OpaquePointer) -> Int32) -> Int32 {
    guard let context = EVP_MD_CTX_new() else { return 0 }
    defer { EVP_MD_CTX_free(context) }
    var keyContext: OpaquePointer?
    guard EVP_DigestSignInit(context, &keyContext, digest, nil, key) == 1 else { return 0 }
    if choosesSalt, reroot_set_pss_salt_length(keyContext, RSA_PSS_SALTLEN_DIGEST) < 1 { return 0 }
    return sign(context)
  }
}
