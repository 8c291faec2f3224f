import COpenSSL
import Foundation
import PKI
import Testing

/// A certificate and its key, made when a test needs them.
struct TestIdentity {
  let certificate: Certificate
  let key: PrivateKey

  /// A self-signed certificate that is valid through 2026.
  static func make(_ commonName: String) throws -> TestIdentity {
    let key = try PrivateKey.generate(.ecdsaP256)
    return TestIdentity(certificate: try certificate(commonName, key), key: key)
  }

  func pem() throws -> SecretBytes { try key.pkcs8PEM() }

  private static func certificate(_ commonName: String, _ key: PrivateKey) throws -> Certificate {
    let pair = try #require(
      try key.pkcs8PEM().withBytes { bytes in
        let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count))
        defer { BIO_free(bio) }
        return PEM_read_bio_PrivateKey(bio, nil, nil, nil)
      })
    defer { EVP_PKEY_free(pair) }
    let made = try #require(X509_new())
    defer { X509_free(made) }
    X509_set_version(made, 2)
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), UInt64.random(in: 1...(1 << 62)))
    ASN1_TIME_set_string(X509_getm_notBefore(made), "20260101000000Z")
    ASN1_TIME_set_string(X509_getm_notAfter(made), "20261231235959Z")
    X509_set_pubkey(made, pair)
    let name = X509_get_subject_name(made)
    X509_NAME_add_entry_by_txt(name, "CN", 0x1000, commonName, -1, -1, 0)
    X509_set_issuer_name(made, name)
    #expect(X509_sign(made, pair, EVP_sha256()) > 0)
    var der: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509(made, &der)
    let start = try #require(der)
    defer { CRYPTO_free(der, "", 0) }
    return try Certificate(der: Array(UnsafeBufferPointer(start: start, count: Int(count))))
  }
}
