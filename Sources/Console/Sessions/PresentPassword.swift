import HTTP
import PKI

/// Proof that whoever sits before an open session is the one who began it, before anything changes about how it is protected.
enum PresentPassword {
  /// The field of the form.
  static let field = "current"

  /// Why the password of a form was not taken.
  struct Refusal {
    /// For the field.
    let sentence: String
    /// The status of the answer.
    var status = 422
    /// After so many seconds it may be tried again.
    var seconds: Int?

    /// The page with the header that a delay needs.
    func response(_ page: Response) -> Response {
      seconds.map { page.withHeader("Retry-After", String($0)) } ?? page
    }

    /// The refusal of an attempt that was not looked at, or was wrong; nil for one that was right.
    init?<Right>(_ answer: SignInDesk.Answer<Right>, wrong: String) {
      switch answer {
      case .right: return nil
      case .wrong: sentence = wrong
      case .later(let seconds):
        sentence = "Too many failed attempts. Try again in \(Display.count(seconds, "second"))."
        (status, self.seconds) = (429, seconds)
      case .busy:
        sentence = "Too many people are signing in at this moment. Try again in a few seconds."
        (status, seconds) = (503, 5)
      }
    }
  }

  /// The field for it.
  static func input(_ problem: String?) -> FieldPart {
    FieldPart.input(field, "Present password", type: "password", error: problem)
      .attributes(["autocomplete": "current-password"]).required
  }

  /// Records an attempt that was wrong, or was not looked at.
  static func record(_ refusal: Refusal, _ visit: Visit) async throws {
    if refusal.seconds != nil { return try await SignInRoutes.recordRefusal(visit) }
    try await visit.audit(.signInFailed, ["form": visit.path])
  }

  /// Nil when the form holds the visitor's present password.
  static func refusal(_ request: Request, _ visit: Visit) async throws -> Refusal? {
    let visitor = try visit.signedIn()
    let caller = SignInCaller(request)
    let desk = visit.services.signInDesk
    let answer = try await desk.check(
      name: visitor.name, password: Credentials.password(request.form[field]), from: caller)
    guard let refusal = Refusal(answer, wrong: "This is not your present password.") else {
      try await desk.completed(name: visitor.name, caller)
      return nil
    }
    try await record(refusal, visit)
    return refusal
  }
}
