import Foundation
import HTTP
import Rotation
import Store

/// The place of the API among the console's paths.
enum APIPath {
  /// Everything of the first version is below it.
  static let root = "/api/v1"

  /// Whether a path is answered for programs.
  static func isOne(_ path: String) -> Bool { path.hasPrefix("/api/") || MonitoringPath.all.contains(path) }
}

/// What a request can do over the API: described once, for the document, for the check of what is sent and for the route.
struct APIOperation: Sendable {
  typealias Handler = @Sendable (_ call: APICall) async throws -> APIAnswer

  /// A stable name: `listRoots`.
  var id: String
  /// What it does, in a few words.
  var summary: String
  /// More of it; nil when the summary says all.
  var text: String?
  /// What is allowed to do it.
  var access: RouteAccess
  /// The parameters of the query and of the header; ``allParameters`` has those that others imply.
  var parameters: [APIParameter] = []
  /// What the request carries.
  var body: APIBody = .none
  /// The answer when all is well.
  var result: APIResult
  /// The statuses of the problems that may be answered besides those that every operation has.
  var problems: [Int] = []
  /// Whether it may be sent again with the same `Idempotency-Key` without being done twice.
  var isRepeatable = false
  /// The member of the answer that is never kept, and is null where a request is answered again; nil for none.
  var shownOnce: String?
  /// What answers.
  var handler: Handler

  /// The parameters, with the key of an operation that may be sent again.
  var allParameters: [APIParameter] { parameters + (isRepeatable ? [.idempotencyKey] : []) }
}

/// A parameter outside of the path and the body.
struct APIParameter: Sendable {
  enum Place: String, Sendable { case query, header }

  var name: String
  var place = Place.query
  var schema: Schema
  var isRequired = false

  /// A field of the query.
  static func query(_ name: String, _ schema: Schema, _ text: String) -> APIParameter {
    APIParameter(name: name, schema: schema.described(text))
  }

  /// Which representation the change is meant for (RFC 9110, section 13.1.1).
  static let ifMatch = APIParameter(
    name: "If-Match", place: .header,
    schema: Schema.string.described(
      "The `ETag` of what was read before. Where it has changed since, nothing is done and 412 is answered."))

  static let idempotencyKey = APIParameter(
    name: "Idempotency-Key", place: .header,
    schema: Schema.string(1...200).described(
      "Chosen by the client, different for each act. Sent again with the same key and the same body within 24 hours, the "
        + "request is answered as the first time and nothing is done twice."))

  /// Where in a list to begin, and how much of it is wanted.
  static let paging: [APIParameter] = [
    .query("offset", Schema.integer(0...1_000_000).initially(0), "How many to pass over."),
    .query("limit", Schema.integer(1...1_000).initially(100), "The most that are wanted."),
  ]
}

/// What a request carries.
enum APIBody: Sendable {
  case none
  case json(Schema)
  /// `multipart/form-data`; a property of the format `binary` is a file.
  case multipart(Schema)
  /// A text of this media type, or JSON of that schema.
  case text(String, orJSON: Schema)
}

/// What is answered when all is well.
struct APIResult: Sendable {
  var status = 200
  var text: String
  var content: Content
  /// Whether the answer has an `ETag`.
  var hasTag = false
  /// Whether the answer says in `Location` where what was made is.
  var hasLocation = false

  enum Content: Sendable {
    case nothing
    case json(Schema)
    /// Bytes of one of these media types.
    case bytes([String])
    /// Server-Sent Events whose data is JSON.
    case events(Schema)
  }

  static func json(_ schema: Schema, _ text: String, status: Int = 200) -> APIResult {
    APIResult(status: status, text: text, content: .json(schema))
  }
  static let done = APIResult(status: 204, text: "It is done.", content: .nothing)

  var tagged: APIResult {
    var copy = self
    copy.hasTag = true
    return copy
  }
  var located: APIResult {
    var copy = self
    copy.hasLocation = true
    return copy
  }
}

/// What a handler answers.
enum APIAnswer: Sendable {
  /// With the status of the operation's result.
  ///
  /// - Parameters:
  ///   - location: where what was made is.
  ///   - tagged: what the `ETag` is of, where a part of the answer changes by itself.
  case json(JSONValue, location: String? = nil, tagged: JSONValue? = nil)
  case nothing
  case response(Response)
}

/// A request that has been checked against its operation.
struct APICall: Sendable {
  let request: Request
  let path: PathParameters
  let visit: Visit
  /// The body, where it is JSON.
  let body: JSONValue
  /// The fields of the query, each as its schema has it.
  let query: [String: JSONValue]

  var services: Services { visit.services }
  var store: Store { visit.services.store }
  var now: Date { visit.services.clock() }

  /// The number in the path; 404 where it is none.
  func id<Record>(_ what: String, _: Record.Type = Record.self) throws -> Identifier<Record> {
    try Identifier<Record>(path, what)
  }

  /// A part of a list, as the query wants it.
  func page<Element>(_ all: [Element]) -> ArraySlice<Element> {
    let offset = Int(query["offset"]?.whole ?? 0)
    let limit = Int(query["limit"]?.whole ?? 100)
    return all.dropFirst(offset).prefix(limit)
  }

  /// A page of a list with how many there are.
  func list<Element>(_ all: [Element], _ shape: Shape<Element>) -> APIAnswer {
    .json(["items": .array(page(all).map(shape.json)), "total": .integer(Int64(all.count))])
  }
}
