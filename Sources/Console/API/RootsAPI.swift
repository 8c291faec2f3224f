import HTTP
import PKI
import Rotation
import Store

extension APITable {
  /// The root certificates: list, read, inspect, import, download, remove.
  mutating func addRoots() {
    let tag = "Root certificates"
    on(
      .get, "/roots", tag,
      .init(
        id: "listRoots", summary: "List the root certificates", access: .viewer, parameters: APIParameter.paging,
        result: .json(Shape<RootRecord>.root.list, "The roots, in the order of their import.")
      ) { call in call.list(try await call.store.roots(), .root) })
    on(
      .post, "/root-inspections", tag,
      .init(
        id: "inspectRoot", summary: "Look into a PFX file",
        text: "Says whether it could be imported. Nothing is kept of it.",
        access: .administrator(to: "import a root certificate"), body: .multipart(RootsAPI.file()),
        result: .json(RootsAPI.inspected, "It can be imported."), problems: [422]
      ) { call in try await RootsAPI.inspect(call) })
    on(
      .post, "/roots", tag,
      .init(
        id: "importRoot", summary: "Import a root certificate from a PFX file",
        text: "Nothing is changed on any component by it. Where the file or the roots that are there give reason for a "
          + "warning, `acceptWarnings` has to say that it was read.",
        access: .administrator(to: "import a root certificate"),
        body: .multipart(
          RootsAPI.file(adding: [
            .may("name", .string(1...64), "What administrators call it; without it the name that the file gives."),
            .may("acceptWarnings", .oneOf(["true", "false"]), "Whether the warnings are accepted."),
          ])),
        result: .json(Shape<RootRecord>.root.schema, "The imported root.", status: 201).located, problems: [409, 422],
        isRepeatable: true
      ) { call in try await RootsAPI.importRoot(call) })
    on(
      .get, "/roots/:id", tag,
      .init(
        id: "readRoot", summary: "Read a root certificate", access: .viewer,
        result: .json(Shape<RootRecord>.root.schema, "The root.").tagged
      ) { call in .json(Shape.root.json(try await RootRoutes.root(call.path, call.visit))) })
    on(
      .get, "/roots/:id/certificate", tag,
      .init(
        id: "downloadRoot", summary: "Download the certificate of a root", text: "Never its key.", access: .viewer,
        parameters: [.certificateFormat], result: .certificate
      ) { call in
        let root = try await RootRoutes.root(call.path, call.visit)
        return .response(
          Download.certificates([root.certificate], name: root.name, format: call.query["format"]?.text))
      })
    on(
      .delete, "/roots/:id", tag,
      .init(
        id: "removeRoot", summary: "Remove a root certificate and its key",
        access: .administrator(to: "remove a root certificate"), parameters: [APIParameter.reason, .ifMatch],
        result: .done, problems: [409, 412, 422]
      ) { call in
        let root = try await RootRoutes.root(call.path, call.visit)
        try APIDesk.check(call, isStill: Shape.root.json(root))
        try await RootRoutes.remove(
          root, reason: try ReasonField.checked(call.query["reason"]?.text), isStill: call.isConditional, call.visit)
        return .nothing
      })
    addModuleRoots(tag)
  }
}

extension APIParameter {
  /// Why something is done that cannot be undone.
  static var reason: APIParameter {
    var parameter = APIParameter.query(
      "reason", .string(0...AuditAct.longestReason), "Why; it stands in the audit log.")
    parameter.isRequired = true
    return parameter
  }
}

enum RootsAPI {
  /// What an upload of a PFX file carries.
  static func file(adding more: [Schema.Property] = []) -> Schema {
    Schema(
      .object(
        [
          .must("file", .file, "The PFX file, at most 1 MiB."),
          .may("password", .string(0...1024), "The password that it was exported with."),
        ] + more))
  }

  static let inspected = Schema.object(
    .must("certificate", Shape<Certificate>.certificate.schema, "The root certificate in the file."),
    .must("friendlyName", Schema.string.orNull, "The friendly name that the file gives (PKCS#9)."),
    .must("suggestedName", .string, "The name that it would get."),
    .must("warnings", .array(.string), "What to know before importing it."))

  static func inspect(_ call: APICall) async throws -> APIAnswer {
    guard let file = call.request.form.file("file") else { throw noFile }
    let (root, warnings) = try await RootImport.inspect(file, password: call.body["password"]?.text, call.visit)
    let roots = try await call.store.roots()
    let details = HeldImport.Details(
      fileName: file.fileName, friendlyName: root.friendlyName, warnings: warnings, uploadedBy: "")
    return .json([
      "certificate": Shape.certificate.json(root.certificate), "friendlyName": .text(root.friendlyName),
      "suggestedName": .string(RootImport.suggestedName(root.certificate, details, roots)),
      "warnings": .array(RootImport.warnings(root.certificate, details, roots).map { .string($0) }),
    ])
  }

  static func importRoot(_ call: APICall) async throws -> APIAnswer {
    guard let file = call.request.form.file("file") else { throw noFile }
    let visit = call.visit
    if let given = call.body["name"]?.text { _ = try await RootImport.usable(name: given, visit) }
    let token = try await RootImport.hold(file, password: call.body["password"]?.text, visit)
    let held = try await RootImport.held(token, visit)
    let roots = try await call.store.roots()
    let warnings = RootImport.warnings(held.certificate, held.details, roots)
    guard warnings.isEmpty || call.body["acceptWarnings"]?.text == "true" else {
      throw RootsAPI.notAccepted(warnings)
    }
    let name = call.body["name"]?.text ?? RootImport.suggestedName(held.certificate, held.details, roots)
    let root = try await RootImport.confirm(token: token, name: name, visit)
    return .json(Shape.root.json(root), location: "\(APIPath.root)/roots/\(root.id)")
  }

  private static func notAccepted(_ warnings: [String]) -> InputRefusal {
    var refusal = InputRefusal(
      code: "WARNINGS_NOT_ACCEPTED", warnings.map { InputProblem(field: "/file", sentence: $0) })
    refusal.summary = (
      "There \(warnings.count == 1 ? "is a warning" : "are \(warnings.count) warnings") about this root certificate, so "
        + "nothing was imported.", Advice("Send `acceptWarnings` with the value true to import it all the same.")
    )
    return refusal
  }

  private static var noFile: InputRefusal { InputRefusal("/file", "Send the PFX file as a file of the form.") }
}

extension Shape where Value == RootRecord {
  /// A root certificate.
  static var root: Shape<RootRecord> {
    Shape(
      "Root", "A root certificate: a certificate authority whose key Reroot holds, or may use.",
      [
        Member("id", .identifier, "Its number.") { .integer($0.id.rawValue) },
        Member("name", .string, "What administrators call it.") { .string($0.name) },
        Member(
          "state", .oneOf(["inForce", "imported", "retiring", "retired"]),
          "`inForce`: the components have certificates of it. `imported`: not used yet. `retiring`: an earlier root that "
            + "is still trusted. `retired`: out of every trust bundle."
        ) { .string($0.state.rawValue) },
        Member("certificate", Shape<Certificate>.certificate.schema, "The certificate.") {
          Shape<Certificate>.certificate.json($0.certificate)
        },
        Member("warnings", .array(.string), "What was worth knowing at its import.") {
          .array($0.warnings.map { .string($0.sentence) })
        },
        Member("importedAt", .moment, "When it was imported.") { .moment($0.importedAt) },
        Member("importedBy", .string, "Who imported it.") { .string($0.importedBy) },
        Member("componentsUsing", .number, "How many components have a certificate of it.") {
          .integer(Int64($0.componentsUsing))
        },
        Member("keyPlace", .oneOf(["store", "hardwareModule"]), "Where its key is.") {
          $0.module == nil ? "store" : "hardwareModule"
        },
      ])
  }
}
