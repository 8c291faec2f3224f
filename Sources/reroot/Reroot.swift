import ArgumentParser
import CProcess
import Console
import Foundation

/// The command line: the same operations as the console's pages.
@main
struct Reroot: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reroot",
    abstract: "Gives every component of a running system a new root certificate without an outage.",
    discussion: """
      The commands speak to a running console over its API, as the options, the variables or the file of settings say: \
      --server (REROOT_SERVER), --token-file (REROOT_TOKEN_FILE), --ca-file (REROOT_CA_FILE) or --fingerprint \
      (REROOT_FINGERPRINT); in ~/.config/reroot/config.yaml they are server, token_file, ca_file and fingerprint. Commands \
      with --data open a data folder instead.

      Exit statuses, unless a command has its own:

      \(CommandStatus.table)
      """,
    version: ProgramVersion.text,
    subcommands: [SampleComponentCommand.self, ModuleWorkerCommand.self],
    groupedSubcommands: [
      CommandGroup(
        name: "Updates",
        subcommands: [
          PlanCommand.self, UpdateCommand.self, RetireCommand.self, SetsCommand.self, AgreementsCommand.self,
          WatchingCommand.self, RenewalCommand.self,
        ]),
      CommandGroup(
        name: "What updates are made of",
        subcommands: [RootsCommand.self, ComponentsCommand.self, TrustStoreCommand.self, Inspect.self]),
      CommandGroup(
        name: "Administration",
        subcommands: [
          UsersCommand.self, TokensCommand.self, SettingsCommand.self, NotificationsCommand.self, AuditCommand.self,
        ]),
      CommandGroup(
        name: "Operation",
        subcommands: [
          Serve.self, DemoCommand.self, DoctorCommand.self, BackupCommand.self, RestoreCommand.self,
          RestorationCommand.self,
          MasterKeyCommand.self, ManCommand.self,
        ]),
    ])

  /// Runs the command of the arguments. What the parser says of wrong ones repeats them, and a file's name among them
  /// may hold a terminal's commands, so it is written as everything else is.
  static func main() async {
    // Before anything secret is read. It fails on no Linux that Swift runs on.
    _ = reroot_forbid_dumps()
    var status = await ended()
    // 0, and how an update stands, say also that everything that was to be written was.
    do {
      if status == 0 || CommandStatus(rawValue: status)?.isOfUpdate == true { try Output.finish() }
    } catch {
      Output.error("reroot: \(error.sentence)")
      status = error.status.rawValue
    }
    Foundation.exit(status)
  }

  /// Runs the command, and says with which status it has ended.
  private static func ended() async -> Int32 {
    do {
      let command = try parseAsRoot(ServeConfiguration.expanded(Array(CommandLine.arguments.dropFirst())))
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        var command = command
        try command.run()
      }
      return 0
    } catch {
      let code = exitCode(for: error)
      let message = fullMessage(for: error)
      if !message.isEmpty { code.isSuccess ? Output.line(message) : Output.error(message) }
      return code.rawValue
    }
  }
}
