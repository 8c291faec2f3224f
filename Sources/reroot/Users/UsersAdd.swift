import ArgumentParser
import Console
import Foundation
import PKI
import Store

/// `reroot users add NAME --role R`: over the API with a link, in a data folder with a password.
struct UsersAdd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Add a user; with --data also the first administrator.",
    discussion: """
      Of a running console: the link to choose a password with is printed once, alone on standard output; it works once.

      With --data, in a data folder on which no server runs, or in an empty one: the user has a password at once. It is \
      read from --password-file, from standard input where that is no terminal, or asked for. The first user is an \
      administrator; the page that would make one is closed then.
      """)

  @Argument(help: "The name to sign in with.")
  var name: String

  @Option(help: "viewer, operator or administrator.")
  var role: Role

  @Option(
    help: "With --data: a file that holds the password; nobody else may read it. “-” is standard input.",
    completion: .file())
  var passwordFile: String?

  @OptionGroup var place: PlaceOptions

  func validate() throws {
    guard passwordFile == nil || place.data != nil else {
      throw ValidationError(
        "--password-file belongs to --data: of a running console a user chooses the password by a link.")
    }
  }

  func run() async throws {
    try await Complaint.ending {
      guard let store = try place.store() else { return try addOverAPI() }
      let user = try await OfflineUser.add(
        name: name, role: role.rawValue, to: store, by: .commandLine(uid: getuid()), password: password)
      try store.close()
      if place.server.json {
        return try Output.json([
          "id": .integer(user.id.rawValue), "name": .string(user.name), "role": .string(user.role.rawValue),
        ])
      }
      Output.line("Added “\(user.name)” (\(user.role.rawValue)).")
    }
  }

  private func addOverAPI() throws {
    let added = try place.server.client().json(
      .post("/users", [], .json(["name": .string(name), "role": .string(role.rawValue)]), isRepeatable: true))
    try UserChoice.show(added, json: place.server.json)
  }

  private func password() throws -> SecretBytes {
    if let passwordFile { return try PasswordInput.fromFile(passwordFile) }
    guard isatty(STDIN_FILENO) == 1 else { return try PasswordInput.fromStandardInput(prompt: "") }
    return try PassphraseInput.new("Password of \(name)")
  }
}
