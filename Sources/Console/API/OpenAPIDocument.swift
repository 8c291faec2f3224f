import HTTP

/// The description of the API (OpenAPI 3.1), made of the same table as its routes.
enum OpenAPIDocument {
  /// The whole document.
  static let json: JSONValue = document(APITable.whole)

  static func document(_ table: APITable) -> JSONValue {
    var schemas: [String: JSONValue] = [:]
    ProblemDetails.schema.collect(into: &schemas)
    var paths: [String: [String: JSONValue]] = [:]
    for line in table.lines {
      for schema in described(by: line.operation) { schema.collect(into: &schemas) }
      paths[path(line.path), default: [:]][line.method.description.lowercased()] = operation(line)
    }
    var tags: [String] = []
    for line in table.lines where !tags.contains(line.tag) { tags.append(line.tag) }
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "Reroot", "version": "1",
        "summary": "Gives every component of a running system a new root certificate.",
        "description": .string(
          "Roots, components, updates and the audit log, by the rules of the pages and with their sentences. A token says on whose "
            + "behalf a request is made: `Authorization: Bearer reroot_…`."),
        "license": ["name": "Apache License 2.0", "identifier": "Apache-2.0"],
      ],
      "servers": [["url": .string(APIPath.root)]],
      "tags": .array(tags.map { ["name": .string($0)] }),
      "security": [["token": []]],
      "paths": .object(paths.mapValues { .object($0) }),
      "components": [
        "schemas": .object(schemas), "headers": .object(headers.mapValues { ["schema": $0.json] }),
        "securitySchemes": [
          "token": [
            "type": "http", "scheme": "bearer",
            "description": "A token of the page “Tokens”, or of `reroot tokens make`.",
          ]
        ],
      ],
    ]
  }

  /// `/roots/{id}` for `/roots/:id`.
  private static func path(_ pattern: String) -> String {
    pattern.split(separator: "/").map { $0.hasPrefix(":") ? "/{\($0.dropFirst())}" : "/\($0)" }.joined()
  }

  private static func described(by operation: APIOperation) -> [Schema] {
    var found = operation.allParameters.map(\.schema)
    switch operation.body {
    case .none: break
    case .json(let schema), .multipart(let schema), .text(_, orJSON: let schema): found.append(schema)
    }
    switch operation.result.content {
    case .json(let schema), .events(let schema): found.append(schema)
    case .nothing, .bytes: break
    }
    return found
  }

  // MARK: One operation

  private static func operation(_ line: APITable.Line) -> JSONValue {
    let operation = line.operation
    var members: [String: JSONValue] = [
      "operationId": .string(operation.id), "summary": .string(operation.summary), "tags": [.string(line.tag)],
      "description": .string([operation.text, needed(operation.access)].compactMap(\.self).joined(separator: "\n\n")),
      "responses": .object(responses(line)),
    ]
    let inPath = line.path.split(separator: "/").filter { $0.hasPrefix(":") }.map { parameter(inPath: $0.dropFirst()) }
    let parameters = inPath + operation.allParameters.map(parameter)
    if !parameters.isEmpty { members["parameters"] = .array(parameters) }
    if let body = body(operation.body) { members["requestBody"] = body }
    return .object(members)
  }

  private static func needed(_ access: RouteAccess) -> String? {
    guard case .role(let role) = access.requirement else { return nil }
    return "Needs the role \(role.rawValue), or one that may do more."
  }

  private static func parameter(inPath name: Substring) -> JSONValue {
    let schema =
      switch name {
      case "fingerprint": Schema.fingerprint.described("SHA-256 of its DER, hexadecimal.")
      case "token": Schema.string(1...200).described("What names it.")
      default: Schema.identifier.described("Its number.")
      }
    return ["name": .string(String(name)), "in": "path", "required": true, "schema": schema.json]
  }

  private static func parameter(_ parameter: APIParameter) -> JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(parameter.name), "in": .string(parameter.place.rawValue),
      "required": .bool(parameter.isRequired), "schema": parameter.schema.json,
    ]
    if let text = parameter.schema.text { members["description"] = .string(text) }
    return .object(members)
  }

  private static func body(_ body: APIBody) -> JSONValue? {
    func content(_ types: [(String, Schema)]) -> JSONValue {
      [
        "required": true,
        "content": .object(Dictionary(types.map { ($0, ["schema": $1.json]) }) { first, _ in first }),
      ]
    }
    switch body {
    case .none: return nil
    case .json(let schema): return content([("application/json", schema)])
    case .multipart(let schema): return content([("multipart/form-data", schema)])
    case .text(let type, let schema): return content([(type, .string), ("application/json", schema)])
    }
  }

  // MARK: Answers

  /// What answers carry beside their content, by the name of the field.
  private static let headers: [String: Schema] = [
    "RateLimit-Policy": Schema.string.described("How many requests the token may send, and in how many seconds."),
    "RateLimit": Schema.string.described(
      "How many requests the token may still send (`r`), and in how many seconds it may send all again (`t`)."),
    "Retry-After": Schema.string.described("After how many seconds the request may be sent again."),
    "Idempotent-Replayed": Schema.oneOf(["true"]).described(
      "That this is the answer to an earlier request of this key."),
  ]

  private static func references(_ names: [String]) -> [String: JSONValue] {
    Dictionary(names.map { ($0, ["$ref": .string("#/components/headers/\($0)")]) }) { first, _ in first }
  }

  private static func responses(_ line: APITable.Line) -> [String: JSONValue] {
    let operation = line.operation
    var responses = [String(operation.result.status): result(operation)]
    for status in statuses(line) where responses[String(status)] == nil {
      responses[String(status)] = [
        "description": .string(ProblemDetails.title(status) + "."),
        "content": .object([ProblemDetails.contentType: ["schema": ProblemDetails.schema.json]]),
        "headers": .object(references(["RateLimit-Policy", "RateLimit"] + (status == 429 ? ["Retry-After"] : []))),
      ]
    }
    return responses
  }

  /// The problems that an operation may answer, the usual ones among them.
  private static func statuses(_ line: APITable.Line) -> Set<Int> {
    let operation = line.operation
    // The server itself refuses what is no request: its size, its framing, while it stops.
    var statuses: Set<Int> = [400, 401, 403, 413, 414, 422, 429, 431, 500, 503]
    if line.path.contains(":") { statuses.insert(404) }
    if case .none = operation.body {} else { statuses.formUnion([404, 411, 415]) }
    // A request whose key has begun, and whose end nobody knows.
    if operation.isRepeatable { statuses.insert(409) }
    return statuses.union(operation.problems)
  }

  private static func result(_ operation: APIOperation) -> JSONValue {
    let result = operation.result
    var members: [String: JSONValue] = ["description": .string(result.text)]
    switch result.content {
    case .nothing: break
    case .json(let schema): members["content"] = ["application/json": ["schema": schema.json]]
    case .bytes(let types):
      members["content"] = .object(Dictionary(types.map { ($0, [:]) }) { first, _ in first })
    case .events(let schema):
      let text = Schema.string.described("Events whose data is JSON: `entry`, `update`.").json
      members["content"] = ["text/event-stream": ["schema": text, "x-entry": schema.json]]
    }
    var headers = references(
      ["RateLimit-Policy", "RateLimit"] + (operation.isRepeatable ? ["Idempotent-Replayed"] : []))
    if result.hasTag {
      headers["ETag"] = ["schema": Schema.string.described("For `If-Match` (RFC 9110, section 8.8.3).").json]
    }
    if result.hasLocation { headers["Location"] = ["schema": Schema.string.described("Where it is.").json] }
    members["headers"] = .object(headers)
    return .object(members)
  }
}
