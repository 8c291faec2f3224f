import ArgumentParser
import Console
import Delivery
import Foundation
import PKI
import Store

/// `reroot backup FILE`: everything in one sealed file, also while a server runs.
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copy the data folder into one sealed file, also while a server runs on it.",
    discussion: """
      The file holds the database as it is at one moment, and the master key, encrypted and authenticated as a whole under \
      a passphrase (scrypt, AES-256-GCM): it is all that is needed to go on on a new machine, and of no use without the \
      passphrase. Keep the passphrase apart from the file.

      The passphrase is read from --passphrase-file, is a line on standard input where that is no terminal, or is asked for. \
      The passphrase of the master key, where there is one, is the line before it.

      Before the file gets its name, it is read again to its end, and every secret in it has been opened. The audit log \
      says who made it, as the master key leaves the folder with it.
      """)

  @Argument(help: "The file that is made, with mode 0600.", completion: .file())
  var file: String

  @OptionGroup var folder: DataFolder

  @OptionGroup var secret: BackupPassphrase

  @Flag(help: "Replace the file where it is there already and is a backup.")
  var force = false

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    do {
      try OpenSSLVersion.require(3, 0, 19)
      try secret.requireReadable()
      var order = Backup.Order(
        folder: folder.data, masterKey: folder.masterKey.source, file: file, passphrase: SecretBytes([]),
        overwrites: force, program: ProgramVersion.text)
      // Before anybody types a passphrase.
      try Backup.requirePlace(order)
      order.masterKey = try order.masterKey.asked()
      order.passphrase = try secret.chosen()
      let report = try await WorkThreads(count: 1).run { [order] in try Backup.make(order) }
      let manifest = report.manifest
      if json {
        return try Output.json([
          "file": .string(file), "bytes": .integer(Int64(report.bytes)),
          "madeAt": .string(Display.machine(manifest.madeAt)),
          "secrets": .integer(Int64(manifest.secrets)), "unrecorded": report.unrecorded.map { .string($0) } ?? .null,
          "unfinishedUpdate": manifest.unfinishedUpdate.map { .integer(Int64($0)) } ?? .null,
        ])
      }
      Output.line(
        "\(file): \(report.bytes) bytes, made at \(Display.moment(manifest.madeAt)), with "
          + "\(Display.count(manifest.secrets, "secret")), each of which opens.")
      if let reason = report.unrecorded {
        Output.error("reroot: The backup is made, but the audit log does not say so: \(reason)")
      }
      if let update = manifest.unfinishedUpdate {
        Output.line("Update \(update) was under way. After a restore it asks, and does not go on by itself.")
      }
    } catch {
      try Complaint.end(error)
    }
  }
}

/// `reroot restore FILE`: a data folder out of a backup.
struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Make a data folder out of a backup.",
    discussion: """
      Everything is checked before anything is put in place: the passphrase, every part of the file, the database, every \
      secret in it. The folder is then the restored one as a whole, or what it was before; where the disk fails in the \
      middle, the complaint says that the restore stands, and the next start finishes it.

      Who can sign in is again as it was then: users, roles, passwords and second factors are those of the backup, also of \
      users who were removed since. Sessions, one-time links and recovery codes of the backup are void: who has a second \
      factor makes new codes.

      At its first start the server looks at every component, shows what is not as its database says, and where anything \
      is not, starts no update before somebody has read that.
      """)

  @Argument(help: "The file that `reroot backup` made.", completion: .file())
  var file: String

  @Option(help: "The data folder: one that is not there yet, or is empty.")
  var data: String

  @Option(help: "Where the master key is put (default: master.key in the data folder).")
  var masterKeyFile: String?

  @OptionGroup var secret: BackupPassphrase

  @Flag(help: "Let the database that is in the folder make way; it is kept there, in a folder before-restore-….")
  var replace = false

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    do {
      try OpenSSLVersion.require(3, 0, 19)
      try InputFile.requireReadable(file)
      let order = Restore.Order(
        file: file, passphrase: try secret.given(), folder: data, masterKeyFile: masterKeyFile, replaces: replace)
      let report = try await WorkThreads(count: 1).run { try Restore.run(order) }
      let manifest = report.manifest
      if json {
        return try Output.json([
          "folder": .string(data), "madeAt": .string(Display.machine(manifest.madeAt)), "host": .string(manifest.host),
          "secrets": .integer(Int64(manifest.secrets)), "former": report.former.map { .string($0) } ?? .null,
          "isKeyDerived": .bool(report.isKeyDerived),
        ])
      }
      Output.line(
        "\(data) is what \(VisibleText.of(manifest.host, limit: 100)) had at \(Display.moment(manifest.madeAt)), with "
          + "\(Display.count(manifest.secrets, "secret")).")
      if let former = report.former { Output.line("What was there before is in \(former).") }
      if report.isKeyDerived {
        Output.line("Its master key is derived from a passphrase: start with --master-key-passphrase.")
      }
      Output.line(
        "Who can sign in is as it was then: whoever was removed since can again, and recovery codes are void. See to the "
          + "users first.")
      Output.line("Start the server: it looks at every component first, and shows what has changed since the backup.")
    } catch {
      try Complaint.end(error)
    }
  }
}

/// The passphrase of a backup.
struct BackupPassphrase: ParsableArguments {
  @Option(
    help: "A file that holds the passphrase; nobody else may read it. “-” is standard input.",
    completion: .file())
  var passphraseFile: String?

  /// One that is to seal a new backup: at a terminal it is asked for twice.
  func chosen() throws -> SecretBytes { try fromFile() ?? PassphraseInput.new("Passphrase of the backup") }

  /// One that opens a backup.
  func given() throws -> SecretBytes { try fromFile() ?? PassphraseInput.line("Passphrase of the backup: ") }

  /// Refuses a file that is not there before anything else is asked for.
  func requireReadable() throws {
    guard let passphraseFile, passphraseFile != InputFile.standardInputName else { return }
    try InputFile.requireReadable(passphraseFile)
  }

  private func fromFile() throws -> SecretBytes? {
    try passphraseFile.map { PasswordInput.withoutLineEnd(try InputFile.readSecret($0, limit: 1 << 16)) }
  }
}
