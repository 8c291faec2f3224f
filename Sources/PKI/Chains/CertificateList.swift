import COpenSSL

/// OpenSSL's list of certificates, for calls that want one.
final class CertificateList {
  private let list: OpaquePointer

  init(_ certificates: [Certificate]) throws {
    list = try OpenSSLErrors.require("OUT_OF_MEMORY", "There is no memory left for certificates.") {
      reroot_certificates_new()
    }
    // Every property is set by now, so that `deinit` frees the list if one of these throws.
    for certificate in certificates {
      _ = try OpenSSLErrors.require("OUT_OF_MEMORY", "There is no memory left for certificates.") {
        certificate.withUnsafePointer { reroot_certificates_append(list, $0) == 1 ? true : nil }
      }
    }
  }

  deinit { reroot_certificates_free(list) }

  /// Lends OpenSSL's list for the length of one call.
  func withUnsafePointer<Value>(_ body: (OpaquePointer) throws -> Value) rethrows -> Value {
    try withExtendedLifetime(self) { try body(list) }
  }

  /// Copies what OpenSSL lends: each certificate with a reference of its own.
  static func certificates(in list: OpaquePointer?) throws -> [Certificate] {
    guard let list else { return [] }
    return try (0..<reroot_certificates_count(list)).compactMap { index in
      guard let certificate = reroot_certificates_at(list, index), X509_up_ref(certificate) == 1 else { return nil }
      return try Certificate(takingOwnership: certificate)
    }
  }
}
