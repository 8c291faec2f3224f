import Synchronization

/// The certificates that came last, by their bytes. OpenSSL searches a decoder for the key of each certificate that it
/// reads, which takes longer than to check a signature, and an update reads the same ones again and again: the root, the
/// bundles, what it has issued.
enum KnownCertificates {
  /// How many are kept.
  static let limit = 512
  /// None with more bytes is kept, so that all together take some megabytes.
  static let longest = 8 << 10

  private struct Ring: Sendable {
    var certificates: [[UInt8]: Certificate] = [:]
    /// Their bytes in the order in which they came, from `oldest` on.
    var order: [[UInt8]] = []
    var oldest = 0

    mutating func keep(_ certificate: Certificate) {
      guard certificates.updateValue(certificate, forKey: certificate.der) == nil else { return }
      guard order.count == KnownCertificates.limit else { return order.append(certificate.der) }
      certificates[order[oldest]] = nil
      order[oldest] = certificate.der
      oldest = (oldest + 1) % KnownCertificates.limit
    }
  }

  private static let ring = Mutex(Ring())

  /// The certificate of exactly these bytes.
  ///
  /// - Parameter read: reads it where it is not known; what it throws is thrown, and nothing is kept then.
  static func certificate(_ der: [UInt8], orElse read: () throws -> Certificate) rethrows -> Certificate {
    guard der.count <= longest else { return try read() }
    if let known = ring.withLock({ $0.certificates[der] }) { return known }
    let certificate = try read()
    // A block may hold bytes behind the certificate.
    if certificate.der == der { ring.withLock { $0.keep(certificate) } }
    return certificate
  }
}
