import PKI

extension Shape where Value == Certificate {
  /// A certificate, as far as it can be read off it.
  static var certificate: Shape<Certificate> {
    Shape(
      "Certificate", "A certificate (RFC 5280), as it reads.",
      [
        Member("subject", .string, "The subject (RFC 4514).") { .string($0.subject) },
        Member("issuer", .string, "The issuer (RFC 4514).") { .string($0.issuer) },
        Member("serialNumber", .string, "The serial number, hexadecimal.") { .string($0.serialNumber) },
        Member("notBefore", .moment, "When it begins to be valid.") { .moment($0.notBefore) },
        Member("notAfter", .moment, "When it ends.") { .moment($0.notAfter) },
        Member("names", .array(.string), "The subject alternative names, such as `DNS:web.example.net`.") {
          .array($0.subjectAlternativeNames.map { .string($0) })
        },
        Member("key", .string, "The kind of its public key.") { .string($0.keyDescription) },
        Member("signature", .string, "The algorithm of its signature.") { .string($0.signatureAlgorithm) },
        Member("fingerprint", .string, "SHA-256 of its DER, hexadecimal.") { .string($0.fingerprint.hex) },
      ])
  }
}
