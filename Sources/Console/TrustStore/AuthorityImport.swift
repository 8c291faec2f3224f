import HTTP
import PKI
import Store

/// Adds authorities from an upload or a pasted text.
enum AuthorityImport {
  /// More would be somebody's whole system store.
  private static let limit = 500
  /// What is refused for a key in it is not shown again.
  private static let keyCode = "PRIVATE_KEY_GIVEN"

  /// What was added.
  struct Added: Sendable {
    /// The certificates that were given, new or not.
    let certificates: [Certificate]
    /// How many of them were new.
    let count: Int
    /// How many were there already.
    var known: Int { certificates.count - count }
  }

  /// Adds what the page sent, and shows the page again where it will not do.
  static func add(_ request: Request, _ visit: Visit) async throws -> Response {
    let pasted = request.form["pem"] ?? ""
    let added: Added
    do {
      if let file = request.form.file("file") {
        added = try await add(file.bytes, field: "file", visit)
      } else if pasted.utf8.allSatisfy({ $0 <= 0x20 }) {
        throw InputRefusal("file", "Choose a file, or paste the certificates.")
      } else {
        added = try await add(Array(pasted.utf8), field: "pem", visit)
      }
    } catch let refusal as InputRefusal {
      // Not shown again, nor kept: a page is no place for a key.
      return try AuthorityPages.form(
        visit, pem: refusal.code == keyCode ? "" : pasted, error: refusal.fields.first)
    }
    let notice =
      added.known == 0
      ? "\(Display.count(added.count, "authority was", "authorities were")) added."
      : "\(Display.count(added.count, "authority was", "authorities were")) added; \(added.known) already there."
    return visit.redirect(to: "/trust-store", notice: notice)
  }

  /// Adds the authorities of a file, by whichever way it came: a form, the API.
  ///
  /// - Parameters:
  ///   - bytes: PEM with one or many certificates, or DER with one.
  ///   - field: where they came from, for what is wrong with them.
  /// - Throws: ``InputRefusal``.
  static func add(_ bytes: [UInt8], field: String, _ visit: Visit) async throws -> Added {
    if String(decoding: bytes, as: UTF8.self).contains("PRIVATE KEY") {
      throw InputRefusal(
        field, "This holds a private key, which was not kept. Add the certificates of the authorities alone.",
        code: keyCode)
    }
    guard bytes.contains(where: { $0 > 0x20 }) else { throw InputRefusal(field, "There is nothing in it.") }
    let certificates: [Certificate]
    do {
      certificates = try await visit.services.workThreads.run { try Certificate.parse(pemOrDER: bytes) }
    } catch let error as PKIError {
      throw InputRefusal(field, error.sentence, code: error.code)
    }
    guard certificates.count <= limit else {
      throw InputRefusal(field, "Add at most \(limit) certificates at a time.")
    }
    if let other = certificates.first(where: { !$0.isAuthority }) {
      throw InputRefusal(
        field,
        "“\(other.subject)” is not an authority (its basic constraints do not say CA:TRUE). Nothing was added; leave it "
          + "out.")
    }
    let by = try visit.signedIn().name
    let count = try await visit.audit(
      .authoritiesAdded, on: Display.list(certificates.prefix(5).map(\.subject)),
      [
        "given": String(certificates.count),
        "fingerprints": certificates.prefix(20).map(\.fingerprint.hex).joined(separator: " "),
      ]
    ) { try await visit.services.store.addAuthorities(certificates, by: by) }
    return Added(certificates: certificates, count: count)
  }
}
