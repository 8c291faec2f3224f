import HTTP
import Store

/// Every operation of the API, in the order of the document.
struct APITable: Sendable {
  struct Line: Sendable {
    let method: HTTP.Method
    /// Below ``APIPath/root``, with `:id` for what differs.
    let path: String
    /// What the document lists it under.
    let tag: String
    let operation: APIOperation
  }

  private(set) var lines: [Line] = []

  /// Every operation that there is.
  static let whole: APITable = {
    var table = APITable()
    table.addRoots()
    table.addComponents()
    table.addFinding()
    table.addWatching()
    table.addUpdates()
    table.addRenewal()
    table.addRetirement()
    table.addAgreements()
    table.addTrustStore()
    table.addUsers()
    table.addSettings()
    table.addNotifications()
    table.addRestoration()
    table.addAudit()
    return table
  }()

  mutating func on(_ method: HTTP.Method, _ path: String, _ tag: String, _ operation: APIOperation) {
    precondition(!lines.contains { $0.operation.id == operation.id }, "two operations are called \(operation.id)")
    lines.append(Line(method: method, path: path, tag: tag, operation: operation))
  }
}

extension ConsoleRouter {
  /// The API and its document.
  mutating func addAPIRoutes() {
    for line in APITable.whole.lines {
      on(line.method, APIPath.root + line.path, for: line.operation.access) { request, path, visit in
        try await APIDesk.answer(line.operation, request, path, visit)
      }
    }
    on(.get, APIPath.root + "/openapi.json", for: .open) { _, _, _ in
      .json(try OpenAPIDocument.json.bytes(isPretty: true))
    }
  }
}
