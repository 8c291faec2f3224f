import Foundation
import HTTP
import PKI
import Store

/// Makes a root of a certificate whose key stays in a hardware module.
enum ModuleRootImport {
  static func add(_ request: Request, _ visit: Visit) async throws -> Response {
    let form = request.form
    var given = ModuleRootForm(name: form["name"] ?? "", library: form["library"] ?? "", uri: form["uri"] ?? "")
    given.fileName = form.file("file")?.fileName
    let name = try await name(&given, visit)
    let certificate = certificate(form.file("file")?.bytes, &given, visit)
    let uri = uri(&given)
    if !visit.services.modules.libraries.contains(given.library) {
      given.problems.append(("library", "Choose one of the hardware modules that Reroot was started with."))
    }
    let pin = SecretBytes(utf8: form["pin"] ?? "")
    if pin.isEmpty { given.problems.append(("pin", "Type the PIN.")) }
    guard given.problems.isEmpty, let name, let certificate, let uri else {
      return try ModuleRootForm.page(given, visit)
    }
    let module = ModuleReference(library: given.library, uri: uri)
    if let failure = try await failure(module, certificate, pin, visit) {
      try await visit.audit(.rootRefused, on: given.fileName, ["code": failure.code, "module": module.library])
      given.problems.append((field(failure.code), failure.sentence))
      return try ModuleRootForm.page(given, visit)
    }
    let by = try visit.signedIn().name
    let id = try await visit.audit(
      .rootImported, on: name,
      [
        "subject": certificate.subject, "fingerprint": certificate.fingerprint.hex, "module": module.library,
        "key": uri.description,
      ]
    ) {
      try await visit.services.store.importModuleRoot(
        name: name, certificate: certificate, module: module, pin: pin,
        warnings: RootCertificateCheck.warnings(certificate, now: visit.services.clock()), by: by)
    }
    return visit.redirect(
      to: "/roots/\(id)",
      notice:
        "The root certificate “\(name)” was imported. Its key stays in the hardware module. Compare the fingerprint with the "
        + "one that the certificate’s owner gave you.")
  }

  static func changePIN(_ root: RootRecord, _ request: Request, _ visit: Visit) async throws -> Response {
    guard let module = root.module else { throw PageError.notFound("root certificate in a hardware module") }
    let pin = SecretBytes(utf8: request.form["pin"] ?? "")
    guard !pin.isEmpty else { return try ModuleRootForm.pinPage(root, error: "Type the PIN.", visit) }
    if let failure = try await failure(module, root.certificate, pin, visit) {
      try await visit.audit(.rootRefused, on: root.name, ["code": failure.code, "module": module.library])
      return try ModuleRootForm.pinPage(root, error: failure.sentence, visit)
    }
    try await visit.audit(.rootPINChanged, on: root.name, ["root": "\(root.id)"]) {
      try await visit.services.store.keepPIN(pin, of: root.id)
    }
    return visit.redirect(to: "/roots/\(root.id)", notice: "The PIN is kept, sealed.")
  }

  /// What the module says against the key; nil when it signed, and for the certificate.
  private static func failure(
    _ module: ModuleReference, _ certificate: Certificate, _ pin: SecretBytes, _ visit: Visit
  ) async throws -> PKIError? {
    let modules = visit.services.modules
    do {
      try await modules.run { try modules.key(module, of: certificate, pin: pin, isTyped: true).check() }
      return nil
    } catch let error as PKIError {
      return error
    }
  }

  /// The field that a failure is about.
  private static func field(_ code: String) -> String {
    switch code {
    case "TOKEN_PIN_WRONG", "TOKEN_PIN_LOCKED", "TOKEN_LAST_TRY", "TOKEN_PIN_EXPIRED", "TOKEN_PIN_UNSET": "pin"
    case "TOKEN_MISSING", "TOKEN_AMBIGUOUS", "TOKEN_KEY_MISSING", "TOKEN_KEY_AMBIGUOUS", "TOKEN_MECHANISM_MISSING":
      "uri"
    case "TOKEN_KEY_MISMATCH", "TOKEN_KEY_UNSUITED": "file"
    default: "library"
    }
  }

  private static func name(_ given: inout ModuleRootForm, _ visit: Visit) async throws -> String? {
    guard let name = Credentials.name(given.name) else {
      given.problems.append(("name", Credentials.problem(ofName: given.name) ?? ""))
      return nil
    }
    if try await visit.services.store.roots().contains(where: { $0.name.lowercased() == name.lowercased() }) {
      given.problems.append(("name", "There is a root certificate of this name already. Choose another name."))
    }
    return name
  }

  private static func uri(_ given: inout ModuleRootForm) -> TokenURI? {
    do {
      return try TokenURI(given.uri.trimmingCharacters(in: .whitespaces))
    } catch {
      given.problems.append(("uri", (error as? PKIError)?.sentence ?? "\(error)"))
      // It may hold a PIN, which is not to be shown again.
      given.uri = ""
      return nil
    }
  }

  private static func certificate(_ bytes: [UInt8]?, _ given: inout ModuleRootForm, _ visit: Visit) -> Certificate? {
    guard let bytes else {
      given.problems.append(("file", "Choose the file of the root certificate."))
      return nil
    }
    do {
      let certificates = try Certificate.parse(pemOrDER: bytes)
      guard certificates.count == 1 else {
        given.problems.append(
          ("file", "The file holds \(certificates.count) certificates. Give the root certificate alone."))
        return nil
      }
      try RootCertificateCheck.check(certificates[0], now: visit.services.clock())
      return certificates[0]
    } catch let error as PKIError {
      given.problems.append(("file", error.sentence))
    } catch let refusal as PFXRefusal {
      given.problems.append(("file", refusal.sentence))
    } catch {
      given.problems.append(("file", "\(error)"))
    }
    return nil
  }
}
