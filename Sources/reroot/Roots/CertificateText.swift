import Console

/// A certificate as names and values.
enum CertificateText {
  /// Writes a downloaded certificate, or chain, as it came: PEM.
  static func write(_ pem: [UInt8], of item: JSONValue, json: Bool) throws {
    guard json else {
      _ = try Output.bytes(pem)
      return
    }
    try Output.json([
      "id": item["id"] ?? .null, "name": item["name"] ?? .null, "pem": .string(String(decoding: pem, as: UTF8.self)),
    ])
  }

  /// The columns of a list for its items' certificates.
  static func columns(_ certificate: @escaping (JSONValue) -> JSONValue?) -> [ServerOptions.Column] {
    [
      ("SUBJECT", { certificate($0)?.words("subject") ?? "" }),
      ("UNTIL", { certificate($0)?["notAfter"]?.day ?? "" }),
      ("SHA-256", { certificate($0)?.words("fingerprint") ?? "" }),
    ]
  }

  static func fields(_ certificate: JSONValue) -> [(String, String)] {
    [
      ("Subject", certificate.words("subject")), ("Issuer", certificate.words("issuer")),
      ("Serial number", certificate.words("serialNumber")), ("Valid from", certificate["notBefore"]?.moment ?? ""),
      ("Valid until", certificate["notAfter"]?.moment ?? ""), ("Public key", certificate.words("key")),
      ("Signature", certificate.words("signature")), ("SHA-256", certificate.words("fingerprint")),
    ]
  }
}
