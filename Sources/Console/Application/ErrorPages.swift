import HTTP
import Logging

/// Draws every error, whoever found it: as a page for a browser, as problem details for the API.
struct ErrorPages: Sendable {
  let services: Services
  let logger: Logger

  /// The answer to a request that a route, or the guard before it, has thrown at.
  func response(_ error: any Error, _ request: Request, _ visit: Visit?) -> Response {
    answer(ProblemDetails(error), request.head, visit)
  }

  /// The answer that says what is wrong.
  func answer(_ problem: ProblemDetails, _ head: RequestHead, _ visit: Visit?) -> Response {
    if let logged = problem.logged { log(problem.code, logged, head) }
    if APIPath.isOne(head.sentPath), let response = try? problem.response() { return response }
    let page = page(problem, visit)
    return problem.allow.map { page.withHeader("Allow", $0) } ?? page
  }

  /// A page with a heading and a sentence, in the layout where that can be drawn.
  private func page(_ problem: ProblemDetails, _ visit: Visit?) -> Response {
    let model: PageModel = [
      "header": Part.header(problem.title), "text": problem.sentence, "status": String(problem.status),
      "code": problem.code,
      "back": problem.back.map { Part.link($0.label, $0.href) } ?? Part.link("Go to the start", "/"),
    ]
    do {
      return .html(try services.renderer.render("errors/error", services.framed(model, visit)), status: problem.status)
    } catch {
      log("ERROR_PAGE", "\(error)", nil)
      return .text(problem.sentence + "\n", status: problem.status)
    }
  }

  private func log(_ code: String, _ text: String, _ head: RequestHead?) {
    logger.error(
      "request failed",
      metadata: [
        "code": "\(code)", "what": "\(text)", "method": "\(head?.method.description ?? "-")",
        "path": "\(head?.loggedPath ?? "-")",
      ])
  }
}
