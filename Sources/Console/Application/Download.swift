import HTTP
import PKI

/// Answers that a browser saves as a file.
enum Download {
  /// Certificates as PEM, or the first as DER where that is asked for.
  static func certificates(_ certificates: [Certificate], name: String, format: String?) -> Response {
    if format == "der", let certificate = certificates.first {
      return file(certificate.der, name: RootText.fileName(name, "cer"), type: "application/pkix-cert")
    }
    let pem = certificates.map(\.pem).joined()
    return file(Array(pem.utf8), name: RootText.fileName(name, "pem"), type: "application/x-pem-file")
  }

  /// The name must be letters, digits, hyphens and dots.
  static func file(_ bytes: [UInt8], name: String, type: String) -> Response {
    Response(
      status: 200,
      headers: [("Content-Type", type), ("Content-Disposition", "attachment; filename=\"\(name)\"")],
      body: .bytes(bytes))
  }
}
