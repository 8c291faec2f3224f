import COpenSSL

extension Certificate {
  /// The certificate as a PEM text that ends with a line break.
  public var pem: String {
    withUnsafePointer { certificate in
      OpenSSLErrors.guarded {
        guard let bio = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(bio) }
        guard PEM_write_bio_X509(bio, certificate) == 1 else { return "" }
        var count = 0
        let bytes = reroot_bio_bytes(bio, &count)
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
      }
    }
  }

  /// Every certificate of a PEM text, in its order; other blocks and text between them are passed over.
  ///
  /// Throws `CERTIFICATE_MALFORMED` when a block is damaged, `NO_CERTIFICATE` when there is none.
  public static func parse(pem: String) throws -> [Certificate] {
    try Array(pem.utf8).withUnsafeBytes { try parse($0) }
  }

  /// The same for a text that may hold a private key beside the certificates; it is not copied.
  public static func parse(pem: SecretBytes) throws -> [Certificate] {
    try pem.withBytes { try parse($0) }
  }

  private static func parse(_ bytes: UnsafeRawBufferPointer) throws -> [Certificate] {
    guard bytes.count <= 16 << 20 else {
      throw PKIError(code: "TOO_LARGE", sentence: "The certificates take more than 16 MiB; give fewer at a time.")
    }
    let certificates = try read(bytes)
    guard !certificates.isEmpty else {
      throw PKIError(
        code: "NO_CERTIFICATE",
        sentence: "There is no certificate in this text. One begins with -----BEGIN CERTIFICATE-----.")
    }
    return certificates
  }

  /// Reads a file that holds either PEM text (one certificate or many) or one certificate in DER.
  public static func parse(pemOrDER bytes: [UInt8]) throws -> [Certificate] {
    // A DER certificate is a SEQUENCE with a long length: 30 82 or 30 81; no PEM text begins so.
    if bytes.first == 0x30, bytes.count > 1, bytes[1] & 0x80 != 0 { return [try Certificate(der: bytes)] }
    return try parse(pem: String(decoding: bytes, as: UTF8.self))
  }

  private static func read(_ bytes: UnsafeRawBufferPointer) throws -> [Certificate] {
    guard let start = bytes.baseAddress else { return [] }
    OpenSSLErrors.clear()
    guard let bio = BIO_new_mem_buf(start, Int32(bytes.count)) else { return [] }
    defer { BIO_free(bio) }
    var certificates: [Certificate] = []
    while true {
      OpenSSLErrors.clear()
      if let certificate = try next(bio, number: certificates.count + 1) {
        certificates.append(certificate)
        continue
      }
      let errors = OpenSSLErrors.drainEntries()
      // "no start line" is how OpenSSL says that nothing more follows.
      if errors.last.map({ $0.library == ERR_LIB_PEM && $0.reason == PEM_R_NO_START_LINE }) ?? true {
        return certificates
      }
      throw damaged(certificates.count + 1, errors.map(\.text))
    }
  }

  private static func damaged(_ number: Int, _ errors: [String]) -> PKIError {
    PKIError(
      code: "CERTIFICATE_MALFORMED",
      sentence: "Certificate \(number) of this file is damaged. Export it again from where it came from.",
      detail: errors.joined(separator: "; "))
  }

  /// The next certificate of a PEM text, as PEM_read_bio_X509 reads it; nil, and an error of OpenSSL's, where there is none.
  ///
  /// - Parameter number: which one it is of the text, from 1 on, for the message.
  private static func next(_ bio: OpaquePointer, number: Int) throws -> Certificate? {
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    defer { reroot_free(bytes) }
    // No password: a block that is encrypted is not a certificate.
    guard PEM_bytes_read_bio(&bytes, &count, nil, PEM_STRING_X509, bio, { _, _, _, _ in -1 }, nil) == 1 else {
      return nil
    }
    return try KnownCertificates.certificate(Array(UnsafeBufferPointer(start: bytes, count: count))) {
      var position = bytes.map { UnsafePointer($0) }
      guard let certificate = d2i_X509(nil, &position, count) else {
        throw damaged(number, OpenSSLErrors.drainEntries().map(\.text))
      }
      return try Certificate(takingOwnership: certificate)
    }
  }
}
