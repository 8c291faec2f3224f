import Console

/// The manual page in troff with the macros of man(7), made of the text of `--help`.
struct ManualPage {
  let help: CommandHelp

  /// Options that most commands have; they are described once.
  private static let common = [
    "server", "token-file", "ca-file", "fingerprint", "json", "data", "master-key-file", "master-key-credential",
    "master-key-passphrase",
  ]
  /// Options of every command, and what the parser adds for itself.
  private static let usual: Set<String> = ["help", "version", "h"]

  var text: String {
    var page = Troff()
    page.macro("TH", "REROOT", "1", "", "Reroot \(ProgramVersion.text)", "User Commands")
    page.macro("SH", "NAME")
    let abstract = help.abstract ?? ""
    page.line(
      "reroot \\- \(Troff.escaped(abstract.prefix(1).lowercased() + abstract.dropFirst().prefix { $0 != "." }))")
    page.macro("SH", "SYNOPSIS")
    page.line(".B reroot")
    page.line(".I command")
    page.line("[\\fIoptions\\fR]")
    page.macro("SH", "DESCRIPTION")
    page.paragraphs(Self.withoutTable(help.discussion ?? ""))
    page.macro("SH", "COMMANDS")
    for command in help.family.dropFirst() { add(command, to: &page) }
    page.macro("SH", "COMMON OPTIONS")
    for name in Self.common {
      if let option = firstOption(name) { add(option, to: &page) }
    }
    page.macro("SH", "EXIT STATUS")
    for status in CommandStatus.allCases {
      page.macro("TP")
      page.line(".B \(status.rawValue)")
      page.line(Troff.escaped(status.meaning))
    }
    addSettings(to: &page)
    return page.text
  }

  private func add(_ command: CommandHelp, to page: inout Troff) {
    page.macro("SS", command.path)
    page.line(Troff.escaped(command.abstract ?? ""))
    let own = (command.arguments ?? []).filter { $0.shouldDisplay && !Self.isCommon($0) }
    if command.subcommands == nil {
      page.macro("PP")
      page.line(Self.usage(command, own))
    }
    page.paragraphs(Self.withoutTable(command.discussion ?? ""), isFirst: false)
    for argument in own { add(argument, to: &page) }
  }

  private func add(_ argument: CommandHelp.Argument, to page: inout Troff) {
    page.macro("TP")
    page.line(Self.head(argument))
    var text = argument.abstract ?? ""
    if let values = argument.allValues, !values.isEmpty { text += " (values: \(values.joined(separator: ", ")))" }
    if let value = argument.defaultValue, argument.kind != "flag" { text += " (default: \(value))" }
    page.line(Troff.escaped(text.isEmpty ? argument.valueName ?? "" : text))
    if let discussion = argument.discussion { page.line(Troff.escaped(discussion)) }
  }

  private func firstOption(_ name: String) -> CommandHelp.Argument? {
    help.family.lazy.flatMap { $0.arguments ?? [] }.first { $0.names?.contains { $0.name == name } ?? false }
  }

  private func addSettings(to page: inout Troff) {
    page.macro("SH", "ENVIRONMENT")
    for (name, text) in [
      ("REROOT_SERVER, REROOT_TOKEN_FILE, REROOT_CA_FILE, REROOT_FINGERPRINT", "As the options of these names."),
      ("NO_COLOR", "Where it is set and not empty, nothing is coloured."),
      ("XDG_CONFIG_HOME", "Where the folder of the file of settings is, in place of ~/.config."),
    ] {
      page.macro("TP")
      page.line(".B \(Troff.escaped(name))")
      page.line(Troff.escaped(text))
    }
    page.macro("SH", "FILES")
    page.macro("TP")
    page.line(".I \(Troff.escaped("~/.config/reroot/config.yaml"))")
    page.line(
      Troff.escaped(
        "Settings: server, token_file, ca_file or fingerprint. Options go before variables, and variables before it. Paths in "
          + "it begin at its folder."))
  }

  // MARK: Parts

  private static func isCommon(_ argument: CommandHelp.Argument) -> Bool {
    argument.names?.contains { usual.contains($0.name) || common.contains($0.name) } ?? false
  }

  private static func usage(_ command: CommandHelp, _ own: [CommandHelp.Argument]) -> String {
    let words = own.map { argument -> String in
      let word = argument.kind == "positional" ? value(argument) : head(argument)
      let repeated = argument.isRepeating ? word + " ..." : word
      return argument.isOptional ? "[\(repeated)]" : repeated
    }
    return (["\\fB\(Troff.escaped(command.path))\\fR"] + words).joined(separator: " ")
  }

  private static func head(_ argument: CommandHelp.Argument) -> String {
    let names = (argument.names ?? []).map { "\\fB\(Troff.escaped($0.text))\\fR" }.joined(separator: ", ")
    if argument.kind == "positional" { return value(argument) }
    return argument.kind == "option" ? "\(names) \(value(argument))" : names
  }

  private static func value(_ argument: CommandHelp.Argument) -> String {
    "\\fI\(Troff.escaped(argument.valueName ?? "value"))\\fR"
  }

  /// The table of exit statuses has a section of its own.
  private static func withoutTable(_ text: String) -> String {
    text.components(separatedBy: "\n\n").filter { !$0.contains(CommandStatus.table) && !$0.hasPrefix("Exit statuses") }
      .joined(separator: "\n\n")
  }
}

/// Lines of troff.
struct Troff {
  private(set) var text = ""

  mutating func line(_ line: String) { text += line + "\n" }

  mutating func macro(_ name: String, _ arguments: String...) {
    line(([".\(name)"] + arguments.map { "\"\(Self.escaped($0))\"" }).joined(separator: " "))
  }

  /// Paragraphs, which an empty line parts.
  mutating func paragraphs(_ text: String, isFirst: Bool = true) {
    var isFirst = isFirst
    for paragraph in text.components(separatedBy: "\n\n") where !paragraph.isEmpty {
      if !isFirst { macro("PP") }
      isFirst = false
      for part in paragraph.split(separator: "\n") { line(Self.escaped(String(part))) }
    }
  }

  /// Text in which nothing is a request or an escape (groff(7)); other characters than ASCII by their numbers.
  static func escaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": out += "\\e"
      case "-": out += "\\-"
      case "'": out += "\\(aq"
      case "`": out += "\\(ga"
      case "\"": out += "\\(dq"
      case "^": out += "\\(ha"
      case "~": out += "\\(ti"
      case "\n": out += " "
      case _ where scalar.isASCII: out.unicodeScalars.append(scalar)
      default:
        let digits = String(scalar.value, radix: 16, uppercase: true)
        out += "\\[u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "]"
      }
    }
    // A line that begins so would be a request.
    return out.hasPrefix(".") ? "\\&" + out : out
  }
}
