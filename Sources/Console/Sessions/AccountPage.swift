import Foundation
import HTTP
import PKI
import Store

/// The page of the visitor's own account: second factor, sessions, password.
struct AccountPage {
  let name: String
  let session: SessionRecord.ID
  let factor: SecondFactorRecord?
  let sessions: [SessionRecord]

  /// Reads what the page shows.
  static func of(_ visit: Visit) async throws -> AccountPage {
    let visitor = try visit.signedIn()
    let (store, user) = (visit.services.store, visitor.user)
    return AccountPage(
      name: visitor.name, session: try visitor.session().id, factor: try await store.secondFactor(user),
      sessions: try await store.sessions(of: user))
  }

  func response(_ visit: Visit, problems: [SessionPages.Problem] = [], status: Int? = nil) throws -> Response {
    var model: PageModel = [
      "header": Part.header("Account", lead: "You are signed in as \(VisibleText.of(name))."),
      "secondFactor": secondFactor, "sessions": sessions.map(row), "hasOthers": sessions.count > 1,
      "form": SessionPages.passwordForm(problems),
    ]
    if !problems.isEmpty { model["banner"] = Part.errors(problems) }
    return try visit.page("sessions/account", model, status: status ?? (problems.isEmpty ? 200 : 422))
  }

  private var secondFactor: PageModel {
    guard let factor else {
      return [
        "facts": Part.definitions([
          Part.row(
            "State", status: Part.status("off", "Off"),
            note: "With it, signing in takes a code of an app on your phone besides the password.")
        ]),
        "links": [Part.link("Set up…", "/account/second-factor")],
      ]
    }
    let left = factor.recoveryCodesLeft
    return [
      "facts": Part.definitions([
        Part.row("State", status: Part.status("ok", "On"), note: "Since \(Display.moment(factor.since))."),
        Part.row(
          "Recovery codes", "\(left) of \(Store.recoveryCodeCount) left",
          note: left == 0
            ? "Make new ones: without them a lost phone locks you out."
            : left < 3 ? "Make new ones before they are used up." : nil),
      ]),
      "links": [
        Part.link("New recovery codes…", "/account/recovery-codes"),
        Part.link("Switch off…", "/account/second-factor/removal"),
      ],
    ]
  }

  private func row(_ one: SessionRecord) -> PageModel {
    let isThis = one.id == session
    return [
      "browserName": one.browser.isEmpty ? "Unknown browser" : one.browser,
      "address": one.address.isEmpty ? "not known" : one.address,
      "began": Display.time(one.beganAt), "used": Display.time(one.seenAt),
      "isThis": isThis, "endPath": "/account/sessions/\(one.id.rawValue)/end",
    ]
  }
}
