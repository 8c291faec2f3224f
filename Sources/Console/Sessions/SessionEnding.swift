import HTTP
import PKI
import Store

extension ConsoleRouter {
  /// Ending the visitor's own sessions in other browsers.
  mutating func addSessionEndingRoutes() {
    on(.get, "/account/sessions/others/end", for: .signedIn) { _, _, visit in try SessionEnding.ask(.others, visit) }
    on(.post, "/account/sessions/others/end", for: .signedIn) { request, _, visit in
      try await SessionEnding.end(.others, request, visit)
    }
    on(.get, "/account/sessions/:id/end", for: .signedIn) { _, path, visit in
      let session = try await SessionEnding.session(path.integer("id"), visit)
      // This one needs no question: it ends with “Sign out”.
      if session.id == (try visit.signedIn().session().id) { return visit.redirect(to: "/account") }
      return try SessionEnding.ask(.one(session), visit)
    }
    on(.post, "/account/sessions/:id/end", for: .signedIn) { request, path, visit in
      let session = try await SessionEnding.session(path.integer("id"), visit)
      if session.id == (try visit.signedIn().session().id) { return try await SessionRoutes.signOut(visit) }
      return try await SessionEnding.end(.one(session), request, visit)
    }
  }
}

/// Ends the visitor's sessions in other browsers, once the password was given again (ASVS 5.0, 7.5.2: “having authenticated
/// again with at least one factor”): whoever finds a browser open must not be able to send its owner away elsewhere.
enum SessionEnding {
  /// Which sessions are to end.
  enum Which {
    case one(SessionRecord)
    case others
  }

  /// A session of the visitor's own; 404 for anybody else's.
  static func session(_ number: Int?, _ visit: Visit) async throws -> SessionRecord {
    let own = try await visit.services.store.sessions(of: try visit.signedIn().user)
    guard let session = own.first(where: { number.map(Int64.init) == $0.id.rawValue }) else {
      throw PageError(
        404, "There is no such session of yours. It may have ended; go back to the list.", back: ("Account", "/account")
      )
    }
    return session
  }

  /// Asks for the password.
  static func ask(_ which: Which, _ visit: Visit, problem: String? = nil, status: Int = 422) throws -> Response {
    let (title, lead, button) = words(which)
    return try SessionPages.page(
      visit, Part.header(title, breadcrumbs: [("Account", "/account")], lead: lead), path(which),
      [PresentPassword.input(problem)], Part.buttons(button, isDanger: true, cancel: "/account"),
      problem.map { [(PresentPassword.field, $0)] } ?? [], status)
  }

  /// Ends them, with their streams, where the form holds the password.
  static func end(_ which: Which, _ request: Request, _ visit: Visit) async throws -> Response {
    if let refusal = try await PresentPassword.refusal(request, visit) {
      return refusal.response(try ask(which, visit, problem: refusal.sentence, status: refusal.status))
    }
    let name = try visit.signedIn().name
    switch which {
    case .one(let session):
      try await visit.audit(.sessionEnded, on: name, ["session": "\(session.id)"]) {
        try await visit.services.store.endSession(session.id)
      }
      visit.services.sessionStreams.end(session: session.id)
      return visit.redirect(to: "/account", notice: "The session was ended.")
    case .others:
      try await visit.audit(.sessionEnded, on: name, ["session": "all others"]) {
        try await SessionRoutes.endOtherSessions(visit)
      }
      return visit.redirect(to: "/account", notice: "Every other session was ended.")
    }
  }

  private static func path(_ which: Which) -> String {
    switch which {
    case .one(let session): "/account/sessions/\(session.id)/end"
    case .others: "/account/sessions/others/end"
    }
  }

  private static func words(_ which: Which) -> (title: String, lead: String, button: String) {
    switch which {
    case .one(let session):
      let browser = session.browser.isEmpty ? "Unknown browser" : session.browser
      let place = session.address.isEmpty ? "" : ", from \(session.address)"
      return (
        "End this session?", "\(browser)\(place), since \(Display.moment(session.beganAt)). It must sign in again.",
        "End this session"
      )
    case .others: return ("End all other sessions?", "Every browser but this one must sign in again.", "End all others")
    }
  }
}
