import HTTP

/// The pages of signing in, setting up and changing the password.
enum SessionPages {
  typealias Problem = (field: String, sentence: String)

  static func signIn(_ visit: Visit, name: String, returnTo: String?, banner: PageModel?, status: Int) throws
    -> Response
  {
    var form: PageModel = [
      "path": "/sign-in",
      "fields": [
        FieldPart.input("name", "Name", value: name).attributes(["autocomplete": "username"]).required,
        FieldPart.input("password", "Password", type: "password")
          .attributes(["autocomplete": "current-password"]).required,
      ].map(\.fields),
      "buttons": Part.buttons("Sign in"),
    ]
    if let returnTo { form["hidden"] = [["name": "return", "value": returnTo] as PageModel] }
    var model: PageModel = ["header": Part.header("Sign in"), "form": form]
    model["banner"] = banner
    return try visit.page("sessions/form", model, status: status)
  }

  static func setup(_ visit: Visit, token: String, name: String, problems: [Problem]) throws -> Response {
    let form: PageModel = [
      "path": "/setup/\(token)",
      "fields": [
        FieldPart.input("name", "Name", value: name, error: sentence("name", problems))
          .attributes(["autocomplete": "username", "maxlength": "64"]).required,
        FieldPart.input(
          "password", "Password", type: "password",
          hint: "At least \(Credentials.shortestPassword) characters; a sentence is easy to keep in mind.",
          error: sentence("password", problems)
        ).attributes(["autocomplete": "new-password"]).required,
        FieldPart.input(
          "password_again", "Password, once more", type: "password", error: sentence("password_again", problems)
        ).attributes(["autocomplete": "new-password"]).required,
      ].map(\.fields),
      "buttons": Part.buttons("Create the administrator"),
    ]
    var model: PageModel = [
      "header": Part.header(
        "Set up Reroot", lead: "Choose the name and the password of the first administrator. This link works once."),
      "form": form,
    ]
    if !problems.isEmpty { model["banner"] = Part.errors(problems) }
    return try visit.page("sessions/form", model, status: problems.isEmpty ? 200 : 422)
  }

  static func account(_ visit: Visit, problems: [Problem], status: Int? = nil) throws -> Response {
    let form: PageModel = [
      "path": "/account",
      "fields": [
        FieldPart.input("current", "Present password", type: "password", error: sentence("current", problems))
          .attributes(["autocomplete": "current-password"]).required,
        FieldPart.input(
          "password", "New password", type: "password",
          hint: "At least \(Credentials.shortestPassword) characters.", error: sentence("password", problems)
        ).attributes(["autocomplete": "new-password"]).required,
        FieldPart.input(
          "password_again", "New password, once more", type: "password", error: sentence("password_again", problems)
        ).attributes(["autocomplete": "new-password"]).required,
      ].map(\.fields),
      "buttons": Part.buttons("Change password"),
    ]
    var model: PageModel = [
      "header": Part.header(
        "Account",
        lead: "You are signed in as \(try visit.signedIn().name). Changing the password signs out every other "
          + "browser."),
      "form": form,
    ]
    if !problems.isEmpty { model["banner"] = Part.errors(problems) }
    return try visit.page("sessions/form", model, status: status ?? (problems.isEmpty ? 200 : 422))
  }

  private static func sentence(_ field: String, _ problems: [Problem]) -> String? {
    problems.first { $0.field == field }?.sentence
  }
}
