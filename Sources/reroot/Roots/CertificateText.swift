import Console

/// A certificate as names and values.
enum CertificateText {
  static func fields(_ certificate: JSONValue) -> [(String, String)] {
    [
      ("Subject", certificate.words("subject")), ("Issuer", certificate.words("issuer")),
      ("Serial number", certificate.words("serialNumber")), ("Valid from", certificate["notBefore"]?.moment ?? ""),
      ("Valid until", certificate["notAfter"]?.moment ?? ""), ("Public key", certificate.words("key")),
      ("Signature", certificate.words("signature")), ("SHA-256", certificate.words("fingerprint")),
    ]
  }
}
