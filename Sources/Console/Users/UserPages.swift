import Foundation
import HTTP
import PKI
import Rotation
import Store

/// The pages of the users.
enum UserPages {
  static let crumbs = [(label: "Users", href: "/users")]

  static func list(
    _ users: [UserDesk.Standing], _ visit: Visit
  ) throws -> Response {
    let own = try visit.signedIn().user
    return try visit.page(
      "users/list",
      [
        "header": Part.header(
          "Users", lead: "Who may sign in to this console, and what each of them may do.",
          action: (label: "Add user", href: "/users/new")),
        "table": Part.table(
          "Users", columns: ["Name", "Role", "Since", "Last sign-in", "Second factor", "State"],
          rows: users.map { row($0.user, link: $0.link, hasFactor: $0.hasSecondFactor, isOwn: $0.user.id == own) }),
        "roles": Part.definitions(Role.allCases.map { Part.row($0.label, $0.explanation) }),
      ])
  }

  private static func row(
    _ user: UserRecord, link: Date?, hasFactor: Bool, isOwn: Bool
  ) -> (cells: [PageModel], menu: PageModel?) {
    let home = "/users/\(user.id)"
    let name = VisibleText.of(user.name)
    var renewal = isOwn ? [] : [("New password link", "\(home)/link")]
    if hasFactor, !isOwn { renewal.append(("Take the second factor away", "\(home)/second-factor")) }
    return (
      cells: [
        Part.cell(name, href: home, note: isOwn ? "You" : nil, isHeading: true), Part.cell(user.role.label),
        Part.cell(Display.day(user.addedAt), isWhole: true), Part.cell(user.signedInAt.map(Display.moment) ?? "Never"),
        Part.cell(status: hasFactor ? Part.status("ok", "On") : Part.status("off", "Off")), state(user, link),
      ],
      menu: Part.menu(name, links: [("Change", home)] + renewal + [("Remove", "\(home)/remove")])
    )
  }

  private static func state(_ user: UserRecord, _ link: Date?) -> PageModel {
    if user.hasPassword { return Part.cell(status: Part.status("ok", "Can sign in")) }
    guard let link else {
      return Part.cell(status: Part.status("warn", "Link expired"), note: "Make a new password link")
    }
    return Part.cell(status: Part.status("wait", "Has a link"), note: "good until \(Display.moment(link))")
  }

  static func add(_ visit: Visit, _ form: UserForm, _ problems: [SessionPages.Problem] = []) throws -> Response {
    try page(
      Part.header(
        "Add user", breadcrumbs: crumbs,
        lead: "You get a link, shown once and good for 24 hours, with which the user chooses a password."),
      path: "/users/new", button: "Add user", form, problems, visit)
  }

  static func edit(
    _ user: UserRecord, _ form: UserForm, _ problems: [SessionPages.Problem], _ visit: Visit
  ) throws -> Response {
    try page(
      Part.header(
        "Change “\(VisibleText.of(user.name))”", breadcrumbs: crumbs,
        lead: "Another role holds from the user's next click on."),
      path: "/users/\(user.id)", button: "Save", form, problems, visit)
  }

  private static func page(
    _ header: PageModel, path: String, button: String, _ form: UserForm, _ problems: [SessionPages.Problem],
    _ visit: Visit
  ) throws -> Response {
    func sentence(_ field: String) -> String? { problems.first { $0.field == field }?.sentence }
    var model: PageModel = [
      "header": header,
      "form": [
        "path": path,
        "fields": [
          FieldPart.input("name", "Name", value: VisibleText.of(form.name, limit: 200), error: sentence("name"))
            .attributes(["maxlength": "64", "autocomplete": "off"]).required,
          FieldPart.radios(
            "role", "Role", choices: Role.allCases.map { ($0.rawValue, $0.label, $0.explanation) }, chosen: form.role,
            error: sentence("role")),
        ].map(\.fields),
        "buttons": Part.buttons(button, cancel: "/users"),
      ] as PageModel,
    ]
    if !problems.isEmpty { model["banner"] = Part.errors(problems) }
    return try visit.page("form", model, status: problems.isEmpty ? 200 : 422)
  }

  static func remove(_ user: UserRecord, _ reason: ReasonField, _ visit: Visit) throws -> Response {
    let name = VisibleText.of(user.name)
    var model: PageModel = [
      "header": Part.header("Remove “\(name)”?", breadcrumbs: crumbs),
      "text": [
        "\(name) is signed out everywhere at once and cannot sign in any more. What \(name) did stays in the history."
      ],
      "form": [
        "path": "/users/\(user.id)/remove", "reason": reason.field,
        "buttons": Part.buttons("Remove", isDanger: true, cancel: "/users"),
      ] as PageModel,
    ]
    model["banner"] = reason.banner
    return try visit.page("confirm", model, status: reason.status)
  }

  static func kept(_ user: UserRecord, _ reason: String, _ visit: Visit) throws -> Response {
    try visit.page(
      "kept",
      [
        "header": Part.header("“\(VisibleText.of(user.name))” was left as it is", breadcrumbs: crumbs),
        "banner": Part.banner("warn", "The console would be left without somebody it needs", text: reason),
        "facts": Part.definitions([Part.row("Role", user.role.label)]),
        "back": Part.link("Back to the users", "/users"),
      ], status: 409)
  }

  static func askForLink(_ user: UserRecord, _ visit: Visit) throws -> Response {
    let name = VisibleText.of(user.name)
    let header = Part.header("New password link for “\(name)”?", breadcrumbs: crumbs)
    guard user.id != (try visit.signedIn().user) else {
      return try visit.page(
        "kept",
        [
          "header": header,
          "banner": Part.banner(
            "note", "This is you", text: "You are signed in, so change your own password on the page Account."),
          "facts": Part.definitions([Part.row("Name", name)]), "back": Part.link("Open Account", "/account"),
        ], status: 409)
    }
    return try visit.page(
      "confirm",
      [
        "header": header,
        "banner": Part.banner(
          "warn", "The present password stops working at once",
          text: "\(name) is signed out everywhere, and needs the link to choose another password."),
        "text": [
          "The link is shown once and is good for 24 hours. Give it to \(name) in a way that nobody else reads."
        ],
        "form": [
          "path": "/users/\(user.id)/link", "buttons": Part.buttons("Make the link", cancel: "/users"),
        ] as PageModel,
      ])
  }

  /// The only page that shows the link; the answer to the form itself, so that it is in no history and no cookie.
  static func link(
    of user: UserRecord, _ link: UserDesk.Link, address: String, isNew: Bool, _ visit: Visit
  ) throws -> Response {
    let name = VisibleText.of(user.name)
    return try visit.page(
      "users/link",
      [
        "header": Part.header(isNew ? "“\(name)” was added" : "A new link for “\(name)”", breadcrumbs: crumbs),
        "banner": Part.banner(
          "warn", "This link is shown only now",
          text: "Give it to \(name) in a way that nobody else reads: whoever opens it chooses the password."),
        "address": address,
        "facts": Part.definitions([
          Part.row("Role", user.role.label),
          Part.row(
            "Good until", Display.moment(link.expiresAt),
            note: "or until it is used, or a newer one is made"),
        ]),
        "back": Part.link("Back to the users", "/users"),
      ])
  }
}

extension Role {
  /// What the role may do, in a sentence.
  var explanation: String {
    switch self {
    case .viewer: "Sees everything but secrets, users and the audit log, and changes nothing."
    case .operator: "Also plans, starts and decides on updates, tests connections, and reads the audit log."
    case .administrator: "Also imports root certificates, and changes components, users and settings."
    }
  }
}
