import ArgumentParser
import Console
import Foundation
import Store

/// `reroot components`: the list of components without a browser.
struct ComponentsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "components", abstract: "Add, change and print components.",
    subcommands: [Apply.self, Export.self])

  /// `reroot components apply FILE`: adds and changes components by their names.
  struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add or change components from a YAML file.",
      discussion: """
        Components are known by their names; those that are not in the file stay. Nothing is changed when anything in the \
        file is wrong. While a server runs on the data folder, use its page “Import components” instead.
        """)

    @Argument(help: "The YAML file; “-” is standard input.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @OptionGroup var folder: DataFolder

    func run() async throws {
      do {
        let store = try folder.open()
        Output.line(try await ComponentsFile.apply(file, to: store))
        try store.close()
      } catch {
        try Complaint.end(error)
      }
    }
  }

  /// `reroot components export`: prints all components.
  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print all components as YAML.")

    @OptionGroup var folder: DataFolder

    func run() async throws {
      do {
        let store = try folder.open()
        Output.text(ComponentWriter.text(try await store.components()))
        try store.close()
      } catch {
        try Complaint.end(error)
      }
    }
  }
}

/// The options that name a data folder on which no server runs.
struct DataFolder: ParsableArguments {
  @Option(help: "The folder for everything that Reroot remembers.")
  var data: String

  @Option(help: "The file of the master key (default: master.key in the data folder).")
  var masterKeyFile: String?

  func open() throws -> Store { try Store.open(folder: data, masterKeyFile: masterKeyFile) }
}

/// A file of components, for the commands that take one.
enum ComponentsFile {
  /// Applies the file and says in words what was done.
  static func apply(_ file: String, to store: Store) async throws -> String {
    let text = try read(file)
    let name = file == "-" ? "Standard input" : file
    do {
      return ComponentImport.sentence(try await ComponentImport.apply(text, to: store))
    } catch let refusal as YAMLRefusal {
      let problems = refusal.problems.map { "\n  \($0.description)" }.joined()
      throw ConsoleError(code: "COMPONENTS_REFUSED", sentence: "\(name) was not applied:\(problems)")
    }
  }

  /// One byte more than may be read, so that a list which is too long is refused and not cut.
  private static let limit = (1 << 20) + 1

  private static func read(_ file: String) throws -> String {
    let bytes =
      try file == "-"
      ? InputFile.read(descriptor: STDIN_FILENO, name: "standard input", limit: Self.limit)
      : InputFile.read(file, limit: Self.limit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConsoleError(code: "NOT_UTF8", sentence: "\(file) is no text in UTF-8.")
    }
    return text
  }
}
