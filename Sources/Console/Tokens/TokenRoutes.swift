import Foundation
import HTTP
import Rotation
import Store

extension ConsoleRouter {
  /// The tokens of the API: list, make, end. And the page that draws its description.
  mutating func addTokenRoutes() {
    on(.get, "/api", for: .viewer) { _, _, visit in try APIPage.response(visit) }
    on(.get, "/tokens", for: .signedIn) { _, _, visit in
      try TokenPages.list(try await TokenDesk.visible(visit), visit)
    }
    on(.get, "/tokens/new", for: .signedIn) { _, _, visit in try TokenPages.form(TokenForm(), [], visit) }
    on(.post, "/tokens/new", for: .signedIn) { request, _, visit in
      let form = TokenForm(request.form)
      // A token opens what the password opens, so whoever finds a browser open must not get one.
      if let refusal = try await PresentPassword.refusal(request, visit) {
        let problem = (field: PresentPassword.field, sentence: refusal.sentence)
        return refusal.response(try TokenPages.form(form, [problem], visit, status: refusal.status))
      }
      do {
        let made = try await TokenDesk.make(name: form.name, role: form.role, days: form.days, visit)
        return try TokenPages.made(made.token, made.record, visit)
      } catch let refusal as InputRefusal {
        return try TokenPages.form(form, refusal.fields, visit)
      }
    }
    on(.post, "/tokens/:id/end", for: .signedIn) { _, path, visit in
      let token = try await TokenDesk.remove(try TokenRecord.ID(path, "token"), visit)
      return visit.redirect(to: "/tokens", notice: "The token “\(token.name)” was ended. It opens nothing any more.")
    }
  }
}

/// The form of a token as it was filled in.
struct TokenForm {
  var name = ""
  var role = Role.viewer.rawValue
  var days = "90"

  init() {}

  init(_ form: Form) {
    name = form["name"] ?? ""
    role = form["role"] ?? ""
    days = (form["days"] ?? "").trimmingCharacters(in: .whitespaces)
  }
}
