import HTTP
import PKI
import Store

/// The pages of trusted authorities.
enum AuthorityPages {
  static func form(_ visit: Visit, pem: String, error: (field: String, sentence: String)?, status: Int? = nil) throws
    -> Response
  {
    let form: PageModel = [
      "path": "/trust-store/authorities/add", "isMultipart": true,
      "fields": [
        FieldPart.input(
          "file", "File", type: "file", hint: "One or many certificates as PEM, or one as DER; at most 1 MiB.",
          error: error?.field == "file" ? error?.sentence : nil
        ).attributes(["accept": ".pem,.crt,.cer,.der"]).optional,
        FieldPart.text(
          "pem", "Or paste them", value: pem, rows: 8, hint: "Certificates as PEM, one after the other.",
          error: error?.field == "pem" ? error?.sentence : nil, isCode: true
        ).optional,
      ].map(\.fields),
      "buttons": Part.buttons("Add", cancel: "/trust-store"),
    ]
    var model: PageModel = [
      "header": Part.header("Add trusted authorities", breadcrumbs: TrustStorePages.crumbs), "form": form,
    ]
    if let error { model["banner"] = Part.errors([error]) }
    return try visit.page("form", model, status: status ?? (error == nil ? 200 : 422))
  }

  static func details(_ record: AuthorityRecord, _ visit: Visit) throws -> Response {
    let home = "/trust-store/authorities/\(record.id)"
    let rows =
      CertificateText.rows(record.certificate)
      + [Part.row("Added", "\(Display.moment(record.addedAt)) by \(record.addedBy)")]
    return try visit.page(
      "trust-store/details",
      [
        "header": Part.header(
          record.certificate.commonName ?? record.certificate.subject, breadcrumbs: TrustStorePages.crumbs,
          more: [(label: "Download certificate", href: "\(home)/certificate")]
            + visit.only(.administrator, [(label: "Remove", href: "\(home)/remove")])),
        "facts": Part.definitions(rows),
      ])
  }

  static func remove(_ record: AuthorityRecord, _ reason: ReasonField, _ visit: Visit) throws
    -> Response
  {
    var model: PageModel = [
      "header": Part.header("Remove this authority?", breadcrumbs: TrustStorePages.crumbs),
      "text": ["Reroot will not trust certificates of this authority any more. No component is changed."],
      "facts": Part.definitions([
        Part.row("Subject", code: record.certificate.subject),
        Part.row("SHA-256 fingerprint", fingerprint: record.certificate.fingerprint.description),
      ]),
      "form": [
        "path": "/trust-store/authorities/\(record.id)/remove", "reason": reason.field,
        "buttons": Part.buttons("Remove", isDanger: true, cancel: "/trust-store"),
      ] as PageModel,
    ]
    model["banner"] = reason.banner
    return try visit.page("confirm", model, status: reason.status)
  }
}
