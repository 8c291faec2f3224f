import ArgumentParser
import Console
import Foundation
import PKI
import Store

/// `reroot notifications`: where notifications go, and what became of them.
struct NotificationsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "notifications", abstract: "Show and set where notifications go, send a test, and list what was sent.",
    subcommands: [Show.self, Set.self, Secret.self, Test.self, List.self], defaultSubcommand: Show.self)

  private static let path = "/notifications"

  private static func change(_ members: [String: JSONValue], _ server: ServerOptions) throws {
    var request = APIRequest(method: "PATCH", path: path)
    request.body = .json(.object(members))
    try SettingsText.show(try server.client().json(request), json: server.json)
  }

  /// `reroot notifications show`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show where notifications go; no secret is shown.")

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        try SettingsText.show(try server.client().json(.get(path)), json: server.json)
      }
    }
  }

  /// `reroot notifications set NAME=VALUE…`.
  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change where notifications go, all or nothing.",
      discussion: """
        The names are those that `reroot notifications show` prints. A value is JSON; what is no JSON is a text. A secret \
        is set by `reroot notifications secret`, or here by a file: the password of the mail server has to be given again \
        with another server.
        """)

    @Argument(help: "NAME=VALUE.")
    var changes: [String] = []

    @Option(
      help: "A file that holds the secret of webhooks; nobody else may read it. “-” is standard input.",
      completion: .file())
    var webhookSecretFile: String?

    @Option(
      help: "A file that holds the password of the mail server; nobody else may read it. “-” is standard input.",
      completion: .file())
    var smtpPasswordFile: String?

    @OptionGroup var server: ServerOptions

    func validate() throws {
      guard !changes.isEmpty || webhookSecretFile != nil || smtpPasswordFile != nil else {
        throw ValidationError("Give NAME=VALUE, or a file of a secret.")
      }
    }

    func run() async throws {
      try await Complaint.ending {
        var members = try SettingsText.members(changes)
        guard members.keys.allSatisfy({ name in !Kind.allCases.contains { $0.member == name } }) else {
          throw ValidationError("A secret is no argument: use `reroot notifications secret`.")
        }
        if let webhookSecretFile { members[Kind.webhook.member] = try Kind.secret(inFile: webhookSecretFile) }
        if let smtpPasswordFile { members[Kind.smtp.member] = try Kind.secret(inFile: smtpPasswordFile) }
        try change(members, server)
      }
    }
  }

  /// Which secret.
  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case webhook, smtp

    var member: String { self == .webhook ? "webhookSecret" : "smtpPassword" }

    static func secret(inFile path: String) throws -> JSONValue {
      try json(PasswordInput.withoutLineEnd(try InputFile.readSecret(path, limit: 1 << 12, what: "a secret")))
    }

    static func json(_ secret: SecretBytes) throws -> JSONValue {
      let text = secret.withBytes { String(validating: $0, as: UTF8.self) }
      guard let text, !text.isEmpty else { throw ValidationError("A secret is a text in UTF-8, and not empty.") }
      return .string(text)
    }
  }

  /// `reroot notifications secret webhook|smtp`.
  struct Secret: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Set the secret that signs webhooks, or the password of the mail server.",
      discussion: """
        That of a webhook is whsec_ and the base64 of 24 to 64 bytes. It is read from --secret-file, from standard input \
        where that is no terminal, or asked for. One line break at its end is not part of it.
        """)

    @Argument(help: "webhook or smtp.")
    var kind: Kind

    @Option(help: "A file that holds the secret; nobody else may read it. “-” is standard input.", completion: .file())
    var secretFile: String?

    @Flag(help: "Have none any more.")
    var remove = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        try change([kind.member: remove ? .null : try secret()], server)
      }
    }

    private func secret() throws -> JSONValue {
      try secretFile.map(Kind.secret) ?? Kind.json(PasswordInput.fromStandardInput(prompt: "Secret: "))
    }
  }

  /// `reroot notifications test CHANNEL`.
  struct Test: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Send a test, and say what came of it.", discussion: "Exit status: 0 when it was taken, 1 when not.")

    @Argument(help: "The channel: webhook or email.")
    var channel: NotificationChannel

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let sent = try server.client().json(
          .post("/notification-tests", [], .json(["channel": .string(channel.rawValue)])))
        let isSent = sent.words("state") == "sent"
        if server.json {
          try Output.json(sent)
        } else {
          Output.line(isSent ? "It was taken." : "It was not taken: \(sent.words("problem"))")
        }
        if !isSent { throw ExitCode(CommandStatus.failed.rawValue) }
      }
    }
  }

  /// `reroot notifications list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the notifications, the newest first.")

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await server.list(
        "/notification-deliveries", ifEmpty: "There is no notification yet.",
        [
          ("ID", { $0.number("id") }), ("CHANNEL", { $0.words("channel") }), ("STATE", { $0.words("state") }),
          ("TRIES", { $0.number("attempts") }), ("MADE", { $0["madeAt"]?.moment ?? "" }),
          ("SUBJECT", { $0.words("subject") }), ("PROBLEM", { $0.words("problem") }),
        ])
    }
  }
}
