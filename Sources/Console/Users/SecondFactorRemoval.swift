import HTTP
import PKI
import Store

extension ConsoleRouter {
  /// Taking a second factor away from a user who has lost both the app and the recovery codes.
  mutating func addSecondFactorRemovalRoutes() {
    on(.get, "/users/:id/second-factor", for: .administrator(to: "take a second factor away")) { _, path, visit in
      try await SecondFactorRemoval.ask(try await UserRoutes.user(path, visit), visit)
    }
    on(.post, "/users/:id/second-factor", for: .administrator(to: "take a second factor away")) { _, path, visit in
      try await SecondFactorRemoval.remove(try await UserRoutes.user(path, visit), visit)
    }
  }
}

/// An administrator takes another user's second factor away. One's own takes a code, on the page Account.
enum SecondFactorRemoval {
  static func ask(_ user: UserRecord, _ visit: Visit) async throws -> Response {
    guard let factor = try await visit.services.store.secondFactor(user.id) else {
      throw PageError.notFound("second factor")
    }
    let name = VisibleText.of(user.name)
    let header = Part.header("Take the second factor of “\(name)” away?", breadcrumbs: UserPages.crumbs)
    if let refusal = try refusalToOwner(user, header, visit) { return refusal }
    return try visit.page(
      "confirm",
      [
        "header": header,
        "banner": Part.banner(
          "warn", "The password alone lets in then",
          text: "Be sure that it is \(name) who asks you: somebody else with the password might."),
        "text": ["\(name) is signed out everywhere, and the recovery codes are good no more."],
        "facts": Part.definitions([Part.row("On since", Display.moment(factor.since))]),
        "form": [
          "path": "/users/\(user.id)/second-factor",
          "buttons": Part.buttons("Take it away", isDanger: true, cancel: "/users"),
        ] as PageModel,
      ])
  }

  static func remove(_ user: UserRecord, _ visit: Visit) async throws -> Response {
    guard try await visit.services.store.secondFactor(user.id) != nil else { throw PageError.notFound("second factor") }
    let header = Part.header("The second factor was left as it is", breadcrumbs: UserPages.crumbs)
    if let refusal = try refusalToOwner(user, header, visit) { return refusal }
    try await UserDesk.removeSecondFactor(user, visit)
    return visit.redirect(to: "/users", notice: "The second factor of “\(user.name)” was taken away.")
  }

  /// A session that was left open must not be enough to get rid of one's own second factor.
  private static func refusalToOwner(_ user: UserRecord, _ header: PageModel, _ visit: Visit) throws -> Response? {
    guard user.id == (try visit.signedIn().user) else { return nil }
    return try visit.page(
      "kept",
      [
        "header": header,
        "banner": Part.banner(
          "note", "This is you", text: "Switch your own second factor off on the page Account, with a code."),
        "facts": Part.definitions([Part.row("Name", VisibleText.of(user.name))]),
        "back": Part.link("Open Account", "/account"),
      ], status: 409)
  }
}
