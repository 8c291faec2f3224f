import COpenSSL
import Foundation

// Sendable holds: the X509 is never changed after the initialiser, which also makes OpenSSL compute what it caches about
// the extensions; reading a certificate from several threads is safe (openssl-threads(7)).
/// An X.509 certificate.
public final class Certificate: @unchecked Sendable {
  private let certificate: OpaquePointer

  /// The exact bytes.
  public let der: [UInt8]
  /// SHA-256 of `der`.
  public let fingerprint: Fingerprint
  /// The first second at which it is valid.
  public let notBefore: Date
  /// The last second at which it is valid.
  public let notAfter: Date

  /// Reads one certificate in DER form; nothing may follow it. Throws `CERTIFICATE_MALFORMED`.
  public convenience init(der: [UInt8]) throws {
    let certificate = try OpenSSLErrors.require("CERTIFICATE_MALFORMED", Self.malformed) { () -> OpaquePointer? in
      der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
        var position = bytes.baseAddress
        guard let certificate = d2i_X509(nil, &position, bytes.count) else { return nil }
        guard let position, let start = bytes.baseAddress, position - start == bytes.count else {
          X509_free(certificate)
          return nil
        }
        return certificate
      }
    }
    try self.init(takingOwnership: certificate)
  }

  /// The certificate of these bytes, read only where none of the last ones is the same. Throws as ``init(der:)``.
  public static func of(der: [UInt8]) throws -> Certificate {
    try KnownCertificates.certificate(der) { try Certificate(der: der) }
  }

  /// Takes over one reference to the certificate and frees it even when the initialiser throws.
  init(takingOwnership certificate: OpaquePointer) throws {
    var bytes: UnsafeMutablePointer<UInt8>?
    defer { reroot_free(bytes) }
    do {
      let count = try OpenSSLErrors.require("CERTIFICATE_MALFORMED", Self.malformed) {
        let count = i2d_X509(certificate, &bytes)
        return count > 0 ? Int(count) : nil
      }
      let der = Array(UnsafeBufferPointer(start: bytes, count: count))
      self.der = der
      fingerprint = Fingerprint(of: der)
      notBefore = try Self.date(X509_get0_notBefore(certificate))
      notAfter = try Self.date(X509_get0_notAfter(certificate))
    } catch {
      X509_free(certificate)
      throw error
    }
    // Fills the cache of extension flags now; an invalid extension is reported by the flags, not here.
    OpenSSLErrors.guarded { _ = X509_check_purpose(certificate, -1, 0) }
    self.certificate = certificate
  }

  deinit { X509_free(certificate) }

  /// Lends OpenSSL's certificate for the length of one call. It must not be kept, nor changed.
  func withUnsafePointer<Value>(_ body: (OpaquePointer) throws -> Value) rethrows -> Value {
    try withExtendedLifetime(self) { try body(certificate) }
  }

  private static let malformed =
    "This is not a certificate, or it is damaged. Export it again, as PEM or DER, from where it came from."

  private static func date(_ time: UnsafePointer<ASN1_TIME>?) throws -> Date {
    try OpenSSLErrors.require("CERTIFICATE_MALFORMED", "The certificate's dates cannot be read.") {
      var parts = tm()
      // ASN1_TIME_to_tm takes NULL as "now", which a missing date must not become.
      guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
      return Date(timeIntervalSince1970: TimeInterval(timegm(&parts)))
    }
  }
}

extension Certificate: Hashable {
  /// Equal when every byte is.
  public static func == (left: Certificate, right: Certificate) -> Bool { left.der == right.der }
  /// By fingerprint.
  public func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
}

extension Certificate: CustomStringConvertible {
  /// The subject and the fingerprint.
  public var description: String { "\(subject) (\(fingerprint))" }
}
