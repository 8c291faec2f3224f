import HTTP
import PKI
import Rotation
import Store

/// Why a request was not answered as it was wanted, whoever found it: as a page draws it, and as the API answers it
/// (RFC 9457, *Problem Details for HTTP APIs*). The only place where errors become statuses.
struct ProblemDetails: Sendable {
  /// The status of the answer, 400 to 599.
  var status: Int
  /// A stable word for programs, such as `UPDATE_RUNS`.
  var code: String
  /// The kind of problem, short.
  var title: String
  /// What is wrong, with what, and what to do, as a page says it.
  var sentence: String
  /// What is wrong, and what to do over the API, where that is another way on than the page's.
  var parts: (cause: String, advice: String)?
  /// Where it lies in what was sent.
  var errors: [InputProblem] = []
  /// Where a person goes on; nil leads to the start.
  var back: (label: String, href: String)?
  /// What the log of the server says of it; nil for what is the request's fault.
  var logged: String?
  /// The methods that the address takes, where it did not take the request's.
  var allow: String?

  /// After how many seconds it may be tried again, where that is known.
  var retryAfter: Int?

  /// The media type of ``response()`` (RFC 9457, section 6.1).
  static let contentType = "application/problem+json"

  init(status: Int, code: String? = nil, title: String? = nil, sentence: String, logged: String? = nil) {
    self.status = status
    self.code = code ?? Self.code(status)
    self.title = title ?? Self.title(status)
    self.sentence = sentence
    self.logged = logged
  }

  /// What an error means for whoever sent the request.
  init(_ error: any Error) {
    switch error {
    case let error as PageError:
      self.init(status: error.status, code: error.code, title: error.title, sentence: error.sentence)
      parts = error.parts.map { ($0.cause, $0.advice.api) }
      back = error.back
    case let error as InputRefusal:
      self.init(status: 422, code: error.code, title: "What was sent cannot be taken", sentence: error.sentence)
      errors = error.problems
      parts = error.summary.map { ($0.cause, $0.advice.api) }
    case let error as MethodNotAllowed:
      self.init(status: 405, sentence: error.problem.sentence)
      allow = error.allow
    case let error as RequestProblem:
      self.init(status: error.status, sentence: error.sentence)
      if error.status == 431 {
        // A program has no cookies to delete.
        parts = ("The request has too many or too long header fields.", "Send fewer, or shorter ones.")
      }
    case let error as TooManyRequests:
      self.init(
        status: 429, code: "RATE_LIMIT",
        sentence: "This token may send \(error.limit) requests a minute. Try again in \(error.seconds) s.")
      retryAfter = error.seconds
    case let error as Refusal:
      self.init(status: 409, code: Self.code(error), title: Self.title(error), sentence: Self.sentence(error))
      let (cause, advice) = Self.parts(error)
      parts = (cause, advice.api)
    case let error as UpdateRefusal:
      self.init(status: error.status, code: error.code, sentence: error.sentence)
      parts = (error.cause, error.advice.api)
    case let error as StoreError:
      let status = Self.status(error)
      self.init(
        status: status, code: error.code, sentence: error.sentence, logged: status >= 500 ? error.sentence : nil)
      parts = error.parts.map { ($0.cause, $0.advice.api) }
    case let error as PKIError:
      self.init(status: 500, code: error.code, sentence: error.sentence, logged: error.description)
    case let error as ConsoleError:
      self.init(status: 500, code: error.code, sentence: error.sentence, logged: error.sentence)
    default:
      // The type only: a foreign error's text may hold a value.
      self.init(
        status: 500, code: "UNEXPECTED",
        sentence: "Something went wrong in the console itself. What was asked for may not have been done; "
          + "look before trying again. The log of the server says more.", logged: "\(type(of: error))")
    }
  }

  /// As the API answers it.
  func response() throws -> Response {
    // What is wrong with one value alone is told at its field on a page, and with its name elsewhere.
    let one = parts == nil && errors.count == 1 ? errors[0] : nil
    let detail = parts.map { "\($0.cause) \($0.advice)" } ?? one?.named ?? sentence
    var members: [String: JSONValue] = [
      "type": "about:blank", "title": .string(title), "status": .integer(Int64(status)), "detail": .string(detail),
      "code": .string(code),
    ]
    members["cause"] = (parts?.cause ?? one?.sentence).map { .string($0) }
    if !errors.isEmpty {
      members["errors"] = .array(errors.map { ["pointer": .string($0.field), "detail": .string($0.sentence)] })
    }
    var fields = [("Content-Type", Self.contentType)]
    if let allow { fields.append(("Allow", allow)) }
    if let retryAfter { fields.append(("Retry-After", "\(retryAfter)")) }
    return Response(status: status, headers: fields, body: .bytes(try JSONValue.object(members).bytes()))
  }

  /// What ``response()`` holds.
  static let schema = Schema(
    .named("Problem") {
      Schema(
        .object([
          .must("type", .string, "Always `about:blank`: ``code`` tells the problems apart."),
          .must("title", .string, "The kind of problem, short."),
          .must("status", .integer(400...599), "The status of the answer."),
          .must("detail", .string, "What is wrong, with what, and what to do."),
          .must("code", .string, "A stable word for programs, such as `UPDATE_RUNS`."),
          .may(
            "cause", .string,
            "The beginning of ``detail``: what is wrong. What follows there is what to do over the API; a program in which "
              + "people do that in another way says its own instead."),
          .may(
            "errors",
            .array(
              .object(
                .must("pointer", .string, "Where in what was sent: a JSON Pointer (RFC 6901), or the name of a field."),
                .must("detail", .string, "What is wrong there."))), "Everything that is wrong with what was sent."),
        ])
      ).described("Why a request was not answered as it was wanted (RFC 9457).")
    })
}

// MARK: - Statuses and words

extension ProblemDetails {
  /// What the store refuses is the request's fault or the moment's; what it cannot do is its own.
  static func status(_ error: StoreError) -> Int {
    switch error.code {
    case "NOT_FOUND": 404
    case "SAME_PERSON", "ROLE_NEEDED": 403
    case "CHANGED_MEANWHILE": 412
    case "UPDATE_RUNS", "UPDATE_SUPERSEDED", "PLAN_USED", "ROOT_REMOVED", "COMPONENTS_CHANGED", "ROOT_IN_USE",
      "ROOT_EXISTS", "NAME_TAKEN", "RESTORED_NOT_SEEN", "NOT_LOOKED_YET",
      "IN_USE", "SETUP_OVER", "NO_SECRET", "LAST_ADMINISTRATOR", "TOO_FEW_USERS",
      "PASSWORD_CHANGED", "NO_SECOND_FACTOR", "AGREEMENT_NEEDED", "AGREEMENT_OVER", "ASKED_ALREADY", "NOT_NEEDED",
      "PLAN_CHANGED", "TOO_MANY_TOKENS":
      409
    case "DATABASE_BUSY", "DISK_FULL", "FOLDER_NOT_WRITABLE": 503
    default: 500
    }
  }

  static func code(_ status: Int) -> String {
    switch status {
    case 401: "NOT_SIGNED_IN"
    case 403: "NOT_ALLOWED"
    case 404: "NOT_FOUND"
    case 405: "METHOD_NOT_ALLOWED"
    case 409: "CONFLICT"
    case 412: "CHANGED_MEANWHILE"
    case 413: "TOO_LARGE"
    case 414: "ADDRESS_TOO_LONG"
    case 431: "HEADERS_TOO_LARGE"
    case 422: "INVALID_INPUT"
    case 429: "TOO_MANY_REQUESTS"
    case 503: "BUSY"
    case 400..<500: "BAD_REQUEST"
    default: "UNEXPECTED"
    }
  }

  static func title(_ status: Int) -> String {
    switch status {
    case 400: "The request cannot be understood"
    case 401: "Not signed in"
    case 403: "Not allowed"
    case 404: "Not found"
    case 405: "Not possible here"
    case 409, 412: "Things have changed in the meantime"
    case 413: "Too large"
    case 429: "Too many attempts"
    case 500: "Something went wrong"
    case 503: "Busy"
    case 400..<500: "The request was refused"
    default: "Something went wrong"
    }
  }

  /// A stable word for a decision that was not taken.
  static func code(_ refusal: Refusal) -> String {
    switch refusal {
    case .stale: "DECISION_STALE"
    case .notOffered: "DECISION_NOT_OFFERED"
    case .unexpected: "UPDATE_MOVED_ON"
    }
  }

  /// The heading for a decision that was not taken.
  static func title(_ refusal: Refusal) -> String {
    switch refusal {
    case .stale: "This question has been answered already"
    case .notOffered, .unexpected: "This decision is not possible now"
    }
  }

  /// Why a decision was not taken, and what to do.
  static func sentence(_ refusal: Refusal) -> String {
    let (cause, advice) = parts(refusal)
    return "\(cause) \(advice.page)"
  }

  static func parts(_ refusal: Refusal) -> (cause: String, advice: Advice) {
    switch refusal {
    case .stale:
      (
        "This decision answers a question that somebody has answered already, so nothing was changed.",
        Advice(
          page: "Open the page of the update to see where it stands.",
          api: "Read the update to see where it stands.")
      )
    case .notOffered:
      (
        "This decision is not possible as things stand, so nothing was changed.",
        Advice(page: "The update says what is on offer.", api: "The update says in `decisions` what is on offer.")
      )
    case .unexpected:
      (
        "The update has moved on, so nothing was changed.",
        Advice(page: "Open its page to see where it stands.", api: "Read the update to see where it stands.")
      )
    }
  }
}
