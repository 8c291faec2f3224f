import CMicroHTTPD
import Glibc

/// A chain and its key, loaded into GnuTLS. Handshakes borrow it; it lives as long as the last connection that was
/// opened with it.
// The pointers are set once and GnuTLS only reads what they point to, as it does with credentials that sessions of
// several threads share.
final class TLSIdentity: @unchecked Sendable {
  let certificates: UnsafeMutablePointer<gnutls_pcert_st>
  let count: UInt32
  let key: gnutls_privkey_t

  private static let maximumCertificates: UInt32 = 16

  /// - Throws: ``ServerError`` with `identityUnusable` when chain or key do not load, or do not match each other.
  init(_ identity: ServerIdentity) throws(ServerError) {
    var count = TLSIdentity.maximumCertificates
    let certificates = UnsafeMutablePointer<gnutls_pcert_st>.allocate(capacity: Int(count))
    var chain = Array(identity.chainPEM.utf8)
    let loaded = TLSIdentity.withDatum(&chain) {
      gnutls_pcert_list_import_x509_raw(
        certificates, &count, $0, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED.rawValue)
    }
    guard loaded == 0, count > 0 else {
      certificates.deallocate()
      throw ServerError(.identityUnusable, "The certificate chain cannot be read: \(TLSIdentity.reason(loaded)).")
    }
    do {
      key = try TLSIdentity.privateKey(identity.keyPEM, of: certificates)
    } catch {
      TLSIdentity.release(certificates, count: count)
      throw error
    }
    self.certificates = certificates
    self.count = count
  }

  deinit {
    TLSIdentity.release(certificates, count: count)
    gnutls_privkey_deinit(key)
  }

  private static func privateKey(
    _ pem: [UInt8], of certificate: UnsafeMutablePointer<gnutls_pcert_st>
  ) throws(ServerError) -> gnutls_privkey_t {
    var made: gnutls_privkey_t?
    guard gnutls_privkey_init(&made) == 0, let key = made else {
      throw ServerError(.identityUnusable, "The private key cannot be read: no memory.")
    }
    var copy = pem
    let loaded = withDatum(&copy) { gnutls_privkey_import_x509_raw(key, $0, GNUTLS_X509_FMT_PEM, nil, 0) }
    copy.withUnsafeMutableBytes { if let base = $0.baseAddress { explicit_bzero(base, $0.count) } }
    guard loaded == 0 else {
      gnutls_privkey_deinit(key)
      throw ServerError(.identityUnusable, "The private key cannot be read: \(reason(loaded)).")
    }
    guard let own = publicKeyIdentifier(ofPrivate: key),
      own == publicKeyIdentifier(of: certificate.pointee.pubkey)
    else {
      gnutls_privkey_deinit(key)
      throw ServerError(
        .identityUnusable, "The private key does not belong to the first certificate of the chain.")
    }
    return key
  }

  private static func publicKeyIdentifier(ofPrivate key: gnutls_privkey_t) -> [UInt8]? {
    var made: gnutls_pubkey_t?
    guard gnutls_pubkey_init(&made) == 0, let publicKey = made else { return nil }
    defer { gnutls_pubkey_deinit(publicKey) }
    guard gnutls_pubkey_import_privkey(publicKey, key, 0, 0) == 0 else { return nil }
    return publicKeyIdentifier(of: publicKey)
  }

  private static func publicKeyIdentifier(of key: gnutls_pubkey_t?) -> [UInt8]? {
    var size = 64
    var identifier = [UInt8](repeating: 0, count: size)
    guard gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256.rawValue, &identifier, &size) == 0 else { return nil }
    return Array(identifier.prefix(size))
  }

  private static func release(_ certificates: UnsafeMutablePointer<gnutls_pcert_st>, count: UInt32) {
    for index in 0..<Int(count) { gnutls_pcert_deinit(certificates + index) }
    certificates.deallocate()
  }

  private static func reason(_ code: Int32) -> String {
    gnutls_strerror(code).map { String(cString: $0).lowercased().trimmingFinalPeriod } ?? "unknown error"
  }

  private static func withDatum(_ bytes: inout [UInt8], _ body: (UnsafePointer<gnutls_datum_t>) -> Int32) -> Int32 {
    bytes.withUnsafeMutableBufferPointer { buffer in
      var datum = gnutls_datum_t(data: buffer.baseAddress, size: UInt32(buffer.count))
      return body(&datum)
    }
  }
}

extension String {
  fileprivate var trimmingFinalPeriod: String { hasSuffix(".") ? String(dropLast()) : self }
}
