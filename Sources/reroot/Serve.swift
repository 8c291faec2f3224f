import ArgumentParser
import Console
import Foundation
import Logging
import PKI
import Store

/// `reroot serve`: the console over one data folder, until a signal ends it.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the console.",
    discussion: """
      HTTPS is served from the first start, with a certificate of the console's own making until another is chosen. The \
      first start prints a link that works once: there the first administrator chooses a name and a password.

      SIGTERM and SIGINT end it cleanly. An update that runs is found again at the next start.
      """)

  @Option(help: "The folder for everything that Reroot remembers; it is made when it is not there.")
  var data: String

  @OptionGroup var serving: ServingOptions

  @Option(help: "The file of the master key that seals every private key (default: master.key in the data folder).")
  var masterKeyFile: String?

  @Option(help: "A YAML file of components, which are added or changed by their names at the start.")
  var components: String?

  func run() async throws {
    let signals = StopSignals()
    do {
      try OpenSSLVersion.require(3, 0, 19)
      try await serve(signals)
    } catch {
      try Complaint.end(error)
    }
  }

  private func serve(_ signals: StopSignals) async throws {
    let logger = serving.logger()
    let listen = serving.listen
    let configuration = try ConsoleConfiguration(host: listen.host, port: listen.port)
    let store = try Store.open(folder: data, masterKeyFile: masterKeyFile)
    if let components { Output.line(try await ComponentsFile.apply(components, to: store)) }
    let console = try await Console(store: store, configuration: configuration, logger: logger)
    let port = try await console.start()
    let address = "https://\(ListenAddress(host: listen.host, port: port))"
    logger.notice("serving", metadata: ["address": "\(address)", "openssl": "\(OpenSSLVersion.text)"])
    Output.line("Reroot serves \(address)")
    if let token = try await store.makeSetupToken() {
      Output.line("Set up the first administrator, once, at \(address)/setup/\(token)")
    }
    let signal = await signals.first()
    logger.notice("stopping", metadata: ["signal": "\(signal)"])
    await console.stop()
    try store.close()
    Output.line("Reroot has stopped.")
  }
}
