import ArgumentParser
import Foundation

/// What the argument parser knows of a command: the text that `--help` shows, as data (its `ToolInfo`, version 0).
struct CommandHelp: Decodable {
  struct Name: Decodable, Hashable {
    let kind: String
    let name: String
    var text: String { (kind == "long" ? "--" : "-") + name }
  }

  struct Argument: Decodable {
    let kind: String
    let shouldDisplay: Bool
    let isOptional: Bool
    let isRepeating: Bool
    let names: [Name]?
    let valueName: String?
    let defaultValue: String?
    let allValues: [String]?
    let abstract: String?
    let discussion: String?
  }

  let commandName: String
  let superCommands: [String]?
  let shouldDisplay: Bool?
  let abstract: String?
  let discussion: String?
  let subcommands: [CommandHelp]?
  let arguments: [Argument]?

  /// Of the whole program.
  static func all() throws -> CommandHelp {
    struct Tool: Decodable { let command: CommandHelp }
    return try JSONDecoder().decode(Tool.self, from: Data(Reroot._dumpHelp().utf8)).command
  }

  /// Such as `reroot update start`.
  var path: String { ((superCommands ?? []) + [commandName]).joined(separator: " ") }

  /// Itself and everything below it that is shown, in its order.
  var family: [CommandHelp] {
    guard shouldDisplay ?? true, commandName != "help" else { return [] }
    return [self] + (subcommands ?? []).flatMap(\.family)
  }
}
