import Foundation
import HTTP
import PKI
import Store

/// The import of a root: an upload is inspected and held, and becomes a root when somebody confirms it.
enum RootImport {
  static func upload(_ request: Request, _ visit: Visit) async throws -> Response {
    let file = request.form.file("file")
    do {
      let token = try await hold(file, password: request.form["password"], visit)
      return visit.redirect(to: "/roots/import/\(token)")
    } catch let refusal as InputRefusal {
      return try RootImportPages.form(
        visit,
        .init(
          field: refusal.problems.first?.field ?? "file", sentence: refusal.sentence, fileName: file?.fileName))
    }
  }

  /// Inspects an upload and holds it until somebody confirms it.
  ///
  /// - Returns: the token of what is held.
  /// - Throws: ``InputRefusal`` with the code of the inspection when the file or the password will not do, and
  ///   `ROOT_EXISTS` when this root is there already.
  static func hold(_ file: UploadedFile?, password: String?, _ visit: Visit) async throws -> String {
    let store = visit.services.store
    guard let file else { throw InputRefusal("file", "Choose the PFX file of the root certificate.") }
    let (root, warnings) = try await inspect(file, password: password, visit)
    if let twin = try await store.roots().first(where: { $0.certificate.fingerprint == root.certificate.fingerprint }) {
      throw InputRefusal(
        "file", "This root certificate is there already, under the name “\(twin.name)”. Nothing was imported.",
        code: "ROOT_EXISTS")
    }
    let details = HeldImport.Details(
      fileName: file.fileName, friendlyName: root.friendlyName, warnings: warnings,
      uploadedBy: try visit.signedIn().name)
    return try await visit.audit(
      .rootUploaded, on: file.fileName,
      ["subject": root.certificate.subject, "fingerprint": root.certificate.fingerprint.hex]
    ) { try await store.holdImport(certificate: root.certificate, key: root.key, details: details) }
  }

  /// What is in an upload, when it can be used as a root. Nothing is kept of it.
  ///
  /// - Throws: ``InputRefusal`` with the code of the inspection.
  static func inspect(
    _ file: UploadedFile, password: String?, _ visit: Visit
  ) async throws -> (root: ImportedRoot, warnings: [PFXWarning]) {
    let (bytes, password, now) = (file.bytes, SecretBytes(utf8: password ?? ""), visit.services.clock())
    let inspection = try await visit.services.workThreads.run { PFX.inspectRoot(bytes, password: password, now: now) }
    switch inspection.verdict {
    case .accept(let root, let warnings): return (root, warnings)
    case .reject(let refusal):
      try await visit.audit(.rootRefused, on: file.fileName, ["code": refusal.code])
      throw InputRefusal(refusal.code == "WRONG_PASSWORD" ? "password" : "file", refusal.sentence, code: refusal.code)
    }
  }

  static func ask(token: String, _ visit: Visit) async throws -> Response {
    let held = try await held(token, visit)
    let roots = try await visit.services.store.roots()
    return try RootImportPages.confirmation(
      held, token: token, name: suggestedName(held.certificate, held.details, roots),
      warnings: warnings(held.certificate, held.details, roots), error: nil, visit)
  }

  static func confirm(_ request: Request, token: String, _ visit: Visit) async throws -> Response {
    let given = request.form["name"] ?? ""
    let name: String
    do {
      name = try await confirm(token: token, name: given, visit).name
    } catch let refusal as InputRefusal {
      let held = try await held(token, visit)
      return try RootImportPages.confirmation(
        held, token: token, name: given,
        warnings: warnings(held.certificate, held.details, try await visit.services.store.roots()),
        error: refusal.sentence, visit)
    }
    return visit.redirect(
      to: "/roots", notice: "The root certificate “\(name)” was imported. Nothing has been changed on any component.")
  }

  /// Makes a root of what is held.
  ///
  /// - Throws: ``InputRefusal`` when it cannot have this name, ``PageError`` 404 when nothing is held any more.
  static func confirm(token: String, name given: String, _ visit: Visit) async throws -> RootRecord {
    let store = visit.services.store
    let held = try await held(token, visit)
    let name = try await usable(name: given, visit)
    let key = held.key
    let privateKey = try await visit.services.workThreads.run { try PrivateKey(pem: key) }
    let by = try visit.signedIn().name
    let id = try await visit.audit(
      .rootImported, on: name,
      ["subject": held.certificate.subject, "fingerprint": held.certificate.fingerprint.hex]
    ) {
      try await store.importRoot(
        name: name, certificate: held.certificate, key: privateKey, warnings: held.details.warnings, by: by,
        confirming: token)
    }
    return try await store.root(id)
  }

  /// A name that a root can have and none has.
  static func usable(name given: String, _ visit: Visit) async throws -> String {
    if let problem = Credentials.problem(ofName: given) { throw InputRefusal("name", problem) }
    guard let name = Credentials.name(given) else {
      throw InputRefusal("name", "Give a name of 1 to 64 characters on one line.")
    }
    guard try await !visit.services.store.roots().contains(where: { $0.name.lowercased() == name.lowercased() }) else {
      throw InputRefusal(
        "name", "There is a root certificate of this name already. Choose another name.", code: "NAME_TAKEN")
    }
    return name
  }

  static func held(_ token: String, _ visit: Visit) async throws -> HeldImport {
    guard let held = try await visit.services.store.heldImport(token) else {
      throw PageError(
        404, "This upload has been confirmed already, or has waited for longer than 15 minutes. Upload the file again.",
        title: "The upload is gone")
    }
    return held
  }

  /// The name that the file gives, or the subject's common name, made different from those that are taken.
  static func suggestedName(
    _ certificate: Certificate, _ details: HeldImport.Details, _ roots: [RootRecord]
  ) -> String {
    let wanted =
      [details.friendlyName, certificate.commonName, certificate.subject]
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
  static func warnings(
    _ certificate: Certificate, _ details: HeldImport.Details, _ roots: [RootRecord]
  ) -> [String] {
    var sentences = details.warnings.map(\.sentence)
    for root in roots where root.certificate.subject == certificate.subject {
      if root.certificate.publicKeyFingerprint == certificate.publicKeyFingerprint {
        sentences.append(
          "“\(root.name)” has the same subject and the same key: this is another certificate of the same authority. "
            + "Certificates issued under one are valid under the other too.")
      } else {
        sentences.append(
          "“\(root.name)” has the same subject but another key. Programs look for an issuer by its subject: with both "
            + "in a trust bundle, some try the wrong one and refuse the connection. Import it only if you know that this "
            + "is meant; a root with a subject of its own is safer.")
      }
    }
    return sentences
  }
}
