import Foundation
import HTTP
import PKI
import Rotation
import Store

/// The form of an update as it was filled in, to be checked or shown again.
struct UpdateForm: Sendable {
  var root: RootRecord.ID
  var months = "12"
  var https = "existing"
  var serverCertificate = ""
  var policy = FailurePolicy.stop.rawValue

  /// An untouched form: a year, or as long as the root allows.
  init(root: RootRecord, now: Date) {
    self.root = root.id
    let largest = Validity.largest(from: now, rootNotAfter: root.certificate.notAfter)
    months = String(min(12, max(1, largest)))
  }

  /// The usual choices for a root.
  init(root: RootRecord.ID) { self.root = root }

  /// A form that was sent.
  init(_ form: Form) throws {
    guard let number = form["root"].flatMap({ Int64($0) }), number > 0 else {
      throw PageError.notFound("root certificate")
    }
    root = RootRecord.ID(rawValue: number)
    months = form["months"] ?? ""
    https = form["https"] ?? ""
    serverCertificate = form["serverCertificate"] ?? ""
    policy = form["policy"] ?? ""
  }

  /// The choices, or what is wrong with each field, in the order of the form.
  func checked(
    _ root: RootRecord, servers: [ServerCertificateRecord], now: Date
  ) -> (choices: UpdateChoices?, problems: [(field: String, sentence: String)]) {
    var problems: [(field: String, sentence: String)] = []
    let trimmed = months.trimmingCharacters(in: .whitespaces)
    let number = trimmed.utf8.count <= 6 ? Int(trimmed) : nil
    if let problem = Validity.problem(months: number ?? 0, from: now, rootNotAfter: root.certificate.notAfter) {
      problems.append(("months", problem.sentence + " " + problem.advice))
    }
    let choice = httpsChoice(servers)
    if choice == nil {
      problems.append(
        https == "trustStore"
          ? ("serverCertificate", "Choose one of the server certificates from the trust store.")
          : ("https", "Choose what the console serves HTTPS with."))
    }
    let policy = FailurePolicy(rawValue: policy)
    if policy == nil { problems.append(("policy", "Choose what happens when an action fails.")) }
    guard problems.isEmpty, let number, let policy, let choice else { return (nil, problems) }
    return (UpdateChoices(root: self.root, months: number, policy: policy, https: choice), [])
  }

  private func httpsChoice(_ servers: [ServerCertificateRecord]) -> HTTPSChoice? {
    switch https {
    case "existing": .existing
    case "issue": .issue
    case "trustStore":
      servers.contains { "\($0.id)" == serverCertificate } ? Int64(serverCertificate).map(HTTPSChoice.trustStore) : nil
    default: nil
    }
  }
}

/// The page of that form.
struct UpdateFormPage {
  let form: UpdateForm
  let root: RootRecord
  let servers: [ServerCertificateRecord]
  var problems: [(field: String, sentence: String)] = []

  func response(_ visit: Visit) throws -> Response {
    var model: PageModel = [
      "section": "/roots",
      "header": Part.header(
        "Update to \(root.name)", breadcrumbs: RootPages.crumbs + [(root.name, "/roots/\(root.id)")],
        lead: "The next page shows what would happen to each component. Nothing is touched before you start."),
      "form": [
        "path": "/plans", "hidden": [["name": "root", "value": "\(root.id)"] as PageModel],
        "fields": [months(visit.services.clock()), https, policy].map(\.fields),
        "buttons": Part.buttons("Make the plan", cancel: "/roots"),
      ] as PageModel,
    ]
    if !problems.isEmpty { model["banner"] = Part.errors(problems) }
    return try visit.page("form", model, status: problems.isEmpty ? 200 : 422)
  }

  private func months(_ now: Date) -> FieldPart {
    let end = root.certificate.notAfter
    let largest = Validity.largest(from: now, rootNotAfter: end)
    let possible =
      largest > 0
      ? "From 1 to \(largest): the root certificate itself ends on \(Display.day(end))."
      : "None is possible: the root certificate ends on \(Display.day(end))."
    return FieldPart.input(
      "months", "Number of Months Until Expiry", type: "number", value: VisibleText.of(form.months, limit: 20),
      hint: possible, error: error("months"), width: "short"
    ).attributes(["min": "1", "max": "\(max(1, largest))", "inputmode": "numeric"]).required
  }

  private var https: FieldPart {
    let list = FieldPart.select(
      "serverCertificate", "Server certificate",
      options: servers.map {
        ("\($0.id)", "\($0.name) (until \($0.chain.first.map { Display.day($0.notAfter) } ?? "?"))")
      },
      chosen: form.serverCertificate, error: error("serverCertificate"))
    let fromStore =
      servers.isEmpty
      ? "There is none yet. Add one on the page Trust Store first." : nil
    return FieldPart.radios(
      "https", "Management Server HTTPS Certificate",
      choices: [
        ("existing", "Use Existing", "The console goes on with the certificate that it serves now."),
        ("trustStore", "Use a Server Certificate From the Trust Store", fromStore),
        ("issue", "Issue One From This Root", "The new root issues one for the names of this machine."),
      ], chosen: form.https, error: error("https")
    ).with(servers.isEmpty ? nil : list, under: "trustStore")
  }

  private var policy: FieldPart {
    FieldPart.radios(
      "policy", "If System Certificates Fail",
      choices: [
        (
          "stop", "Stop Update (recommended)",
          "Nothing new begins, and you decide: Abort, Override, Retry or Continue Update."
        ),
        (
          "continue", "Continue Update",
          "Errors are disregarded; everything left is generated, deployed and activated all the same."
        ),
      ], chosen: form.policy, error: error("policy"))
  }

  private func error(_ field: String) -> String? { problems.first { $0.field == field }?.sentence }
}
