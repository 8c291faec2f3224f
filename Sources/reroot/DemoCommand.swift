import ArgumentParser
import Demo
import Foundation
import Logging
import PKI

/// `reroot demo`: the console with a small real system around it.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Run the console with a sample system to try it on.",
    discussion: """
      Six sample components call each other by mutual TLS ten times a second. A root is in force already; a second one \
      lies ready as a PFX file. The address, a name and a password are printed.
      """)

  @Option(help: "A folder that stays (default: a temporary one, removed at the end).")
  var data: String?

  @OptionGroup var serving: ServingOptions

  func run() async throws {
    let signals = StopSignals()
    do {
      try OpenSSLVersion.require(3, 0, 19)
      let logger = serving.logger()
      let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let demo = try await Demo.start(
        folder: data, host: serving.listen.host, port: serving.listen.port, program: program, logger: logger)
      Output.line(demo.banner.text)
      _ = await signals.first()
      Output.line("The demo is being stopped.")
      await demo.stop()
    } catch {
      try Complaint.end(error)
    }
  }
}
