import Foundation
import HTTP
import PKI
import Store

/// Makes a root of a certificate whose key stays in a hardware module.
enum ModuleRootImport {
  /// What was sent.
  struct Given: Sendable {
    let file: UploadedFile?
    let name: String
    let library: String
    let uri: String
    let pin: SecretBytes

    init(_ form: Form) {
      file = form.file("file")
      (name, library, uri) = (form["name"] ?? "", form["library"] ?? "", form["uri"] ?? "")
      pin = SecretBytes(utf8: form["pin"] ?? "")
    }
  }

  static func add(_ request: Request, _ visit: Visit) async throws -> Response {
    let given = Given(request.form)
    do {
      let id = try await add(given, visit)
      return visit.redirect(
        to: "/roots/\(id)",
        notice:
          "The root certificate “\(given.name)” was imported. Its key stays in the hardware module. Compare the fingerprint "
          + "with the one that the certificate’s owner gave you.")
    } catch let refusal as InputRefusal {
      var form = ModuleRootForm(name: given.name, library: given.library, uri: given.uri)
      form.fileName = given.file?.fileName
      form.problems = refusal.fields
      // One that is none may hold a PIN, which is not to be shown again.
      if (try? uri(given)) == nil { form.uri = "" }
      return try ModuleRootForm.page(form, visit)
    }
  }

  /// Imports a root whose key stays in a module, which signs once before.
  ///
  /// - Throws: ``InputRefusal`` by the fields of the form.
  static func add(_ given: Given, _ visit: Visit) async throws -> RootRecord.ID {
    var problems: [InputProblem] = []
    func part<Value>(_ body: () async throws -> Value) async throws -> Value? {
      do {
        return try await body()
      } catch let refusal as InputRefusal {
        problems += refusal.problems
        return nil
      }
    }
    let name = try await part { try await Self.name(given, visit) }
    let certificate = try await part { try Self.certificate(given.file?.bytes, visit) }
    let uri = try await part { try Self.uri(given) }
    if !visit.services.modules.libraries.contains(given.library) {
      problems.append(
        InputProblem(field: "library", sentence: "Choose one of the hardware modules that Reroot was started with."))
    }
    let pin = given.pin
    if pin.isEmpty { problems.append(InputProblem(field: "pin", sentence: "Type the PIN.")) }
    guard problems.isEmpty, let name, let certificate, let uri else { throw InputRefusal(problems) }
    let module = ModuleReference(library: given.library, uri: uri)
    if let failure = try await failure(module, certificate, pin, visit) {
      try await visit.audit(.rootRefused, on: given.file?.fileName, ["code": failure.code, "module": module.library])
      throw InputRefusal(field(failure.code), failure.sentence, code: failure.code)
    }
    let by = try visit.signedIn().name
    return try await visit.audit(
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
  }

  static func changePIN(_ root: RootRecord, _ request: Request, _ visit: Visit) async throws -> Response {
    do {
      try await change(SecretBytes(utf8: request.form["pin"] ?? ""), of: root, visit)
    } catch let refusal as InputRefusal {
      return try ModuleRootForm.pinPage(root, error: refusal.sentence, visit)
    }
    return visit.redirect(to: "/roots/\(root.id)", notice: "The PIN is kept, sealed.")
  }

  /// Keeps another PIN of a root's module, which signs once with it before.
  ///
  /// - Throws: ``InputRefusal``; 404 for a root whose key is in no module.
  static func change(_ pin: SecretBytes, of root: RootRecord, _ visit: Visit) async throws {
    guard let module = root.module else { throw PageError.notFound("root certificate in a hardware module") }
    guard !pin.isEmpty else { throw InputRefusal("pin", "Type the PIN.") }
    if let failure = try await failure(module, root.certificate, pin, visit) {
      try await visit.audit(.rootRefused, on: root.name, ["code": failure.code, "module": module.library])
      throw InputRefusal("pin", failure.sentence, code: failure.code)
    }
    try await visit.audit(.rootPINChanged, on: root.name, ["root": "\(root.id)"]) {
      try await visit.services.store.keepPIN(pin, of: root.id)
    }
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

  private static func name(_ given: Given, _ visit: Visit) async throws -> String {
    guard let name = Credentials.name(given.name) else {
      throw InputRefusal("name", Credentials.problem(ofName: given.name) ?? "")
    }
    if try await visit.services.store.roots().contains(where: { $0.name.lowercased() == name.lowercased() }) {
      throw InputRefusal("name", "There is a root certificate of this name already. Choose another name.")
    }
    return name
  }

  private static func uri(_ given: Given) throws -> TokenURI {
    do {
      return try TokenURI(given.uri.trimmingCharacters(in: .whitespaces))
    } catch {
      throw InputRefusal("uri", (error as? PKIError)?.sentence ?? "\(error)")
    }
  }

  private static func certificate(_ bytes: [UInt8]?, _ visit: Visit) throws -> Certificate {
    guard let bytes else { throw InputRefusal("file", "Choose the file of the root certificate.") }
    let certificates: [Certificate]
    do {
      certificates = try Certificate.parse(pemOrDER: bytes)
      if certificates.count == 1 {
        try RootCertificateCheck.check(certificates[0], now: visit.services.clock())
        return certificates[0]
      }
    } catch let error as PKIError {
      throw InputRefusal("file", error.sentence)
    } catch let refusal as PFXRefusal {
      throw InputRefusal("file", refusal.sentence)
    } catch {
      throw InputRefusal("file", "\(error)")
    }
    throw InputRefusal(
      "file", "The file holds \(certificates.count) certificates. Give the root certificate alone.")
  }
}
