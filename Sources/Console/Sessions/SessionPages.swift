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

  /// Asks for the code of the second factor, once the password was right.
  static func code(_ visit: Visit, returnTo: String?, banner: PageModel?, status: Int) throws -> Response {
    var form: PageModel = [
      "path": "/sign-in/code",
      "fields": [
        FieldPart.input(
          "code", "Code", hint: "The six digits that your app shows now, or one of your recovery codes.",
          width: "medium"
        ).attributes(["autocomplete": "one-time-code", "maxlength": "40"]).required.fields
      ],
      "buttons": Part.buttons("Sign in", cancel: "/sign-in"),
    ]
    if let returnTo { form["hidden"] = [["name": "return", "value": returnTo] as PageModel] }
    var model: PageModel = [
      "header": Part.header("Second factor", lead: "Your password was right. Now give a code."), "form": form,
    ]
    model["banner"] = banner
    return try visit.page("sessions/form", model, status: status)
  }

  /// The form for a new password of the visitor.
  static func passwordForm(_ problems: [Problem]) -> PageModel {
    [
      "path": "/account",
      "fields": [
        PresentPassword.input(sentence(PresentPassword.field, problems)),
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
  }

  /// A page that is a form and little else.
  ///
  /// - Parameter status: of the answer where there are problems.
  static func page(
    _ visit: Visit, _ header: PageModel, _ path: String, _ fields: [FieldPart], _ buttons: PageModel,
    _ problems: [Problem], _ status: Int
  ) throws -> Response {
    var model: PageModel = [
      "header": header,
      "form": ["path": path, "fields": fields.map(\.fields), "buttons": buttons] as PageModel,
    ]
    if !problems.isEmpty { model["banner"] = Part.errors(problems) }
    return try visit.page("form", model, status: problems.isEmpty ? 200 : status)
  }

  static func sentence(_ field: String, _ problems: [Problem]) -> String? {
    problems.first { $0.field == field }?.sentence
  }
}
