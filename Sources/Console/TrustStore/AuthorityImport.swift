import HTTP
import PKI
import Store

/// Adds authorities from an upload or a pasted text.
enum AuthorityImport {
  /// More would be somebody's whole system store.
  private static let limit = 500

  static func add(_ request: Request, _ visit: Visit) async throws -> Response {
    let pasted = request.form["pem"] ?? ""
    let field: String
    let bytes: [UInt8]
    if let file = request.form.file("file") {
      (field, bytes) = ("file", file.bytes)
    } else {
      (field, bytes) = ("pem", Array(pasted.utf8))
    }
    func again(_ sentence: String) throws -> Response {
      try AuthorityPages.form(visit, pem: pasted, error: (field, sentence))
    }
    if String(decoding: bytes, as: UTF8.self).contains("PRIVATE KEY") {
      // Not shown again, nor kept: a page is no place for a key.
      return try AuthorityPages.form(
        visit, pem: "",
        error: (field, "This holds a private key, which was not kept. Add the certificates of the authorities alone."))
    }
    guard bytes.contains(where: { $0 > 0x20 }) else {
      return try AuthorityPages.form(visit, pem: "", error: ("file", "Choose a file, or paste the certificates."))
    }
    let certificates: [Certificate]
    do {
      certificates = try await visit.services.workThreads.run { try Certificate.parse(pemOrDER: bytes) }
    } catch let error as PKIError {
      return try again(error.sentence)
    }
    guard certificates.count <= limit else { return try again("Add at most \(limit) certificates at a time.") }
    if let other = certificates.first(where: { !$0.isAuthority }) {
      return try again(
        "“\(other.subject)” is not an authority (its basic constraints do not say CA:TRUE). Nothing was added; leave it "
          + "out.")
    }
    let added = try await visit.services.store.addAuthorities(certificates, by: try visit.signedIn().name)
    visit.log("authorities added", ["count": String(added)])
    let known = certificates.count - added
    let notice =
      known == 0
      ? "\(Display.count(added, "authority was", "authorities were")) added."
      : "\(Display.count(added, "authority was", "authorities were")) added; \(known) already there."
    return visit.redirect(to: "/trust-store", notice: notice)
  }
}
