import ArgumentParser
import Console
import Foundation
import PKI
import Store

/// `reroot users list`.
struct UsersList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the users of a running console.")

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await server.list(
      "/users", ifEmpty: "There is no user.",
      [
        ("ID", { $0.number("id") }), ("NAME", { $0.words("name") }), ("ROLE", { $0.words("role") }),
        ("SIGNED IN", { $0["signedInAt"]?.moment ?? "never" }),
        ("SECOND FACTOR", { $0["hasSecondFactor"]?.flag == true ? "yes" : "no" }),
        ("LINK UNTIL", { $0["linkExpiresAt"]?.moment ?? "" }),
      ])
  }
}

/// `reroot users change NAME`.
struct UsersChange: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "change", abstract: "Change a user's role or name.")

  @OptionGroup var user: UserArgument

  @Option(help: "viewer, operator or administrator.")
  var role: Role?

  @Option(help: "Another name to sign in with.")
  var rename: String?

  @OptionGroup var server: ServerOptions

  func validate() throws {
    guard role != nil || rename != nil else { throw ValidationError("Give --role or --rename.") }
  }

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      let path = "/users/\(try UserChoice.find(user.name, client).number("id"))"
      // What is not given stays as it is there: so nobody may have changed it meanwhile.
      let (found, tag) = try client.tagged(.get(path))
      var request = APIRequest(method: "PUT", path: path)
      request.ifMatch = tag
      request.body = .json([
        "name": .string(rename ?? found.words("name")), "role": .string(role?.rawValue ?? found.words("role")),
      ])
      let changed = try client.json(request)
      try server.json
        ? Output.json(changed) : Output.line("\(changed.words("name")) is \(changed.words("role")) now.")
    }
  }
}

/// `reroot users link NAME`.
struct UsersLink: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link", abstract: "Make a link with which a user chooses a new password.",
    discussion: "It is printed once, alone on standard output; it works once. The former password stops working.")

  @OptionGroup var user: UserArgument

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      let id = try UserChoice.find(user.name, client).number("id")
      try UserChoice.show(
        try client.json(.post("/users/\(id)/password-links", isRepeatable: true)), json: server.json)
    }
  }
}

/// `reroot users remove NAME --reason WHY`.
struct UsersRemove: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove a user.")

  @OptionGroup var user: UserArgument

  @OptionGroup var why: ReasonOption

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      let found = try UserChoice.find(user.name, client)
      try client.json(.delete("/users/\(found.number("id"))", reason: why.reason))
      try Output.done("Removed \(found.words("name")).", number: found["id"]?.whole, json: server.json)
    }
  }
}

/// `reroot users remove-second-factor NAME`.
struct UsersRemoveSecondFactor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove-second-factor", abstract: "Take the second factor away from a user who has lost it.")

  @OptionGroup var user: UserArgument

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      let found = try UserChoice.find(user.name, client)
      try client.json(.delete("/users/\(found.number("id"))/second-factor"))
      try Output.done(
        "\(found.words("name")) has no second factor any more.", number: found["id"]?.whole, json: server.json)
    }
  }
}

/// Which user a command is about.
struct UserArgument: ParsableArguments {
  @Argument(help: "The user: the name to sign in with.")
  var name: String
}

enum UserChoice {
  /// - Throws: ``CommandFailure`` where there is none.
  static func find(_ name: String, _ client: APIClient) throws -> JSONValue {
    guard let found = try client.all("/users").first(where: { $0.words("name") == name }) else {
      throw CommandFailure(.refused, "NOT_FOUND", "There is no user “\(name)”. See `reroot users list`.")
    }
    return found
  }

  /// Shows a link, alone on standard output so that a script can pass it on.
  static func show(_ answer: JSONValue, json: Bool) throws {
    if json { return try Output.json(answer) }
    let user = answer["user"] ?? .null
    guard let link = answer["link"], let address = link["address"]?.text else {
      return Output.error("The link was shown before. Make another: reroot users link \(user.words("name"))")
    }
    Output.error(
      "\(user.words("name")) (\(user.words("role"))) chooses a password, once, until \(link["expiresAt"]?.moment ?? ""), at"
    )
    Output.line(address)
  }
}
