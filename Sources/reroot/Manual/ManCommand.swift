import ArgumentParser

/// `reroot man`: the manual page.
struct ManCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "man", abstract: "Print the manual page, made of the text of --help.",
    discussion: """
      It is written in troff: `reroot man | man -l -` shows it, and in a folder man1 as reroot.1 it is found by man(1).

      Completions for bash, zsh and fish: `reroot --generate-completion-script bash`, and so on.
      """)

  func run() throws {
    do {
      Output.text(ManualPage(help: try CommandHelp.all()).text)
    } catch {
      try Complaint.end(error)
    }
  }
}
