import ArgumentParser
import Console
import Foundation
import PKI
import Store

/// `reroot tokens`: the tokens of the API, of a running console or in a data folder.
struct TokensCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokens", abstract: "Make, list and end the tokens of the API.",
    discussion: "With --data, in a data folder on which no server runs; otherwise of a running console.",
    subcommands: [Make.self, List.self, End.self])

  /// `reroot tokens make NAME --role R`.
  struct Make: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a token for a program.",
      discussion: """
        It is printed once, alone on standard output; only its hash is kept.

        A running console makes it for the user of the token that asks: it may do no more than that token, is valid no \
        longer, and ends with it, so that whoever has found a token cannot make one that outlasts it. One that stands by \
        itself is made on the page “Tokens”, with the password, or with --data, in a data folder on which no server runs.
        """)

    @Argument(help: "What the token is for.", transform: Self.checked)
    var name: String

    @Option(help: "With --data: the name of the user on whose behalf it acts.")
    var user: String?

    @Option(help: "What it may do: viewer, operator or administrator; never more than the user.")
    var role = Role.viewer

    @Option(
      help: "For how many days it is valid, from \(Store.tokenDays.lowerBound) to \(Store.tokenDays.upperBound).")
    var days = 90

    @OptionGroup var place: PlaceOptions

    func validate() throws {
      guard (user == nil) == (place.data == nil) else {
        throw ValidationError(
          "--user belongs to --data: a running console makes it for the user of the token that asks.")
      }
      guard Store.tokenDays.contains(days) else {
        throw ValidationError("--days is \(Store.tokenDays.lowerBound) to \(Store.tokenDays.upperBound).")
      }
    }

    /// The name as it is kept.
    private static func checked(_ given: String) throws -> String {
      guard let name = TokenName.checked(given) else {
        throw ValidationError("That is no name of a token. \(TokenName.rule)")
      }
      return name
    }

    func run() async throws {
      try await Complaint.ending {
        if let data = place.data {
          return try show(["token": .string(try await made(in: data)), "name": .string(name)])
        }
        let body: JSONValue = [
          "name": .string(name), "role": .string(role.rawValue), "days": .integer(Int64(days)),
        ]
        try show(try place.server.client().json(.post("/tokens", [], .json(body))))
      }
    }

    private func show(_ made: JSONValue) throws {
      try place.server.json ? Output.json(made) : Output.line(made.words("token"))
    }

    private func made(in data: String) async throws -> String {
      try await TokensCommand.withStore(data, place.masterKey) { store in
        guard let owner = try await store.user(name: user ?? "") else {
          throw ConsoleError(code: "NOT_FOUND", sentence: "There is no user “\(user ?? "")”.")
        }
        let details = ["role": role.rawValue, "days": String(days), "of": owner.name]
        let act = AuditAct(.tokenMade, by: .commandLine(uid: getuid()), on: name, details)
        return try await store.recording(act) {
          try await store.makeToken(named: name, of: owner.id, role: role, days: days)
        }.token
      }
    }
  }

  /// `reroot tokens list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the tokens, never their secrets.")

    @OptionGroup var place: PlaceOptions

    func run() async throws {
      try await Complaint.ending {
        let tokens = try await tokens()
        if place.server.json { return try Output.json(tokens) }
        var table = Table("ID", "NAME", "USER", "ROLE", "UNTIL", "USED")
        for token in tokens {
          table.add(
            token.number("id"), token.words("name"), token.words("user"), token.words("role"),
            token["expiresAt"]?.moment ?? "", token["usedAt"]?.moment ?? "never")
        }
        Output.table(table, ifEmpty: "There is no token.")
      }
    }

    private func tokens() async throws -> [JSONValue] {
      guard let data = place.data else { return try place.server.client().all("/tokens") }
      return try await TokensCommand.withStore(data, place.masterKey) { store in
        try await store.tokens().map(\.json)
      }
    }
  }

  /// `reroot tokens end ID`.
  struct End: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "End a token for good.")

    @Argument(help: "Its number, as `reroot tokens list` shows it.")
    var id: Int64

    @OptionGroup var place: PlaceOptions

    func run() async throws {
      try await Complaint.ending {
        guard let data = place.data else {
          try place.server.client().json(.delete("/tokens/\(id)"))
          return try Output.done("Token \(id) has ended.", number: id, json: place.server.json)
        }
        try await TokensCommand.withStore(data, place.masterKey) { store in
          guard let token = try await store.tokens().first(where: { $0.id.rawValue == id }) else {
            throw ConsoleError(code: "NOT_FOUND", sentence: "There is no token \(id).")
          }
          let act = AuditAct(
            .tokenRemoved, by: .commandLine(uid: getuid()), on: token.name, ["of": token.userName, "token": "\(id)"])
          try await store.recording(act) { try await store.removeToken(token.id) }
        }
        try Output.done("Token \(id) has ended.", number: id, json: place.server.json)
      }
    }
  }

  private static func withStore<Value>(
    _ data: String, _ masterKey: MasterKeyOptions, _ body: (Store) async throws -> Value
  ) async throws -> Value {
    guard FileManager.default.fileExists(atPath: data + "/reroot.sqlite") else {
      throw ConsoleError(code: "NO_DATA", sentence: "There is no Reroot in the folder \(data). Check the path.")
    }
    let store = try Store.open(folder: data, masterKey: masterKey.source)
    let value = try await body(store)
    try store.close()
    return value
  }
}
