import Foundation
import HTTP
import Store

/// Does what a request asks for once, however often it is sent with the same `Idempotency-Key`.
///
/// That the request begins is on disk before anything is done, and its answer as soon as there is one. In between only
/// whoever looks knows how far it has come, and so it is said.
enum RepeatedRequests {
  private static let keptFields: Set<String> = ["content-type", "location", "etag"]

  /// - Parameter secret: a member of the answer that must not be kept: it is null where the request comes again.
  static func answer(
    _ key: String, _ call: APICall, hiding secret: String? = nil, _ body: () async throws -> Response
  ) async throws -> Response {
    guard (1...200).contains(key.utf8.count) else {
      throw InputRefusal("Idempotency-Key", "Give a key of 1 to 200 characters.")
    }
    guard case .token(let token)? = call.visit.visitor?.credential else { return try await body() }
    let known = try await call.store.beginRequest(key: key, of: token.id, content: content(of: call.request))
    switch known {
    case .new: break
    case .answered(let answer): return response(answer)
    case .begun:
      throw PageError(
        409,
        "A request with this key has begun, and how it ended is not known. Look at what there is before sending it "
          + "with another key.", code: "REQUEST_BEGUN")
    case .other:
      throw PageError(
        422, "This key was sent with another request. Choose a new key for each act.", code: "KEY_USED")
    }
    do {
      let response = try await body()
      try await call.store.keepAnswer(try kept(response, hiding: secret), key: key, of: token.id)
      return response
    } catch {
      // A refusal has changed nothing. What else went wrong may have come half of the way.
      if ProblemDetails(error).status < 500 { try await call.store.forgetRequest(key: key, of: token.id) }
      throw error
    }
  }

  /// What tells requests apart.
  private static func content(of request: Request) -> [UInt8] {
    var bytes = Array("\(request.method) \(request.path)\0".utf8)
    func add(_ name: String, _ value: some Sequence<UInt8>) {
      let value = Array(value)
      bytes += Array("\(name.utf8.count):\(name) \(value.count):".utf8) + value
    }
    for field in request.query.fields + request.form.fields { add(field.name, field.value.utf8) }
    for file in request.form.files { add(file.name, file.bytes) }
    add("", request.body)
    return bytes
  }

  private static func kept(_ response: Response, hiding secret: String?) throws -> KeptAnswer {
    var body: [UInt8] = []
    if case .bytes(let bytes) = response.body { body = bytes }
    if let secret, case .object(var members) = try JSONValue(parsing: body) {
      members[secret] = .null
      body = try JSONValue.object(members).bytes()
    }
    return KeptAnswer(
      status: response.status,
      headers: response.headers.filter { keptFields.contains($0.0.lowercased()) }.map { [$0.0, $0.1] }, body: Data(body)
    )
  }

  private static func response(_ answer: KeptAnswer) -> Response {
    let fields = answer.headers.compactMap { $0.count == 2 ? ($0[0], $0[1]) : nil }
    return Response(
      status: answer.status, headers: fields + [("Idempotent-Replayed", "true")],
      body: answer.body.isEmpty ? .none : .bytes(Array(answer.body)))
  }
}
