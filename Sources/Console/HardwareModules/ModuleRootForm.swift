import Foundation
import HTTP
import PKI
import Store

/// The form that makes a root of a certificate whose key stays in a hardware module.
struct ModuleRootForm {
  var name = ""
  var library = ""
  var uri = ""
  var fileName: String?
  var problems: [(field: String, sentence: String)] = []

  static func page(_ form: ModuleRootForm, _ visit: Visit) throws -> Response {
    let libraries = visit.services.modules.libraries
    func error(_ field: String) -> String? { form.problems.first { $0.field == field }?.sentence }
    let fields: [FieldPart] = [
      FieldPart.input(
        "name", "Name", value: form.name, hint: "What administrators call this root certificate.", error: error("name")
      ).attributes(["maxlength": "64"]).required,
      FieldPart.input(
        "file", "Certificate", type: "file", hint: "The root certificate alone, in PEM or DER.", error: error("file")
      ).note(form.fileName.map { "You chose “\($0)”. Choose the file again to send it once more." }).required,
      FieldPart.select(
        "library", "Hardware module", options: libraries.map { ($0, $0) }, chosen: form.library,
        hint: "The libraries that Reroot was started with (--pkcs11-module).", error: error("library")),
      FieldPart.input(
        "uri", "Address of the key", value: form.uri,
        hint: "A PKCS#11 URI that names the token and the key: pkcs11:token=Root%20CA;object=root-2026",
        error: error("uri"),
        width: "full"
      ).attributes(["maxlength": "1024", "autocomplete": "off", "spellcheck": "false"]).required,
      FieldPart.input(
        "pin", "PIN", type: "password",
        hint: "The PIN of the token’s user. It is kept sealed, and tried once: the token counts wrong ones.",
        error: error("pin")
      ).attributes(["autocomplete": "off"]).required,
    ]
    var model: PageModel = [
      "header": Part.header(
        "Use a Key in a Hardware Module", breadcrumbs: RootPages.crumbs,
        lead:
          "The private key stays in the module and signs there. Before anything is stored, the module signs once, to show that "
          + "the key belongs to the certificate."),
      "form": [
        "path": "/roots/module", "isMultipart": true, "fields": fields.map(\.fields),
        "buttons": Part.buttons("Import", cancel: "/roots"),
      ] as PageModel,
    ]
    if !form.problems.isEmpty { model["banner"] = Part.errors(form.problems) }
    return try visit.page("form", model, status: form.problems.isEmpty ? 200 : 422)
  }

  /// The form of another PIN for a root that is there.
  static func pinPage(_ root: RootRecord, error: String?, _ visit: Visit) throws -> Response {
    var model: PageModel = [
      "header": Part.header(
        "PIN of “\(root.name)”", breadcrumbs: RootPages.crumbs + [(root.name, "/roots/\(root.id)")],
        lead: "The module signs once with it. Only if that succeeds is it kept, sealed, in the place of the former one."
      ),
      "form": [
        "path": "/roots/\(root.id)/pin",
        "fields": [
          FieldPart.input("pin", "PIN", type: "password", hint: "The PIN of the token’s user.", error: error)
            .attributes(["autocomplete": "off"]).required.fields
        ],
        "buttons": Part.buttons("Change PIN", cancel: "/roots/\(root.id)"),
      ] as PageModel,
    ]
    if let error { model["banner"] = Part.errors([("pin", error)]) }
    return try visit.page("form", model, status: error == nil ? 200 : 422)
  }
}
