import Foundation
import HTTP
import PKI
import Store

/// The import of a root: an upload is inspected and held, and becomes a root when somebody confirms it.
enum RootImport {
  static func upload(_ request: Request, _ visit: Visit) async throws -> Response {
    let services = visit.services
    guard let file = request.form.file("file") else {
      return try RootImportPages.form(visit, .init(sentence: "Choose the PFX file of the root certificate."))
    }
    let bytes = file.bytes
    let password = SecretBytes(utf8: request.form["password"] ?? "")
    let now = services.clock()
    let inspection = try await services.workThreads.run { PFX.inspectRoot(bytes, password: password, now: now) }
    switch inspection.verdict {
    case .reject(let refusal):
      visit.log("root upload refused", ["reason": refusal.code])
      let isPassword = refusal.code == "WRONG_PASSWORD"
      return try RootImportPages.form(
        visit,
        .init(field: isPassword ? "password" : "file", sentence: refusal.sentence, fileName: file.fileName))
    case .accept(let root, let warnings):
      let roots = try await services.store.roots()
      if let twin = roots.first(where: { $0.certificate.fingerprint == root.certificate.fingerprint }) {
        let sentence = "This root certificate is there already, under the name “\(twin.name)”. Nothing was imported."
        return try RootImportPages.form(visit, .init(sentence: sentence, fileName: file.fileName))
      }
      let token = try await services.store.holdImport(
        certificate: root.certificate, key: root.key,
        details: HeldImport.Details(
          fileName: file.fileName, friendlyName: root.friendlyName, warnings: warnings,
          uploadedBy: try visit.signedIn().name))
      return visit.redirect(to: "/roots/import/\(token)")
    }
  }

  static func ask(token: String, _ visit: Visit) async throws -> Response {
    let held = try await held(token, visit)
    let roots = try await visit.services.store.roots()
    return try RootImportPages.confirmation(
      held, token: token, name: suggestedName(held, roots), warnings: warnings(held, roots), error: nil, visit)
  }

  static func confirm(_ request: Request, token: String, _ visit: Visit) async throws -> Response {
    let services = visit.services
    let held = try await held(token, visit)
    let roots = try await services.store.roots()
    let given = request.form["name"] ?? ""
    var problem: String?
    let name = Credentials.name(given)
    if name == nil {
      problem = "Give a name of 1 to 64 characters on one line."
    } else if roots.contains(where: { $0.name.lowercased() == name?.lowercased() }) {
      problem = "There is a root certificate of this name already. Choose another name."
    }
    guard let name, problem == nil else {
      return try RootImportPages.confirmation(
        held, token: token, name: given, warnings: warnings(held, roots), error: problem, visit)
    }
    let key = held.key
    let privateKey = try await services.workThreads.run { try PrivateKey(pem: key) }
    let id = try await services.store.importRoot(
      name: name, certificate: held.certificate, key: privateKey, warnings: held.details.warnings,
      by: try visit.signedIn().name, confirming: token)
    visit.log("root imported", ["root": "\(id)", "fingerprint": held.certificate.fingerprint.hex])
    return visit.redirect(
      to: "/roots", notice: "The root certificate “\(name)” was imported. Nothing has been changed on any component.")
  }

  private static func held(_ token: String, _ visit: Visit) async throws -> HeldImport {
    guard let held = try await visit.services.store.heldImport(token) else {
      throw PageError(
        404, "This upload has been confirmed already, or has waited for longer than 15 minutes. Upload the file again.",
        title: "The upload is gone")
    }
    return held
  }

  /// The name that the file gives, or the subject's common name, made different from those that are taken.
  private static func suggestedName(_ held: HeldImport, _ roots: [RootRecord]) -> String {
    let wanted =
      [held.details.friendlyName, held.certificate.commonName, held.certificate.subject]
      .compactMap { $0.flatMap { Credentials.name(String($0.prefix(56))) } }.first ?? "Root certificate"
    let taken = Set(roots.map { $0.name.lowercased() })
    var name = wanted
    var number = 2
    while taken.contains(name.lowercased()) {
      name = "\(wanted) (\(number))"
      number += 1
    }
    return name
  }

  /// The warnings of the inspection, and what the roots that are there already make dangerous.
  private static func warnings(_ held: HeldImport, _ roots: [RootRecord]) -> [String] {
    let certificate = held.certificate
    var sentences = held.details.warnings.map(\.sentence)
    for root in roots where root.certificate.subject == certificate.subject {
      if root.certificate.publicKeyFingerprint == certificate.publicKeyFingerprint {
        sentences.append(
          "“\(root.name)” has the same subject and the same key: this is another certificate of the same authority. "
            + "Certificates issued under one are valid under the other too.")
      } else {
        sentences.append(
          "“\(root.name)” has the same subject but another key. Programs look for an issuer by its subject: with both "
            + "in a trust bundle, some try the wrong one and refuse the connection. Confirm only if you know that this "
            + "is meant; a root with a subject of its own is safer.")
      }
    }
    return sentences
  }
}
