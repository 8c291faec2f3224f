import HTTP
import Rotation

/// The page that draws the description of the API.
enum APIPage {
  static func response(_ visit: Visit) throws -> Response {
    var tags: [String] = []
    for line in APITable.whole.lines where !tags.contains(line.tag) { tags.append(line.tag) }
    return try visit.page(
      "api",
      [
        "section": "/account",
        "header": Part.header(
          "API", lead: "Roots, components, updates and the audit log for programs, by the rules of the pages.",
          more: [(label: "Tokens", href: "/tokens"), (label: "OpenAPI document", href: APIPath.root + "/openapi.json")]),
        "host": "https://…", "example": "curl -H \"Authorization: Bearer $TOKEN\" https://…\(APIPath.root)/roots",
        "groups": tags.enumerated().map { index, tag in
          [
            "id": "group-\(index + 1)", "title": tag,
            "operations": APITable.whole.lines.filter { $0.tag == tag }.map(operation),
          ] as PageModel
        },
      ])
  }

  private static func operation(_ line: APITable.Line) -> PageModel {
    let operation = line.operation
    var model: PageModel = [
      "method": line.method.description, "path": APIPath.root + line.path, "summary": operation.summary,
      "result": "\(operation.result.status): \(operation.result.text)",
    ]
    model["text"] = operation.text
    if case .role(let role) = operation.access.requirement { model["role"] = role.label }
    let parameters = operation.allParameters.map { parameter -> PageModel in
      ["name": parameter.name, "text": parameter.schema.text ?? "", "isRequired": parameter.isRequired]
    }
    let body = properties(operation.body).map { property -> PageModel in
      ["name": property.name, "text": property.schema.text ?? "", "isRequired": property.isRequired]
    }
    model["hasFields"] = !(parameters + body).isEmpty
    model["fields"] = parameters + body
    return model
  }

  private static func properties(_ body: APIBody) -> [Schema.Property] {
    switch body {
    case .none: []
    case .json(let schema), .multipart(let schema), .text(_, orJSON: let schema): schema.properties
    }
  }
}

extension Schema {
  /// The members of an object; nothing for anything else.
  var properties: [Property] {
    switch kind {
    case .object(let properties): properties
    case .named(_, let schema): schema().properties
    default: []
    }
  }
}
