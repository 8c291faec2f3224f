import Foundation
import HTTP
import Rotation
import Store

extension Router where Context == Visit {
  /// The settings of the console.
  mutating func addSettingsRoutes() {
    on(.get, "/settings") { _, _, visit in
      let parallel = try await visit.services.store.parallelComponents()
      return try SettingsPage(parallel: String(parallel), problem: nil).response(visit)
    }
    on(.post, "/settings") { request, _, visit in
      let text = (request.form["parallel_components"] ?? "").trimmingCharacters(in: .whitespaces)
      let range = Store.parallelRange
      guard text.utf8.count <= 4, let number = Int(text), range.contains(number) else {
        let problem = "Give a whole number from \(range.lowerBound) to \(range.upperBound)."
        return try SettingsPage(parallel: text, problem: problem).response(visit)
      }
      try await visit.services.store.setParallelComponents(number)
      visit.log("setting changed", ["parallel_components": String(number)])
      return visit.redirect(to: "/settings", notice: "The settings were saved. They hold from the next update on.")
    }
  }
}

/// The page of the settings.
struct SettingsPage {
  let parallel: String
  let problem: String?

  func response(_ visit: Visit) throws -> Response {
    let range = Store.parallelRange
    var model: PageModel = [
      "header": Part.header("Settings"),
      "form": [
        "path": "/settings",
        "fields": [
          FieldPart.input(
            "parallel_components", "Parallel components", type: "number", value: parallel,
            hint: "How many components of one stage are worked on at once, from \(range.lowerBound) to "
              + "\(range.upperBound); usually \(Store.defaultParallelComponents).",
            error: problem, width: "short"
          ).attributes(["min": "\(range.lowerBound)", "max": "\(range.upperBound)", "inputmode": "numeric"])
            .required.fields
        ],
        "buttons": Part.buttons("Save"),
      ] as PageModel,
    ]
    if let problem { model["banner"] = Part.errors([("parallel_components", problem)]) }
    return try visit.page("form", model, status: problem == nil ? 200 : 422)
  }
}
