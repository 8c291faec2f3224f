import Delivery
import HTTP
import Rotation
import Store

/// Components from YAML: for the page, the command line, and the start of the server alike.
public enum ComponentImport {
  /// Adds and changes the components of a text by their names; those that are not in it stay.
  ///
  /// Throws ``YAMLRefusal`` when anything in the text is wrong, and what the store says; nothing has changed then.
  public static func apply(_ text: String, to store: Store) async throws -> AppliedComponents {
    try await store.applyComponents(
      try ComponentReader.components(in: text, existing: try await store.components(), own: Belongings(of: store)))
  }

  /// What a text would change; nothing is changed.
  ///
  /// - Throws: as ``apply(_:to:)``.
  public static func difference(_ text: String, in store: Store) async throws -> [ComponentDifference] {
    let existing = try await store.components()
    return ComponentDifference.all(
      from: existing, to: try ComponentReader.components(in: text, existing: existing, own: Belongings(of: store)))
  }

  /// What was done, in words.
  public static func sentence(_ applied: AppliedComponents) -> String {
    func part(_ names: [String], _ what: String) -> String? {
      names.isEmpty ? nil : "\(Display.count(names.count, "component")) \(what) (\(Display.list(names)))"
    }
    let parts = [
      part(applied.added, "added"), part(applied.changed, "changed"),
      applied.unchanged.isEmpty ? nil : "\(applied.unchanged.count) unchanged",
    ].compactMap { $0 }
    return parts.isEmpty ? "The list holds no component." : Display.list(parts) + "."
  }

  static func form(_ visit: Visit, text: String, problems: [YAMLProblem], status: Int? = nil) throws -> Response {
    let shown = problems.first.map { problems.count == 1 ? $0.description : "The list has \(problems.count) errors." }
    let form: PageModel = [
      "path": "/components/import", "isMultipart": true,
      "fields": [
        FieldPart.input("file", "YAML file", type: "file", hint: "At most 1 MiB.")
          .attributes(["accept": ".yaml,.yml"]).optional,
        FieldPart.text(
          "yaml", "Or paste the list", value: text, rows: 20,
          hint: "Components are added or, by their names, changed. Those that are not in the list stay.", error: shown,
          isCode: true
        ).optional,
      ].map(\.fields),
      "buttons": Part.buttons("Import", cancel: "/components"),
    ]
    var model: PageModel = [
      "header": Part.header("Import components", breadcrumbs: ComponentPages.crumbs), "form": form,
    ]
    if !problems.isEmpty {
      model["banner"] = Part.banner(
        "error", "Nothing was imported", items: problems.map { ["text": $0.description, "href": "#yaml"] },
        role: "alert")
    }
    return try visit.page("components/import", model, status: status ?? (problems.isEmpty ? 200 : 422))
  }

  static func upload(_ request: Request, _ visit: Visit) async throws -> Response {
    var text = request.form["yaml"] ?? ""
    if let file = request.form.file("file") {
      guard let decoded = String(validating: file.bytes, as: UTF8.self) else {
        return try form(
          visit, text: "", problems: [YAMLProblem(line: nil, sentence: "The file is no text in UTF-8.")])
      }
      text = decoded
    }
    guard text.contains(where: { !$0.isWhitespace }) else {
      return try form(
        visit, text: "", problems: [YAMLProblem(line: nil, sentence: "Choose a file, or paste a list of components.")])
    }
    do {
      let applied = try await ComponentDesk.apply(text, visit).applied
      return visit.redirect(to: "/components", notice: sentence(applied))
    } catch let refusal as YAMLRefusal {
      return try form(visit, text: text, problems: refusal.problems)
    }
  }
}
