import HTTP
import PKI
import Store

/// What was typed into the form of a server certificate, and what is wrong with it. No password, no key.
struct ServerCertificateForm {
  var name = ""
  var isPEM = false
  var fileName: String?
  var problems: [(field: String, sentence: String)] = []
  var status: Int?

  func error(_ field: String) -> String? { problems.first { $0.field == field }?.sentence }
}

/// The pages of server certificates.
enum ServerCertificatePages {
  static func form(_ visit: Visit, _ given: ServerCertificateForm) throws -> Response {
    let chosen = given.fileName.map { "You chose “\($0)”. Choose the file again to send it once more." }
    let form: PageModel = [
      "path": "/trust-store/certificates/add", "isMultipart": true,
      "fields": [
        FieldPart.input(
          "name", "Name", value: given.name, hint: "What administrators call it.", error: given.error("name")
        ).attributes(["maxlength": "64"]).required.fields
      ],
      "groups": [
        group(
          "As a PFX file",
          [
            FieldPart.input("file", "PFX file", type: "file", error: given.error("file"))
              .attributes(["accept": ".pfx,.p12"]).note(given.isPEM ? nil : chosen).optional,
            FieldPart.input("password", "Password of the PFX file", type: "password", error: given.error("password"))
              .attributes(["autocomplete": "off"]).optional,
          ]),
        group(
          "Or as a pair of PEM files",
          [
            FieldPart.input(
              "certificate", "Certificate file", type: "file",
              hint: "The server's certificate, then the ones that lead to its root.", error: given.error("certificate")
            ).attributes(["accept": ".pem,.crt,.cer"]).note(given.isPEM ? chosen : nil).optional,
            FieldPart.input(
              "key", "Key file", type: "file", hint: "The private key without a password.", error: given.error("key")
            ).attributes(["accept": ".pem,.key"]).optional,
          ]),
      ],
      "buttons": Part.buttons("Add", cancel: "/trust-store"),
    ]
    var model: PageModel = [
      "header": Part.header(
        "Add server certificate", breadcrumbs: TrustStorePages.crumbs,
        lead: "A certificate and its key, which this console can serve HTTPS with after an update that chooses it."),
      "form": form,
    ]
    if !given.problems.isEmpty { model["banner"] = Part.errors(given.problems) }
    return try visit.page("form", model, status: given.status ?? (given.problems.isEmpty ? 200 : 422))
  }

  static func details(_ record: ServerCertificateRecord, isServing: Bool, _ visit: Visit) throws -> Response {
    let home = "/trust-store/certificates/\(record.id)"
    var rows = record.chain.first.map(CertificateText.rows) ?? []
    rows.append(Part.row("Chain", lines: record.chain.map(\.subject)))
    rows.append(Part.row("Added", "\(Display.moment(record.addedAt)) by \(record.addedBy)"))
    return try visit.page(
      "trust-store/details",
      [
        "header": Part.header(
          record.name, breadcrumbs: TrustStorePages.crumbs,
          more: [(label: "Download certificate", href: "\(home)/certificate")]
            + visit.only(.administrator, [(label: "Remove", href: "\(home)/remove")]),
          status: isServing ? Part.status("ok", "Serves HTTPS now") : Part.status("wait", "Not in use")),
        "facts": Part.definitions(rows),
      ])
  }

  static func remove(
    _ record: ServerCertificateRecord, isServing: Bool, _ reason: ReasonField, _ visit: Visit
  ) throws -> Response {
    let home = "/trust-store/certificates/\(record.id)"
    let facts = Part.definitions([
      Part.row("Subject", code: record.chain.first?.subject ?? ""),
      Part.row("SHA-256 fingerprint", fingerprint: record.chain.first?.fingerprint.description ?? ""),
    ])
    if isServing {
      return try visit.page(
        "kept",
        [
          "header": Part.header("“\(record.name)” cannot be removed now", breadcrumbs: TrustStorePages.crumbs),
          "banner": Part.banner(
            "warn", "It is in use",
            text: "This console serves HTTPS with it. Choose another certificate in the next update first."),
          "facts": facts, "back": Part.link("Back to the server certificate", home),
        ], status: 409)
    }
    return try visit.page(
      "confirm",
      [
        "header": Part.header("Remove “\(record.name)”?", breadcrumbs: TrustStorePages.crumbs),
        "banner": reason.banner
          ?? Part.banner(
            "warn", "The private key is deleted",
            text: "It is taken out of the trust store and cannot be had back from there."),
        "facts": facts,
        "form": [
          "path": "\(home)/remove", "reason": reason.field,
          "buttons": Part.buttons("Remove", isDanger: true, cancel: home),
        ] as PageModel,
      ], status: reason.status)
  }

  private static func group(_ legend: String, _ fields: [FieldPart]) -> PageModel {
    ["legend": legend, "fields": fields.map(\.fields)]
  }
}
