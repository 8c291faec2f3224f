import Foundation
import Testing

@testable import reroot

@Suite("The manual of the command line") struct ManualTests {
  @Test("Exit statuses are one table, which nothing else uses")
  func statuses() throws {
    let table: [(CommandStatus, Int32)] = [
      (.done, 0), (.failed, 1), (.completedWithErrors, 10), (.waiting, 11), (.rolledBack, 12),
      (.rolledBackWithErrors, 13), (.refused, 14), (.usage, 64), (.notConnected, 69),
    ]
    #expect(table.map(\.0) == CommandStatus.allCases)
    for (status, number) in table { #expect(status.rawValue == number) }
    // Those of the commands with a table of their own: doctor, audit verify, inspect.
    #expect(!CommandStatus.allCases.map(\.rawValue).contains(2))
    for status in CommandStatus.allCases {
      #expect(CommandStatus.table.contains("\(status.rawValue)  \(status.meaning)"))
    }
    #expect(CommandStatus(standing: "deciding") == .waiting)
    #expect(CommandStatus(standing: "running") == nil)
    let readme = try String(contentsOfFile: packageFolder + "/README.md", encoding: .utf8)
    for status in CommandStatus.allCases {
      #expect(readme.contains("| \(status.rawValue) | \(status.meaning) |"), "\(status) is not in the README")
    }
  }

  @Test(
    "No line of prose stands in the README twice, and the part on users tells how an agreement is asked for and given")
  func readme() throws {
    let readme = try String(contentsOfFile: packageFolder + "/README.md", encoding: .utf8)
    let prose = readme.split(separator: "\n").filter { $0.count > 70 && !$0.hasPrefix("|") && !$0.hasPrefix(" ") }
    #expect(prose.count > 250)
    #expect(Dictionary(grouping: prose) { $0 }.filter { $0.value.count > 1 }.map(\.key) == [])
    let users = try #require(readme.firstRange(of: "### Users")).upperBound
    let section = readme[users..<(try #require(readme.firstRange(of: "### The API")).lowerBound)]
    let commands = AgreementsCommand.configuration.subcommands.compactMap {
      $0.configuration.commandName ?? "\($0)".lowercased()
    }
    for command in commands { #expect(section.contains(command), "\(command)") }
    for path in ["/plans/{id}/agreements", "/agreements/{id}/answers", "/agreements/{id}/withdrawal"] {
      #expect(section.contains(path))
    }
  }

  @Test("Each outcome of an update has a status of its own")
  func outcomes() {
    let standings = ["completed", "completedWithErrors", "rolledBack", "rolledBackWithErrors", "deciding"]
    #expect(Set(standings.compactMap { CommandStatus(standing: $0) }).count == standings.count)
  }

  @Test("The page names every command and option of --help, and the statuses, and has no request in its text")
  func page() throws {
    let help = try CommandHelp.all()
    let text = ManualPage(help: help).text
    let lines = text.split(separator: "\n").map(String.init)
    for command in help.family.dropFirst() {
      #expect(text.contains(Troff.escaped(command.abstract ?? "")), "\(command.path)")
      for option in command.arguments ?? [] where option.shouldDisplay {
        for name in option.names ?? [] where !["help", "version", "h"].contains(name.name) {
          #expect(text.contains(Troff.escaped(name.text)), "\(command.path) \(name.text)")
        }
      }
    }
    for status in CommandStatus.allCases { #expect(lines.contains(".B \(status.rawValue)")) }
    let macros: Set = ["TH", "SH", "SS", "PP", "TP", "B", "I"]
    for line in lines where line.hasPrefix(".") {
      #expect(macros.contains(String(line.dropFirst().prefix { $0 != " " })), "\(line)")
    }
    #expect(text.utf8.allSatisfy { $0 < 0x80 })
  }

  /// Commands that print nothing which a program would read, each with its reason.
  private static let withoutJSON = [
    "reroot man": "it prints troff", "reroot serve": "its log has --log-format json",
    "reroot demo": "it is for a person to look at",
  ]

  @Test("Every command prints JSON for a program")
  func json() throws {
    let all = try CommandHelp.all().family.filter { $0.subcommands == nil }
    let lacking = all.filter { command in
      !(command.arguments ?? []).contains { $0.names?.contains { $0.name == "json" } ?? false }
    }
    #expect(all.count > 50)
    #expect(Set(lacking.map(\.path)) == Set(Self.withoutJSON.keys))
  }

  @Test(
    "Text in it is text, whatever it begins with",
    arguments: [(".x", "\\&.x"), ("'x", "\\(aqx"), ("a\\b", "a\\eb"), ("“", "\\[u201C]")])
  func escaping(text: String, written: String) { #expect(Troff.escaped(text) == written) }
}
