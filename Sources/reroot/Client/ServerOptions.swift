import ArgumentParser
import Console
import Foundation
import PKI
import Store

/// The options of every command that speaks to a running console.
struct ServerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The console's address, https://HOST[:PORT] (or REROOT_SERVER).", valueName: "address"))
  var server: String?

  @Option(help: "The file of a token, mode 0600; “-” is standard input (or REROOT_TOKEN_FILE).", completion: .file())
  var tokenFile: String?

  @Option(
    help: "Root certificates that the console's certificate may be of, PEM (or REROOT_CA_FILE).", completion: .file())
  var caFile: String?

  @Option(
    help: ArgumentHelp(
      "The SHA-256 of the console's certificate, for one of its own making (or REROOT_FINGERPRINT).",
      valueName: "sha256"))
  var fingerprint: String?

  @Flag(help: "Print JSON.")
  var json = false

  /// What the options give.
  var given: ClientSettings.Given {
    .init(server: server, tokenFile: tokenFile, caFile: caFile, fingerprint: fingerprint)
  }

  /// Whether anything names a console.
  var namesServer: Bool { server != nil || tokenFile != nil || caFile != nil || fingerprint != nil }

  /// A client for the console that the options, the variables or the file of settings name.
  func client() throws -> APIClient {
    let environment = ProcessInfo.processInfo.environment
    let file = ClientSettings.file(in: environment)
    let settings = try ClientSettings(
      options: given, environment: environment,
      file: try ClientSettings.given(inFile: file, home: environment["HOME"] ?? ""), fileName: file)
    return try APIClient(settings)
  }
}

/// The options of commands that speak to a running console, or open a data folder on which none runs.
struct PlaceOptions: ParsableArguments {
  @Option(help: "A data folder, in place of a running console.", completion: .directory)
  var data: String?

  @OptionGroup var masterKey: MasterKeyOptions

  @OptionGroup var server: ServerOptions

  func validate() throws {
    if data != nil, server.namesServer {
      throw ValidationError("Give --data or the options of a running console, not both.")
    }
  }

  /// The data folder, opened; nil where a console is spoken to.
  func store() throws -> Store? { try data.map { try Store.open(folder: $0, masterKey: masterKey.source) } }
}
