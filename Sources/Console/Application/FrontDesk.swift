import HTTP
import Logging

/// Where every request arrives: files first, then the guard, then the route, and the headers that nothing leaves without.
struct FrontDesk: Sendable {
  let services: Services
  let router: Router<Visit>
  let logger: Logger

  func answer(_ request: Request) async -> Response {
    if let file = services.assets.response(for: request) {
      return SecurityHeaders.added(to: file, isPage: false)
    }
    let guardian = AccessGuard(services: services)
    var visit: Visit?
    var response: Response
    do {
      switch try await guardian.identify(request) {
      case .answer(let answer): response = answer
      case .goOn(let found, let cookies):
        visit = found
        try guardian.checkForm(request, found)
        response =
          try await router.route(request, found)
          ?? errorPages.page(404, nil, "There is nothing at this address. Go on from the navigation.", found)
        for cookie in cookies { response = response.withHeader("Set-Cookie", cookie) }
      }
    } catch {
      response = errorPages.response(error, request, visit)
    }
    return SecurityHeaders.added(to: response, isPage: true)
  }

  /// The answer to what the server itself refuses, before anybody was identified. It must not block, so the visitor is
  /// known only if a page was drawn for the same session lately, and only to draw the page.
  func problemPage(_ problem: RequestProblem, _ head: RequestHead) -> Response {
    let visit = SessionCookie.token(head.cookies, SessionCookie.name).flatMap { token in
      services.knownVisitors.visitor(token: token).map { visitor in
        Visit(
          services: services, visitor: visitor, csrfToken: FormToken.derived(from: token), notice: nil, path: head.path)
      }
    }
    var response: Response?
    if problem.status == 413, let visit { response = try? UploadForms.refused(problem, head, visit) }
    return SecurityHeaders.added(
      to: response ?? errorPages.page(problem.status, nil, problem.sentence, visit), isPage: true)
  }

  private var errorPages: ErrorPages { ErrorPages(services: services, logger: logger) }
}
