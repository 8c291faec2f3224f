import ArgumentParser
import PKI
import Store

/// The options that name a data folder on which no server runs.
struct DataFolder: ParsableArguments {
  @Option(help: "The folder for everything that Reroot remembers.")
  var data: String

  @OptionGroup var masterKey: MasterKeyOptions

  func open() throws -> Store { try Store.open(folder: data, masterKey: masterKey.source) }
}
