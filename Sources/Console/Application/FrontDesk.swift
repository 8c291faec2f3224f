import HTTP
import Logging

/// Where every request arrives: what is at hand first, then the guard, then the route, and the headers that nothing leaves
/// without.
struct FrontDesk: Sendable {
  let services: Services
  let router: ConsoleRouter
  let logger: Logger

  /// The answer that is at hand already: a file, or a page that was drawn before. Waits for nothing.
  func answerAtHand(_ head: RequestHead) -> Response? {
    if let file = services.assets.response(for: head) { return SecurityHeaders.added(to: file, isPage: false) }
    return services.keptPages.occasion(head).flatMap(services.keptPages.page)
  }

  /// The answer to what ``answerAtHand(_:)`` has none for.
  func answer(_ request: Request) async -> Response {
    // First, so that a page that is read from the store while it changes is never taken for that of after the change.
    let occasion = services.keptPages.occasion(request.head)
    let guardian = AccessGuard(services: services)
    var visit: Visit?
    var response: Response
    do {
      let (identified, cookies) = try await guardian.identify(request)
      var found = identified
      found.clockBanner = await clockBanner(for: found)
      if found.visitor != nil { found.differing = (try? await services.store.differingCount()) ?? 0 }
      visit = found
      response = try await routed(request, found, cookies, guardian, occasion)
    } catch {
      response = errorPages.response(error, request, visit)
    }
    // Also where a program was refused, above all because it sends too much.
    if let visit, let left = services.requestRate.fields(visit) { response.headers += left }
    return SecurityHeaders.added(to: response, isPage: true)
  }

  /// The answer of the request's route, once the guard has let the visitor through to it.
  private func routed(
    _ request: Request, _ visit: Visit, _ cookies: [String], _ guardian: AccessGuard, _ occasion: KeptPages.Occasion?
  ) async throws -> Response {
    try services.requestRate.take(visit)
    let match: ConsoleRouter.Match?
    do {
      match = try router.match(request.method, request.path)
    } catch {
      // Nobody learns from outside which methods an address takes, but for those that answer anybody.
      if visit.visitor == nil, !isOpen(request.path) { return try AccessGuard.toSignIn(request, visit) }
      throw error
    }
    try await recordRefusal(request, visit, match)
    if let answer = try guardian.admit(request, visit, to: match?.access) { return answer }
    try guardian.checkForm(request, visit)
    guard let match else {
      throw PageError(
        404,
        "There is nothing at this address. "
          + (APIPath.isOne(request.path)
            ? "\(APIPath.root)/openapi.json says what there is." : "Go on from the navigation."))
    }
    var visit = visit
    visit.access = match.access
    let response = SecurityHeaders.added(to: try await match.answer(request, visit), isPage: true)
    services.keptPages.keep(response, for: occasion, pattern: match.pattern, visit)
    return cookies.reduce(response) { $0.withHeader("Set-Cookie", $1) }
  }

  /// Whether a program needs no token at an address.
  private func isOpen(_ path: String) -> Bool {
    APIPath.isOne(path) && (try? router.match(.get, path))?.access.permits(nil) == true
  }

  /// Records what a visitor's role does not allow, at most once a minute: whoever tries again and again is counted. The
  /// pattern and not the path, which may hold a token.
  private func recordRefusal(_ request: Request, _ visit: Visit, _ match: ConsoleRouter.Match?) async throws {
    guard let visitor = visit.visitor, !visitor.needsSecondFactor, let match,
      !match.access.permits(visitor.role),
      let attempts = services.refusals.count(from: "user \(visitor.user)", at: services.clock())
    else { return }
    try await visit.audit(
      .accessRefused, on: "\(request.method) \(match.pattern)",
      ["role": visitor.role.rawValue, "attempts": String(attempts)])
  }

  /// Only for who is signed in. That it cannot be told must keep nobody from a page.
  private func clockBanner(for visit: Visit) async -> PageModel? {
    guard let visitor = visit.visitor, !visitor.needsSecondFactor else { return nil }
    do {
      return try await services.clockDesk.check().banner
    } catch {
      logger.error("clock not checked", metadata: ["reason": "\(error)"])
      return nil
    }
  }

  /// The answer to what the server itself refuses, before anybody was identified. It must not block, so the visitor is
  /// known only if a page was drawn for the same session lately, and only to draw the page.
  func problemPage(_ problem: RequestProblem, _ head: RequestHead) -> Response {
    let visit = SessionCookie.token(head.cookies, SessionCookie.name).flatMap { token in
      services.knownVisitors.visitor(token: token).map { visitor in
        Visit(
          services: services, visitor: visitor, csrfToken: FormToken.derived(from: token), notice: nil, path: head.path,
          address: head.remoteAddress)
      }
    }
    var response: Response?
    if problem.status == 413, let visit, isPermitted(head, visit) {
      response = try? UploadForms.refused(problem, head, visit)
    }
    return SecurityHeaders.added(
      to: response ?? errorPages.answer(ProblemDetails(problem), head, visit), isPage: true)
  }

  /// The same where no page fits: a program gets its problem details all the same.
  func briefProblem(_ problem: RequestProblem, _ head: RequestHead) -> Response {
    guard APIPath.isOne(head.sentPath), let response = try? ProblemDetails(problem).response() else {
      return problem.plainResponse
    }
    return response.withHeader("X-Content-Type-Options", "nosniff")
  }

  private func isPermitted(_ head: RequestHead, _ visit: Visit) -> Bool {
    guard visit.visitor?.needsSecondFactor != true, let match = try? router.match(head.method, head.path) else {
      return false
    }
    return match.access.permits(visit.visitor?.role)
  }

  private var errorPages: ErrorPages { ErrorPages(services: services, logger: logger) }
}
