import Foundation
import HTTP
import PKI
import Store

/// Adds a server certificate with its key from a PFX file or a pair of PEM files.
enum ServerCertificateImport {
  typealias Problem = (field: String, sentence: String)

  /// Adds what the page sent, and shows the page again where it will not do.
  static func add(_ request: Request, _ visit: Visit) async throws -> Response {
    let form = request.form
    do {
      let name = try await add(form, visit).name
      return visit.redirect(to: "/trust-store", notice: "The server certificate “\(name)” was added.")
    } catch let refusal as InputRefusal {
      var given = ServerCertificateForm()
      given.name = form["name"] ?? ""
      given.isPEM = isPEM(form)
      given.fileName = (given.isPEM ? form.file("certificate") : form.file("file"))?.fileName
      given.problems = refusal.fields
      return try ServerCertificatePages.form(visit, given)
    }
  }

  private static func isPEM(_ form: Form) -> Bool {
    form.file("file") == nil && (form.file("certificate") != nil || form.file("key") != nil)
  }

  /// Adds the server certificate of a form, by whichever way it came: the page, the API.
  ///
  /// - Parameter form: `name`, and `file` with its `password`, or `certificate` and `key`.
  /// - Throws: ``InputRefusal`` by the fields.
  static func add(_ form: Form, _ visit: Visit) async throws -> ServerCertificateRecord {
    let isPEM = isPEM(form)
    var problems: [Problem] = []
    let name = Credentials.name(form["name"])
    if let problem = Credentials.problem(ofName: form["name"]) { problems.append(("name", problem)) }
    var identity: Identity?
    switch try await read(form, isPEM: isPEM, visit) {
    case .failure(let failure): problems += failure.problems
    case .success(let read):
      identity = read
      if let problem = problem(read, now: visit.services.clock()) {
        problems.append((isPEM ? "certificate" : "file", problem))
      }
    }
    guard let name, let identity, problems.isEmpty else {
      throw InputRefusal(problems.map { InputProblem(field: $0.field, sentence: $0.sentence) })
    }
    let store = visit.services.store
    let by = try visit.signedIn().name
    let key = try identity.key.pkcs8PEM()
    do {
      let id = try await visit.audit(
        .serverCertificateAdded, on: name, ["fingerprint": identity.leaf?.fingerprint.hex ?? "none"]
      ) { try await store.addServerCertificate(name: name, chain: identity.chain, key: key, by: by) }
      return try await TrustStoreDesk.serverCertificate(id.rawValue, store)
    } catch let error as StoreError where error.code == "NAME_TAKEN" {
      throw InputRefusal("name", error.sentence, code: error.code)
    }
  }

  private struct Unreadable: Error { var problems: [Problem] }

  private static func read(_ form: Form, isPEM: Bool, _ visit: Visit) async throws -> Result<Identity, Unreadable> {
    if isPEM { return try await readPEM(form, visit) }
    guard let file = form.file("file")?.bytes else {
      return .failure(Unreadable(problems: [("file", "Choose a PFX file, or a certificate file and a key file.")]))
    }
    let password = SecretBytes(utf8: form["password"] ?? "")
    do {
      return .success(try await visit.services.workThreads.run { try PFX.readServerIdentity(file, password: password) })
    } catch let refusal as PFXRefusal {
      return .failure(
        Unreadable(problems: [(refusal.code == "WRONG_PASSWORD" ? "password" : "file", refusal.sentence)]))
    } catch let error as PKIError {
      return .failure(Unreadable(problems: [("file", error.sentence)]))
    }
  }

  private static func readPEM(_ form: Form, _ visit: Visit) async throws -> Result<Identity, Unreadable> {
    guard let certificateBytes = form.file("certificate")?.bytes else {
      return .failure(Unreadable(problems: [("certificate", "Choose the file of the certificate.")]))
    }
    guard let keyBytes = form.file("key")?.bytes else {
      return .failure(Unreadable(problems: [("key", "Choose the file of the key.")]))
    }
    let certificates: [Certificate]
    do {
      certificates = try await visit.services.workThreads.run { try Certificate.parse(pemOrDER: certificateBytes) }
    } catch let error as PKIError {
      return .failure(Unreadable(problems: [("certificate", error.sentence)]))
    }
    let key: PrivateKey
    do {
      key = try await visit.services.workThreads.run { try PrivateKey(pem: SecretBytes(keyBytes)) }
    } catch let error as PKIError {
      return .failure(Unreadable(problems: [("key", error.sentence)]))
    }
    guard let leaf = certificates.first(where: { key.matches($0) }) else {
      return .failure(
        Unreadable(problems: [("key", "The key belongs to none of the certificates in the certificate file.")]))
    }
    return .success(Identity(chain: ordered(leaf, certificates), key: key))
  }

  /// The server's certificate first, then each one's issuer, as TLS wants it (RFC 8446, section 4.4.2); what does not
  /// belong to the chain is left out.
  static func ordered(_ leaf: Certificate, _ certificates: [Certificate]) -> [Certificate] {
    var chain = [leaf]
    while let last = chain.last, !last.isSelfIssued,
      let issuer = certificates.first(where: {
        $0.subject == last.issuer && !chain.contains($0) && last.isSigned(by: $0)
      })
    {
      chain.append(issuer)
    }
    return chain
  }

  /// Why a certificate cannot serve HTTPS; nil when it can.
  static func problem(_ identity: Identity, now: Date) -> String? {
    guard let leaf = identity.leaf else { return "There is no certificate in it." }
    if leaf.notAfter < now {
      return "“\(leaf.subject)” expired on \(Display.moment(leaf.notAfter)). Renew it first."
    }
    if leaf.notBefore > now {
      return "“\(leaf.subject)” is valid only from \(Display.moment(leaf.notBefore)) on."
    }
    if leaf.isAuthority {
      return
        "“\(leaf.subject)” is the certificate of an authority, which browsers refuse from a server. Use one that the "
        + "authority issued."
    }
    // Browsers look at the subject alternative names only (RFC 9110, section 4.3.4).
    if !leaf.subjectAlternativeNames.contains(where: { $0.hasPrefix("DNS:") || $0.hasPrefix("IP:") }) {
      return "“\(leaf.subject)” names no host or address as a subject alternative name, so no browser would accept it."
    }
    return nil
  }
}
