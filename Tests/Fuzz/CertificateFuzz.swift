import Foundation

@testable import Delivery
@testable import PKI

/// Reads certificates as PEM or DER, trust bundles, keys and signing requests, and every field that is shown of them.
enum CertificateFuzz {
  private static let now = Date(timeIntervalSince1970: 1_900_000_000)

  static func read(_ bytes: [UInt8]) {
    let content = SecretBytes(bytes)
    let found =
      ((try? Certificate.parse(pemOrDER: bytes)) ?? [])
      + ((try? PEMFile.bundle(content, path: "/bundle.pem")) ?? [])
      + ((try? PEMFile.chain(content, path: "/chain.pem")) ?? [])
    for certificate in found { look(certificate) }
    for pair in zip(found, found.dropFirst()) {
      _ = pair.0.isSigned(by: pair.1)
      _ = pair.0.hasSameSubject(as: pair.1)
    }
    if let key = try? PrivateKey(pem: content) { _ = key.keyDescription }
    if let key = try? PrivateKey(pkcs8: content) { _ = key.keyDescription }
    if let request = try? SigningRequest(der: bytes), let names = try? [AlternativeName(parsing: "web.example.net")] {
      try? request.check(names: names, algorithm: .ecdsaP256)
    }
  }

  private static func look(_ certificate: Certificate) {
    let texts =
      [certificate.subject, certificate.issuer, certificate.commonName ?? "", certificate.serialNumber]
      + [certificate.keyDescription, certificate.signatureAlgorithm, PFXDate.text(certificate.notAfter)]
      + certificate.subjectAlternativeNames
    for text in texts { require(!text.unicodeScalars.contains(where: VisibleText.isHidden), "fields are visible") }
    _ = certificate.publicKeyFingerprint
    try? RootPolicy(certificate: certificate, now: now).check()
    guard let again = try? Certificate.parse(pem: certificate.pem) else { fatalError("Broken promise: PEM reads back") }
    require(again == [certificate], "a certificate's PEM is the certificate")
  }
}
