import Foundation
import HTTP
import PKI
import Store

/// The pages of importing a root: the form, and what was found, to be confirmed.
enum RootImportPages {
  /// What was wrong with an upload.
  struct Refusal {
    var field = "file"
    var sentence: String
    var fileName: String?
    var status = 422
  }

  static func form(_ visit: Visit, _ refusal: Refusal?) throws -> Response {
    let file = refusal?.fileName.flatMap { $0.isEmpty ? nil : $0 }
    let form: PageModel = [
      "path": "/roots/import", "isMultipart": true,
      "fields": [
        FieldPart.input(
          "file", "Upload File", type: "file",
          hint: "A PFX file (.pfx or .p12) of at most 1 MiB with the root certificate and its private key.",
          error: refusal?.field == "file" ? refusal?.sentence : nil
        ).attributes(["accept": ".pfx,.p12,application/x-pkcs12"])
          .note(file.map { "You chose “\($0)”. Choose the file again to send it once more." }).required,
        FieldPart.input(
          "password", "Password", type: "password", hint: "The password that the file was exported with.",
          error: refusal?.field == "password" ? refusal?.sentence : nil
        ).attributes(["autocomplete": "off"]),
      ].map(\.fields),
      "buttons": Part.buttons("Upload", cancel: "/roots"),
    ]
    var model: PageModel = [
      "header": Part.header(
        "Import New Root Certificate", breadcrumbs: RootPages.crumbs,
        lead: "The file is only looked at first. You confirm on the next page."),
      "form": form,
    ]
    if let refusal {
      let title = file.map { "“\($0)” was not imported" } ?? "The file was not imported"
      model["banner"] = Part.banner(
        "error", title, items: [["text": refusal.sentence, "href": "#\(refusal.field)"]], role: "alert")
    }
    return try visit.page("form", model, status: refusal?.status ?? 200)
  }

  static func confirmation(
    _ held: HeldImport, token: String, name: String, warnings: [String], error: String?, _ visit: Visit
  ) throws -> Response {
    var rows = CertificateText.rows(held.certificate)
    rows.insert(Part.row("File", held.details.fileName), at: 0)
    let form: PageModel = [
      "path": "/roots/import/\(token)",
      "fields": [
        FieldPart.input(
          "name", "Name", value: name, hint: "What administrators call this root certificate.", error: error
        ).attributes(["maxlength": "64"]).required.fields
      ],
      "buttons": Part.buttons("Confirm", cancel: "/roots"),
    ]
    var model: PageModel = [
      "header": Part.header(
        "Is this the right root certificate?", breadcrumbs: RootPages.crumbs,
        lead: "Compare the fingerprint with the one that the certificate's owner gave you."),
      "facts": Part.definitions(rows), "form": form,
    ]
    if !warnings.isEmpty {
      model["banner"] = Part.banner(
        "warn", warnings.count == 1 ? "One thing to know before you confirm" : "Things to know before you confirm",
        items: warnings.map { ["text": $0] })
    }
    return try visit.page("roots/import-confirm", model, status: error == nil ? 200 : 422)
  }
}
