import ArgumentParser
import Console
import Foundation
import Store

/// `reroot master-key`: makes and changes the key that seals every secret.
struct MasterKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "master-key", abstract: "Make and change the master key.", subcommands: [Make.self, Rotate.self])

  /// `reroot master-key make FILE`: a key for a systemd credential, before the first start.
  struct Make: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a new master key in a file.",
      discussion: """
        For a key that the service manager passes on, encrypt the file and delete it:

          systemd-creds encrypt --name=reroot-master-key FILE /etc/credstore.encrypted/reroot-master-key
        """)

    @Argument(help: "The file, which must not be there yet.")
    var file: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      do {
        try MasterKeyFile.make(file)
        if json { return try Output.json(["file": .string(file)]) }
        Output.line("\(file) holds a new master key.")
      } catch {
        try Complaint.end(error)
      }
    }
  }

  /// `reroot master-key rotate`: seals everything with a new key.
  struct Rotate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Seal everything with a new master key, while no server runs on the data folder.",
      discussion: """
        Without --to-file and --to-passphrase the new key takes the place of the former one: in the same file, or as another \
        passphrase. With a pipe, the first line of standard input is the passphrase of now, where there is one, and the next \
        one the new passphrase.

        Interrupt it when you like: at every moment one key opens everything, and the next start puts it in its place. \
        Where it goes to another file, start with that one then; if there is none yet, the former one is still right.

        Copies of the data folder made before need the former key, so keep that, apart, as long as you keep them; a file of \
        `reroot backup` holds its own.
        """)

    @Option(help: "The folder for everything that Reroot remembers.")
    var data: String

    @OptionGroup var masterKey: MasterKeyOptions

    @Option(help: "The file that the new key is to be in.")
    var toFile: String?

    @Flag(help: "Derive the new key from a passphrase, which is asked for.")
    var toPassphrase = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
      guard toFile == nil || !toPassphrase else {
        throw ValidationError("Give one of --to-file and --to-passphrase: there is one master key.")
      }
    }

    func run() throws {
      do {
        // Asked for in this order, whatever opening the folder asks for, so that a pipe knows which line is which.
        let source = try masterKey.source.asked()
        let rotation = MasterKeyRotation(folder: data, from: source, to: try destination(source))
        let report = try rotation.run()
        if json {
          return try Output.json([
            "secrets": .integer(Int64(report.secrets)), "formerFile": report.formerFile.map { .string($0) } ?? .null,
          ])
        }
        Output.line(
          "The master key is changed: \(report.secrets) \(report.secrets == 1 ? "secret is" : "secrets are") sealed with the new one."
        )
        if let former = report.formerFile {
          Output.line(
            "\(former) opens nothing in the data folder any more. Delete it, unless copies of the folder made before need it."
          )
        }
      } catch {
        try Complaint.end(error)
      }
    }

    private func destination(_ source: MasterKeySource) throws -> MasterKeyRotation.Destination {
      if let toFile { return .file(toFile) }
      if toPassphrase { return .passphrase(try PassphraseInput.new()) }
      switch source {
      case .file(let path): return .file(path ?? data + "/master.key")
      case .passphrase: return .passphrase(try PassphraseInput.new())
      case .credential:
        throw ValidationError(
          "The master key comes from a systemd credential, which only you can replace: give --to-file FILE, then encrypt "
            + "that file with systemd-creds.")
      }
    }
  }
}
