import Foundation

/// Tells a PFX file from what people upload in its place, before anything is parsed in earnest.
enum PFXSniffer {
  /// Passes for anything that begins as a PFX does; otherwise throws with what the file looks like and how to convert it.
  static func check(_ bytes: [UInt8]) throws(PFXRefusal) {
    guard !bytes.isEmpty else {
      throw PFXRefusal(
        .emptyFile, "The file is empty. Choose the PFX file (.pfx or .p12) that holds the root certificate.")
    }
    guard bytes.count <= PFXLimits.maximumBytes else {
      throw PFXRefusal(
        .tooLarge,
        "The file has \(PFXLimits.grouped(bytes.count)) bytes; a PFX file may have \(PFXLimits.grouped(PFXLimits.maximumBytes)) "
          + "(1 MiB). Export the root certificate and its key alone, without other certificates.")
    }
    if isPFX(bytes) || hasShapeOfPFX(bytes) { return }
    throw PFXRefusal(.notPKCS12, "This is not a PFX file. " + advice(bytes))
  }

  /// PFX ::= SEQUENCE { version INTEGER, SEQUENCE { OBJECT IDENTIFIER of PKCS#7, … } }.
  private static func isPFX(_ bytes: [UInt8]) -> Bool {
    guard bytes.first == DERTag.sequence else { return false }
    let head = Array(bytes.prefix(64))
    // Header of the outermost element: one octet of length, or as many more as it says.
    guard head.count > 2 else { return false }
    var position = 2 + (head[1] > 0x80 ? Int(head[1] & 0x7F) : 0)
    guard position + 3 < head.count, head[position] == DERTag.integer else { return false }
    position += 2 + Int(head[position + 1] & 0x7F)
    guard position + 2 < head.count, head[position] == DERTag.sequence else { return false }
    position += 2 + (head[position + 1] > 0x80 ? Int(head[position + 1] & 0x7F) : 0)
    // 1.2.840.113549.1.7.…, the kinds of content of PKCS#7.
    let pkcs7: [UInt8] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07]
    return position + pkcs7.count <= head.count && Array(head[position..<(position + pkcs7.count)]) == pkcs7
  }

  /// A version and one element with a name, perhaps a third like a MAC, and nothing else: a PFX with other contents. A
  /// private key goes on with an octet string.
  private static func hasShapeOfPFX(_ bytes: [UInt8]) -> Bool {
    do {
      var outer = DERReader(SecretBytes(bytes))
      var reader = try DERReader(inside: try outer.next(DERTag.sequence, "a file"))
      _ = try reader.next(DERTag.integer, "a version")
      let content = try DERReader(inside: try reader.next(DERTag.sequence, "a content"))
      _ = try reader.nextIfPresent(DERTag.sequence)
      return content.nextTag == DERTag.objectIdentifier && reader.isAtEnd
    } catch {
      return false
    }
  }

  private static func advice(_ bytes: [UInt8]) -> String {
    if bytes.starts(with: [0xFE, 0xED, 0xFE, 0xED]) || bytes.starts(with: [0xCE, 0xCE, 0xCE, 0xCE]) {
      return "It is a Java keystore; convert it with `keytool -importkeystore -srckeystore FILE -destkeystore root.p12 "
        + "-deststoretype PKCS12` and upload root.p12."
    }
    if bytes.starts(with: Array("PK\u{3}\u{4}".utf8)) {
      return "It is a ZIP archive; unpack it and upload the .pfx file inside."
    }
    if bytes.starts(with: Array("%PDF".utf8)) { return "It is a PDF document. Choose the .pfx or .p12 file." }
    if let kind = text(bytes) { return kind }
    if bytes.first == DERTag.sequence { return binary(bytes) }
    return
      "Its first bytes are those of no format that holds certificates. Choose the .pfx or .p12 file that was exported "
      + "together with the private key."
  }

  private static let combine =
    "put certificate and key together with `openssl pkcs12 -export -in root.crt -inkey root.key -out root.pfx`"

  private static func text(_ bytes: [UInt8]) -> String? {
    let start = Array(bytes.prefix(1 << 16))
    guard !start.contains(0) else { return nil }
    let text = String(decoding: start, as: UTF8.self)
    func holds(_ label: String) -> Bool { text.contains("-----BEGIN \(label)-----") }
    if holds("OPENSSH PRIVATE KEY") {
      return "It is a key for SSH, which belongs to no certificate. Choose the .pfx or .p12 file."
    }
    if holds("PKCS7") {
      return "It holds certificates without a key (PKCS#7, PEM). Export again with the private key, as PFX."
    }
    if holds("CERTIFICATE REQUEST") || holds("NEW CERTIFICATE REQUEST") {
      return "It is a request for a certificate (PEM). Let the authority sign it, then \(combine)."
    }
    if holds("X509 CRL") { return "It is a list of revoked certificates (PEM). Choose the .pfx or .p12 file." }
    let hasCertificate = holds("CERTIFICATE") || holds("TRUSTED CERTIFICATE") || holds("X509 CERTIFICATE")
    let hasKey = text.contains("PRIVATE KEY-----")
    switch (hasCertificate, hasKey) {
    case (true, true):
      return
        "It holds a certificate and a key as PEM text; convert it with `openssl pkcs12 -export -in FILE -out root.pfx`."
    case (true, false): return "It is a certificate as PEM text, without its private key; \(combine)."
    case (false, true): return "It is a private key as PEM text, without its certificate; \(combine)."
    case (false, false): break
    }
    if isBase64OfDER(start) {
      return "It looks like a PFX file written as base64 text; decode it with `base64 -d FILE > root.pfx` "
        + "(on Windows `certutil -decode FILE root.pfx`)."
    }
    if text.hasPrefix("-----BEGIN PGP") { return "It is an OpenPGP file. Choose the .pfx or .p12 file." }
    let isReadable = text.unicodeScalars.allSatisfy { $0.value >= 32 || [9, 10, 12, 13].contains($0.value) }
    return isReadable && !text.contains("\u{FFFD}") ? "It is plain text. Choose the .pfx or .p12 file." : nil
  }

  /// Base64 of a long SEQUENCE begins with "MI".
  private static func isBase64OfDER(_ bytes: [UInt8]) -> Bool {
    let letters = bytes.drop { $0 <= 32 }
    guard letters.starts(with: Array("MI".utf8)), letters.count > 60 else { return false }
    return letters.prefix(1000).allSatisfy {
      ($0 >= 0x30 && $0 <= 0x39) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A)
        || [0x2B, 0x2F, 0x3D, 0x0A, 0x0D].contains($0)
    }
  }

  /// What a SEQUENCE that is no PFX looks like, by its first elements.
  private static func binary(_ bytes: [UInt8]) -> String {
    let unknown =
      "It begins as binary certificate data do, but it is cut, damaged or of another kind. Copy it again from where "
      + "it came from, in binary mode, or export it again as PFX."
    do {
      var outer = DERReader(SecretBytes(bytes))
      var reader = try DERReader(inside: try outer.next())
      let first = try reader.next()
      if first.tag == DERTag.objectIdentifier {
        return "It holds certificates without a key (PKCS#7). Export again with the private key, as PFX."
      }
      if first.tag == DERTag.integer {
        return "It looks like a private key (DER), without its certificate; \(combine)."
      }
      guard first.tag == DERTag.sequence else { return unknown }
      return try signedOrEncrypted(first, &reader)
    } catch {
      return unknown
    }
  }

  private static func signedOrEncrypted(_ first: DERValue, _ reader: inout DERReader) throws(DERError) -> String {
    var inner = try DERReader(inside: first)
    if inner.nextTag == DERTag.objectIdentifier {
      return "It looks like an encrypted private key (PKCS#8), without its certificate; \(combine)."
    }
    // Certificate, request and list are all SEQUENCE { SEQUENCE, AlgorithmIdentifier, BIT STRING }.
    guard reader.nextTag == DERTag.sequence else {
      return "It holds binary data of another kind. Choose the .pfx or .p12 file."
    }
    if inner.nextTag == DERTag.contextZero { return "It is a certificate (DER), without its private key; \(combine)." }
    if try inner.nextIfPresent(DERTag.integer) != nil, try inner.next().tag == DERTag.sequence {
      let third = try inner.next()
      let isRequest = inner.nextTag == DERTag.contextZero || inner.isAtEnd
      if isRequest { return "It is a request for a certificate (DER). Let the authority sign it, then \(combine)." }
      return third.tag == DERTag.sequence
        ? "It is a list of revoked certificates or an old certificate (DER), without a key. Choose the .pfx or .p12 file."
        : "It holds binary data of another kind. Choose the .pfx or .p12 file."
    }
    return "It holds binary data of another kind. Choose the .pfx or .p12 file."
  }
}
