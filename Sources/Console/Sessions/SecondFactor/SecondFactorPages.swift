import HTTP
import PKI
import Store

/// The pages of setting a second factor up and of switching it off.
enum SecondFactorPages {
  /// Where setting one up begins.
  static let path = "/account/second-factor"
  private static let account = [("Account", "/account")]

  static func begin(_ visit: Visit, problem: String?, status: Int = 422) throws -> Response {
    let isRequired = try visit.signedIn().needsSecondFactor
    let header = Part.header(
      "Set up a second factor", breadcrumbs: isRequired ? [] : account,
      lead: (isRequired ? "Everybody needs one here; you see the rest once it is on. " : "")
        + "You need an authenticator app: any that makes six-digit codes by the time (TOTP) will do. From then on "
        + "signing in takes your password and a code of the app.")
    return try SessionPages.page(
      visit, header, path, [PresentPassword.input(problem)],
      Part.buttons("Show the secret", cancel: isRequired ? nil : "/account"),
      problem.map { [(PresentPassword.field, $0)] } ?? [], status)
  }

  static func secret(_ visit: Visit, _ password: OneTimePassword, name: String, problem: String?) throws -> Response {
    let isRequired = try visit.signedIn().needsSecondFactor
    let uri = password.uri(issuer: "Reroot", account: name)
    var model: PageModel = [
      "header": Part.header(
        "Set up a second factor", breadcrumbs: isRequired ? [] : account,
        lead: "The secret is shown on this page only, for a quarter of an hour."),
      "secret": groups(password.text), "uri": uri,
      "form": [
        "path": "/account/second-factor/secret",
        "fields": [
          FieldPart.input("code", "Code", error: problem, width: "short")
            .attributes(["autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": "10"]).required.fields
        ],
        "buttons": Part.buttons("Turn on", cancel: isRequired ? nil : "/account"),
      ] as PageModel,
    ]
    model["qr"] = QRCode(uri).map { ["size": String($0.drawnSize), "path": $0.path] as PageModel }
    if let problem { model["banner"] = Part.errors([("code", problem)]) }
    return try visit.page("sessions/secret", model, status: problem == nil ? 200 : 422)
  }

  static func codes(_ visit: Visit, _ codes: [RecoveryCode], isNew: Bool) throws -> Response {
    let done = isNew ? "The second factor is on. Every other browser is signed out." : "The former codes are void."
    return try visit.page(
      "sessions/recovery-codes",
      [
        "header": Part.header(
          "Recovery codes", breadcrumbs: account,
          lead: "Each of them stands in for a code of the app once, should you lose your phone."),
        "banner": Part.banner(
          "warn", "Keep these codes now: they are not shown again",
          text: done + " Print them, or put them into a password manager."),
        "codes": codes.map(\.text), "done": Part.link("I have kept them", "/account"),
      ])
  }

  static func newCodes(_ visit: Visit, problem: String?, status: Int = 422) throws -> Response {
    let header = Part.header(
      "New recovery codes", breadcrumbs: account,
      lead: "You get \(Store.recoveryCodeCount) new codes, shown once; the former ones are good no more.")
    return try SessionPages.page(
      visit, header, "/account/recovery-codes", [PresentPassword.input(problem)],
      Part.buttons("Make new codes", cancel: "/account"), problem.map { [(PresentPassword.field, $0)] } ?? [], status)
  }

  static func removal(_ visit: Visit, problems: [SessionPages.Problem], status: Int = 422) throws -> Response {
    let header = Part.header(
      "Switch the second factor off", breadcrumbs: account,
      lead: "Signing in then takes the password alone. The recovery codes are good no more.")
    let code = FieldPart.input(
      "code", "Code", hint: "Of the app, or a recovery code.", error: SessionPages.sentence("code", problems),
      width: "medium"
    ).attributes(["autocomplete": "one-time-code", "maxlength": "40"]).required
    return try SessionPages.page(
      visit, header, "/account/second-factor/removal",
      [PresentPassword.input(SessionPages.sentence(PresentPassword.field, problems)), code],
      Part.buttons("Switch off", isDanger: true, cancel: "/account"), problems, status)
  }

  /// In groups of four, as a person types it.
  private static func groups(_ text: String) -> String {
    let characters = Array(text)
    return stride(from: 0, to: characters.count, by: 4).map { String(characters[$0..<min($0 + 4, characters.count)]) }
      .joined(separator: " ")
  }
}
