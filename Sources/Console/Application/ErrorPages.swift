import HTTP
import Logging
import PKI
import Rotation
import Store

/// Draws every error, whoever found it: the only place where errors become statuses and pages.
struct ErrorPages: Sendable {
  let services: Services
  let logger: Logger

  /// The page of an error that a route threw.
  func response(_ error: any Error, _ request: Request, _ visit: Visit?) -> Response {
    switch error {
    case let error as PageError:
      return page(error.status, error.title, error.sentence, visit, back: error.back)
    case let error as MethodNotAllowed:
      return error.response(page(405, nil, error.problem.sentence, visit))
    case let error as RequestProblem:
      return page(error.status, nil, error.sentence, visit)
    case let error as Refusal:
      return page(409, Self.title(error), Self.sentence(error), visit)
    case let error as StoreError:
      let status = Self.status(error)
      if status >= 500 { log(error.code, error.sentence, request) }
      return page(status, nil, error.sentence, visit)
    case let error as PKIError:
      log(error.code, error.description, request)
      return page(500, nil, error.sentence, visit)
    case let error as ConsoleError:
      log(error.code, error.sentence, request)
      return page(500, nil, error.sentence, visit)
    default:
      // The type only: a foreign error's text may hold a value.
      log("UNEXPECTED", "\(type(of: error))", request)
      return page(
        500, nil,
        "Something went wrong in the console itself. What was asked for may not have been done; "
          + "look before trying again. The log of the server says more.", visit)
    }
  }

  /// A page with a heading and a sentence, in the layout where that can be drawn.
  func page(
    _ status: Int, _ title: String?, _ sentence: String, _ visit: Visit?, back: (label: String, href: String)? = nil
  ) -> Response {
    let title = title ?? Self.title(status)
    let model: PageModel = [
      "header": Part.header(title), "text": sentence, "status": String(status),
      "back": back.map { Part.link($0.label, $0.href) } ?? Part.link("Go to the start", "/"),
    ]
    do {
      return .html(try services.renderer.render("errors/error", services.framed(model, visit)), status: status)
    } catch {
      log("ERROR_PAGE", "\(error)", nil)
      return .text(sentence + "\n", status: status)
    }
  }

  private func log(_ code: String, _ text: String, _ request: Request?) {
    logger.error(
      "request failed",
      metadata: [
        "code": "\(code)", "what": "\(text)", "method": "\(request?.method.description ?? "-")",
        "path": "\(request?.path ?? "-")",
      ])
  }

  /// The heading for a decision that was not taken.
  static func title(_ refusal: Refusal) -> String {
    switch refusal {
    case .stale: "This question has been answered already"
    case .notOffered, .unexpected: "This decision is not possible now"
    }
  }

  /// Why a decision was not taken.
  static func sentence(_ refusal: Refusal) -> String {
    switch refusal {
    case .stale:
      "This decision answers a question that somebody has answered already, so nothing was changed. Open the page of "
        + "the update to see where it stands."
    case .notOffered: "This decision is not possible as things stand, so nothing was changed."
    case .unexpected: "The update has moved on, so nothing was changed. Open its page to see where it stands."
    }
  }

  /// What the store refuses is the request's fault or the moment's; what it cannot do is its own.
  static func status(_ error: StoreError) -> Int {
    switch error.code {
    case "NOT_FOUND": 404
    case "UPDATE_RUNS", "UPDATE_SUPERSEDED", "PLAN_USED", "ROOT_REMOVED", "COMPONENTS_CHANGED", "ROOT_IN_USE",
      "ROOT_EXISTS", "NAME_TAKEN",
      "IN_USE", "SETUP_OVER", "NO_SECRET":
      409
    case "DATABASE_BUSY", "DISK_FULL", "FOLDER_NOT_WRITABLE": 503
    default: 500
    }
  }

  static func title(_ status: Int) -> String {
    switch status {
    case 400: "The request cannot be understood"
    case 401: "Not signed in"
    case 403: "Not allowed"
    case 404: "Not found"
    case 405: "Not possible here"
    case 409: "Things have changed in the meantime"
    case 413: "Too large"
    case 429: "Too many attempts"
    case 500: "Something went wrong"
    case 503: "Busy"
    case 400..<500: "The request was refused"
    default: "Something went wrong"
    }
  }
}
