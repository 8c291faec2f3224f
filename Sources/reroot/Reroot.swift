import ArgumentParser

/// The command line: the same operations as the console's pages.
@main
struct Reroot: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reroot",
    abstract: "Gives every component of a running system a new root certificate without an outage.",
    subcommands: [
      Serve.self, DemoCommand.self, ComponentsCommand.self, Inspect.self, SampleComponentCommand.self,
    ])
}
