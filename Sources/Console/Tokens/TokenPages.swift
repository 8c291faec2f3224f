import Foundation
import HTTP
import PKI
import Rotation
import Store

/// The pages of the tokens.
enum TokenPages {
  static let crumbs = [(label: "Tokens", href: "/tokens")]

  static func list(_ tokens: [TokenRecord], _ visit: Visit) throws -> Response {
    let (now, own) = (visit.services.clock(), try visit.signedIn().user)
    var model: PageModel = [
      "section": "/account",
      "header": Part.header(
        "Tokens", breadcrumbs: [(label: "Account", href: "/account")],
        lead: "With a token a program uses the API on your behalf. Each says what it may do, and until when.",
        action: (label: "Make token", href: "/tokens/new"),
        more: [(label: "What the API offers", href: "/api")]),
    ]
    if tokens.isEmpty {
      model["empty"] = Part.empty(
        "No token yet", "Make one for each program, so that one can be ended without the others.",
        action: (label: "Make token", href: "/tokens/new"))
    } else {
      model["hasTokens"] = true
      model["tokens"] = tokens.map { row($0, now, isOwn: $0.user == own) }
    }
    return try visit.page("tokens/list", model)
  }

  private static func row(_ token: TokenRecord, _ now: Date, isOwn: Bool) -> PageModel {
    let hasExpired = token.expiresAt <= now
    var model: PageModel = [
      "name": VisibleText.of(token.name), "role": token.role.label,
      "status": hasExpired ? Part.status("off", "Expired") : Part.status("ok", "Valid"),
      "expires": Display.day(token.expiresAt), "made": Display.day(token.madeAt),
      "used": token.usedAt.map(Display.moment) ?? "Never", "endPath": "/tokens/\(token.id)/end",
    ]
    if !isOwn { model["owner"] = "of \(VisibleText.of(token.userName))" }
    if !token.usedFrom.isEmpty { model["from"] = "from \(token.usedFrom)" }
    if token.role != token.limit { model["limit"] = "made as \(token.limit.label)" }
    return model
  }

  static func form(
    _ form: TokenForm, _ problems: [(field: String, sentence: String)], _ visit: Visit,
    status: Int = 422
  ) throws -> Response {
    let role = try visit.signedIn().role
    func error(_ field: String) -> String? { problems.first { $0.field == field }?.sentence }
    let days = Store.tokenDays
    var model: PageModel = [
      "section": "/account",
      "header": Part.header(
        "Make token", breadcrumbs: [(label: "Account", href: "/account")] + crumbs,
        lead: "It is shown once. Keep it as you keep a password."),
      "form": [
        "path": "/tokens/new",
        "fields": [
          FieldPart.input(
            "name", "Name", value: VisibleText.of(form.name, limit: 200), hint: "What it is for: “nightly check”.",
            error: error("name")
          ).attributes(["maxlength": "64"]).required,
          FieldPart.radios(
            "role", "What it may do",
            choices: Role.allCases.filter { $0 <= role }.map { ($0.rawValue, $0.label, $0.explanation) },
            chosen: form.role, hint: "Never more than you may do yourself.", error: error("role")),
          FieldPart.input(
            "days", "Valid for", type: "number", value: VisibleText.of(form.days, limit: 20),
            hint: "Days, from \(days.lowerBound) to \(days.upperBound).", error: error("days"), width: "short"
          ).attributes(["min": "\(days.lowerBound)", "max": "\(days.upperBound)", "inputmode": "numeric"]).required,
          PresentPassword.input(error(PresentPassword.field)),
        ].map(\.fields),
        "buttons": Part.buttons("Make token", cancel: "/tokens"),
      ] as PageModel,
    ]
    if !problems.isEmpty { model["banner"] = Part.errors(problems) }
    return try visit.page("form", model, status: problems.isEmpty ? 200 : status)
  }

  static func made(_ token: String, _ record: TokenRecord, _ visit: Visit) throws -> Response {
    try visit.page(
      "users/link",
      [
        "section": "/account",
        "header": Part.header(
          "The token “\(VisibleText.of(record.name))”", breadcrumbs: [(label: "Account", href: "/account")] + crumbs),
        "banner": Part.banner(
          "note", "It is shown once",
          text: "Keep it where the program finds it and nobody else. Reroot keeps only its hash."),
        "address": token,
        "facts": Part.definitions([
          Part.row("May do", record.role.label), Part.row("Valid until", Display.moment(record.expiresAt)),
          Part.row("To be sent as", code: "Authorization: Bearer reroot_…"),
        ]),
        "back": Part.link("Tokens", "/tokens"),
      ])
  }
}
