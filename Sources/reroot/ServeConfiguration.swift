import ArgumentParser
import Console
import Foundation

/// The configuration file of `reroot serve`: every option by its name, with `_` for `-`, in YAML.
///
/// Its settings become options in front of those that were given, so they follow the same rules, and an option that was
/// given wins. The file cannot name a setting that is no option, nor leave one out: the options are read from the parser.
enum ServeConfiguration {
  /// The exit status for a file that is wrong: `EX_CONFIG` of sysexits.h.
  static let badConfiguration: Int32 = 78
  /// In bytes; the example with every setting explained has a fraction of it.
  private static let longest = 1 << 20

  /// The arguments with what the file of `--config` says, if they are those of `serve` and name one.
  ///
  /// - Throws: `ExitCode` after a sentence for each thing that is wrong, with its line.
  static func expanded(_ arguments: [String]) throws -> [String] {
    guard arguments.first == "serve", let file = file(in: arguments) else { return arguments }
    let given = Set(arguments.compactMap(name))
    do {
      let added = try options(of: file).filter { option in !given.contains { excludes($0, option.name) } }
      return ["serve"] + added.flatMap(\.words) + arguments.dropFirst()
    } catch let refusal as YAMLRefusal {
      let problems = refusal.problems.map { "\n  \($0.description)" }.joined()
      try Complaint.end(
        ConsoleError(code: "CONFIGURATION_REFUSED", sentence: "\(file) was not taken:\(problems)"),
        status: badConfiguration)
    } catch let error as ValidationError {
      try Complaint.end(
        ConsoleError(code: "CONFIGURATION_UNREADABLE", sentence: error.message), status: badConfiguration)
    } catch {
      try Complaint.end(error, status: badConfiguration)
    }
  }

  /// A setting as the words of an option.
  struct Option: Sendable, Hashable {
    let name: String
    let words: [String]
  }

  private static func options(of file: String) throws -> [Option] {
    let bytes = try InputFile.readTrusted(file, limit: longest + 1)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConsoleError(code: "NOT_UTF8", sentence: "\(file) is no text in UTF-8.")
    }
    let keys = try keys()
    let (settings, unread) = try ConfigurationText.read(text, keys)
    let options = settings.map { setting in
      let name = "--" + setting.key.replacing("_", with: "-")
      let isFlag = keys.flags.contains(setting.key)
      return Option(name: name, words: isFlag ? [name] : setting.values.map { "\(name)=\($0)" })
    }
    let problems =
      unread
      + zip(settings, options).compactMap { setting, option in
        problem(option).map { YAMLProblem(line: setting.line, sentence: "\(setting.key): \($0)") }
      }
    guard problems.isEmpty else { throw YAMLRefusal(problems) }
    return options
  }

  /// What the parser says of one option by itself; nil when nothing is wrong with it.
  private static func problem(_ option: Option) -> String? {
    do {
      _ = try Serve.parse((option.name == "--data" ? [] : ["--data=/"]) + option.words)
      return nil
    } catch {
      return Serve.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
    }
  }

  /// There is one master key, so an option that says where it is takes the place of whatever the file says of it.
  private static func excludes(_ given: String, _ name: String) -> Bool {
    let key = "--master-key-"
    return given == name || given.hasPrefix(key) && name.hasPrefix(key)
  }

  // MARK: The arguments

  private static let configOption = "--config"

  private static func file(in arguments: [String]) -> String? {
    for (index, word) in arguments.enumerated() {
      if word.hasPrefix(configOption + "=") { return String(word.dropFirst(configOption.count + 1)) }
      if word == configOption { return arguments.dropFirst(index + 1).first }
    }
    return nil
  }

  private static func name(_ word: String) -> String? {
    word.hasPrefix("--") ? String(word.prefix { $0 != "=" }) : nil
  }

  // MARK: The keys

  /// The keys of every option of `serve` but those that are none of a server: `--config` itself, `--help`, `--version`.
  static func keys() throws -> ConfigurationText.Keys {
    let dump = try JSONDecoder().decode(Dump.self, from: Data(Serve._dumpHelp().utf8))
    var keys = ConfigurationText.Keys()
    for argument in dump.command.arguments {
      guard let name = argument.names?.first(where: { $0.kind == "long" })?.name,
        !["config", "help", "version"].contains(name)
      else { continue }
      let key = name.replacing("-", with: "_")
      switch argument.kind {
      case "flag": keys.flags.append(key)
      case "option" where argument.isRepeating: keys.lists.append(key)
      default: keys.single.append(key)
      }
    }
    return keys
  }

  /// The part of the parser's own description that is needed here.
  private struct Dump: Decodable {
    let command: Command

    struct Command: Decodable {
      let arguments: [Argument]
    }

    struct Argument: Decodable {
      let kind: String
      let isRepeating: Bool
      let names: [Name]?
    }

    struct Name: Decodable {
      let kind: String
      let name: String
    }
  }
}
