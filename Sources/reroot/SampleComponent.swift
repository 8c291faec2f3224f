import ArgumentParser
import Demo

/// One process of the demo's sample system. The demo starts it; nobody needs to call it by hand.
struct SampleComponentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample-component", abstract: "Run one component of the demo's sample system.", shouldDisplay: false)

  @Option(name: .long, help: "The JSON file that describes the component.")
  var config: String

  func run() throws {
    do {
      try SampleComponent.run(configurationFile: config)
    } catch let failure as SampleFailure {
      throw ValidationError(failure.sentence)
    }
  }
}
