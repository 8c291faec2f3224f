import Foundation
import HTTP
import PKI
import Store

/// Carries an operation out: checks what was sent against its description, does it, and writes the answer.
enum APIDesk {
  static func answer(
    _ operation: APIOperation, _ request: Request, _ path: PathParameters, _ visit: Visit
  ) async throws -> Response {
    let call = APICall(
      request: request, path: path, visit: visit, body: try body(operation, request),
      query: try query(operation, request))
    guard operation.isRepeatable, let key = request.headers.first("idempotency-key") else {
      return try await response(operation, call)
    }
    return try await RepeatedRequests.answer(key, call, hiding: operation.shownOnce) {
      try await response(operation, call)
    }
  }

  private static func response(_ operation: APIOperation, _ call: APICall) async throws -> Response {
    switch try await operation.handler(call) {
    case .response(let response): return response
    case .nothing: return Response(status: operation.result.status)
    case .json(let value, let location, let tagged):
      let bytes = try value.bytes()
      var response = Response.json(bytes, status: operation.result.status)
      if operation.result.hasTag { response = response.withHeader("ETag", try tagged.map(tag) ?? tag(bytes)) }
      if let location { response = response.withHeader("Location", location) }
      return response
    }
  }

  // MARK: What was sent

  private static func query(_ operation: APIOperation, _ request: Request) throws -> [String: JSONValue] {
    let known = operation.parameters.filter { $0.place == .query }
    var values: [String: JSONValue] = [:]
    var problems: [InputProblem] = []
    for name in Set(request.query.names).subtracting(known.map(\.name)).sorted() {
      let names = known.isEmpty ? "It takes none." : "It takes \(known.map(\.name).joined(separator: ", "))."
      problems.append(InputProblem(field: name, sentence: "There is no such parameter. \(names)"))
    }
    for parameter in known {
      guard let text = request.query[parameter.name] else {
        if let initial = parameter.schema.initial { values[parameter.name] = initial }
        if parameter.isRequired {
          problems.append(
            InputProblem(field: parameter.name, sentence: "It is missing. \(parameter.schema.text ?? "")"))
        }
        continue
      }
      let value = parameter.schema.value(ofParameter: text)
      problems += parameter.schema.problems(value, at: parameter.name)
      values[parameter.name] = value
    }
    guard problems.isEmpty else { throw InputRefusal(problems) }
    return values
  }

  private static func body(_ operation: APIOperation, _ request: Request) throws -> JSONValue {
    let type = (request.headers.first("content-type") ?? "").prefix { $0 != ";" }
      .trimmingCharacters(in: .whitespaces).lowercased()
    switch operation.body {
    case .none: return .null
    case .json(let schema):
      guard type == "application/json" || type.hasSuffix("+json") else { throw wrongType("application/json") }
      return try checked(JSONValue(parsing: request.body), schema)
    case .multipart(let schema):
      guard type == "multipart/form-data" else { throw wrongType("multipart/form-data") }
      return try checked(fields(schema, request.form), schema)
    case .text(let text, let schema):
      if type == text { return .null }
      guard type == "application/json" else { throw wrongType("\(text) or application/json") }
      return try checked(JSONValue(parsing: request.body), schema)
    }
  }

  private static func checked(_ value: JSONValue, _ schema: Schema) throws -> JSONValue {
    let problems = schema.problems(value)
    guard problems.isEmpty else { throw InputRefusal(problems) }
    return value
  }

  private static func wrongType(_ wanted: String) -> PageError {
    PageError(
      415, "The body is not of the media type that this address takes: \(wanted). Say so in Content-Type.",
      code: "UNSUPPORTED_MEDIA_TYPE")
  }

  /// The fields of a form; of a file only that it is there.
  private static func fields(_ schema: Schema, _ form: Form) throws -> JSONValue {
    var members: [String: JSONValue] = [:]
    for name in form.names { members[name] = form[name].map { .string($0) } }
    for name in form.fileNames { members[name] = "" }
    return .object(members)
  }

  // MARK: Changes by two at once

  private static func tag(_ value: JSONValue) throws -> String { tag(try value.bytes()) }

  /// The tag of a representation (RFC 9110, section 8.8.3).
  static func tag(_ bytes: [UInt8]) -> String { "\"\(Digest.sha256Hex(bytes).prefix(32))\"" }

  /// Throws 412 unless the request's `If-Match`, if it has one, is of what is there now (RFC 9110, section 13.1.1).
  static func check(_ call: APICall, isStill value: JSONValue) throws {
    guard let given = call.request.headers.first("if-match") else { return }
    let tag = try tag(value)
    let tags = given.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    guard tags.contains("*") || tags.contains(tag) else {
      throw PageError(
        412, "This has been changed since it was read, so nothing was done. Read it again, then decide.",
        code: "CHANGED_MEANWHILE")
    }
  }
}

extension Schema {
  /// The value that the text of a parameter stands for, for ``problems(_:at:)`` to judge.
  func value(ofParameter text: String) -> JSONValue {
    switch kind {
    case .integer: text.utf8.count <= 19 ? Int64(text).map { .integer($0) } ?? .string(text) : .string(text)
    case .boolean: text == "true" ? true : text == "false" ? false : .string(text)
    default: .string(text)
    }
  }
}
