import ArgumentParser
import Console
import Foundation
import PKI
import Store

/// `reroot users`: what cannot be done over the pages, because nobody can sign in.
struct UsersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "users", abstract: "List, add, change and remove users; help those who cannot sign in.",
    subcommands: [
      UsersList.self, UsersAdd.self, UsersChange.self, UsersLink.self, UsersRemoveSecondFactor.self, UsersRemove.self,
      Reset.self,
    ])

  /// `reroot users reset NAME`: a link to choose a new password.
  struct Reset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a link to choose a new password, also for the only administrator.",
      discussion: """
        The link is printed once, works once, and is good for 24 hours; the former password stops working at once, and \
        every session of the user ends. A second factor stays, unless it is to be taken away. No server may run on the \
        data folder meanwhile: end it, make the link, start it again. While it runs, another administrator makes such a link on the page “Users”.
        """)

    @Argument(help: "The name that the user signs in with.")
    var name: String

    @Flag(help: "Take the second factor away too, of a user who has neither the app nor a recovery code any more.")
    var withoutSecondFactor = false

    @OptionGroup var folder: DataFolder

    @Option(help: "Where the console is reached, to print the whole address.")
    var address = "https://127.0.0.1:8443"

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      do {
        let address = try ConsoleAddress(address)
        guard FileManager.default.fileExists(atPath: folder.data + "/reroot.sqlite") else {
          throw ConsoleError(
            code: "NO_DATA", sentence: "There is no Reroot in the folder \(folder.data). Check the path.")
        }
        let store = try folder.open()
        let hash = try PasswordHash.unknown()
        let act = AuditAct(.userLinkMade, by: .commandLine(uid: getuid()), on: name)
        let (user, token) = try await store.recording(act) { try await store.resetPassword(name: name, hash: hash) }
        if withoutSecondFactor, try await store.secondFactor(user.id) != nil {
          let act = AuditAct(.secondFactorRemoved, by: .commandLine(uid: getuid()), on: user.name)
          try await store.recording(act) { _ = try await store.removeSecondFactor(user.id) }
          if !json { Output.line("\(user.name) has no second factor any more.") }
        }
        try store.close()
        if json {
          return try Output.json(["user": .string(user.name), "address": .string(address.text + "/password/" + token)])
        }
        Output.line("\(user.name) (\(user.role.rawValue)) chooses a new password, once and within 24 hours, at")
        Output.line(address.text + "/password/" + token)
        Output.line("Start the server first, if it does not run.")
      } catch {
        try Complaint.end(error)
      }
    }
  }
}
