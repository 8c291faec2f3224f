import ArgumentParser
import PKI
import Store

/// Where the master key comes from, for every command that opens a data folder.
struct MasterKeyOptions: ParsableArguments {
  @Option(help: "The file of the master key that seals every private key (default: master.key in the data folder).")
  var masterKeyFile: String?

  @Option(
    help: ArgumentHelp(
      "The systemd credential that holds the master key, in the form of a key file.",
      discussion: "\(MasterKeySource.usualCredential) is used without being asked for where systemd passes it on."))
  var masterKeyCredential: String?

  @Flag(
    help: ArgumentHelp(
      "Derive the master key from a passphrase.",
      discussion: "It is asked for at a terminal; otherwise it is the first line of standard input."))
  var masterKeyPassphrase = false

  func validate() throws {
    let given = [masterKeyFile != nil, masterKeyCredential != nil, masterKeyPassphrase]
    guard given.count(where: \.self) <= 1 else {
      throw ValidationError(
        "Give one of --master-key-file, --master-key-credential and --master-key-passphrase: there is one master key.")
    }
  }

  /// The source that was chosen, or the usual one.
  var source: MasterKeySource {
    if let masterKeyFile { return .file(masterKeyFile) }
    if let masterKeyCredential { return .credential(masterKeyCredential) }
    guard masterKeyPassphrase else { return .usual() }
    return .passphrase { isNew in
      isNew ? try PassphraseInput.new() : try PassphraseInput.line("Passphrase of the master key: ")
    }
  }
}

extension MasterKeySource {
  /// The same, with the passphrase of the master key asked for now, so that a pipe knows which line is which.
  func asked() throws -> MasterKeySource {
    guard case .passphrase(let ask) = self else { return self }
    let passphrase = try ask(false)
    return .passphrase { _ in passphrase }
  }
}
