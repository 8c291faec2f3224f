import ArgumentParser
import Console
import Foundation
import PKI
import Store

/// Which entries of the audit log are wanted, as on its page.
struct AuditFilterOptions: ParsableArguments {
  @Option(help: "Only what somebody of this name did.")
  var who: String?

  @Option(help: "Only events of this kind, such as updates.")
  var topic: AuditTopic?

  @Option(help: ArgumentHelp("From this day on, in UTC.", valueName: "YYYY-MM-DD"))
  var from: DayArgument?

  @Option(help: ArgumentHelp("To this day, in UTC.", valueName: "YYYY-MM-DD"))
  var until: DayArgument?

  @Option(help: "Only entries in which this stands.")
  var text: String?

  var query: [(String, String?)] {
    [
      ("who", who), ("topic", topic?.rawValue), ("from", from?.text), ("until", until?.text), ("text", text),
    ]
  }
}

/// `reroot audit list`.
struct AuditList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List entries of the audit log, the newest first.")

  @OptionGroup var filter: AuditFilterOptions

  @Option(help: "How many, at most \(AuditListing.limits.upperBound).")
  var limit = 50

  @OptionGroup var server: ServerOptions

  func validate() throws {
    let limits = AuditListing.limits
    guard limits.contains(limit) else {
      throw ValidationError("--limit is \(limits.lowerBound) to \(limits.upperBound).")
    }
  }

  func run() async throws {
    try await Complaint.ending {
      let answer = try server.client().json(.get("/audit", filter.query + [("limit", "\(limit)")]))
      if server.json { return try Output.json(answer) }
      var table = Table("NUMBER", "AT", "WHO", "EVENT", "SUBJECT", "REASON")
      for entry in answer["items"]?.elements ?? [] {
        table.add(
          entry.number("number"), entry["at"]?.moment ?? "", entry.words("who"), entry.words("event"),
          entry.words("subject"), entry.words("reason"))
      }
      Output.table(table, ifEmpty: "There is no such entry.")
    }
  }
}

/// `reroot audit show NUMBER`.
struct AuditShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show an entry of the audit log with all that it says.")

  @Argument(help: "The number of the entry.")
  var number: Int64

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await Complaint.ending {
      try SettingsText.show(try server.client().json(.get("/audit/\(number)")), json: server.json)
    }
  }
}

/// `reroot audit export`.
struct AuditExport: AsyncParsableCommand {
  /// The formats of the page.
  enum Format: String, CaseIterable, ExpressibleByArgument { case jsonl, csv }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write the audit log to a file, or to standard output.",
    discussion: """
      JSON Lines of the whole log are what `reroot audit verify --file` verifies. They are JSON as they are; with --output, \
      --json says what was written.
      """)

  @OptionGroup var filter: AuditFilterOptions

  @Option(help: "jsonl or csv.")
  var format = Format.jsonl

  @Option(help: "The file, which must not be there yet (default: standard output).", completion: .file())
  var output: String?

  @OptionGroup var server: ServerOptions

  func validate() throws {
    guard !server.json || output != nil || format == .jsonl else {
      throw ValidationError("CSV is no JSON: give --format jsonl with --json, or a file with --output.")
    }
  }

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      // Before anything is asked for, so that a file that is in the way costs nothing.
      let target = try output.map(OutputFile.init)
      let reply = try client.send(.get("/audit-export", [("format", format.rawValue)] + filter.query))
      var count = 0
      while let bytes = try client.next(of: reply) {
        guard let target else {
          guard try Output.bytes(bytes) else { return }
          continue
        }
        try target.write(bytes)
        count += bytes.count
      }
      try target?.finish()
      if let output, server.json { try Output.json(["file": .string(output), "bytes": .integer(Int64(count))]) }
    }
  }
}
