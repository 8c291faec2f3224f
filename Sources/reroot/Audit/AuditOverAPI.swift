import ArgumentParser
import Console
import Foundation
import PKI

/// Which entries of the audit log are wanted, as on its page.
struct AuditFilterOptions: ParsableArguments {
  @Option(help: "Only what somebody of this name did.")
  var who: String?

  @Option(help: "Only events of this kind, such as updates.")
  var topic: String?

  @Option(help: ArgumentHelp("From this day on, in UTC.", valueName: "YYYY-MM-DD"))
  var from: String?

  @Option(help: ArgumentHelp("To this day, in UTC.", valueName: "YYYY-MM-DD"))
  var until: String?

  @Option(help: "Only entries in which this stands.")
  var text: String?

  var query: [(String, String?)] {
    [("who", who), ("topic", topic), ("from", from), ("until", until), ("text", text)]
  }
}

/// `reroot audit list`.
struct AuditList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List entries of the audit log, the newest first.")

  @OptionGroup var filter: AuditFilterOptions

  @Option(help: "How many, at most 1000.")
  var limit = 50

  @OptionGroup var server: ServerOptions

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

/// `reroot audit export`.
struct AuditExport: AsyncParsableCommand {
  /// The formats of the page.
  enum Format: String, CaseIterable, ExpressibleByArgument { case jsonl, csv }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write the audit log to a file, or to standard output.",
    discussion: "JSON Lines of the whole log are what `reroot audit verify --file` verifies.")

  @OptionGroup var filter: AuditFilterOptions

  @Option(help: "jsonl or csv.")
  var format = Format.jsonl

  @Option(help: "The file, which must not be there yet (default: standard output).", completion: .file())
  var output: String?

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      let reply = try client.send(.get("/audit-export", [("format", format.rawValue)] + filter.query))
      let target = try output.map(OutputFile.init)
      do {
        while let bytes = try client.next(of: reply) {
          if let target { try target.write(bytes) } else { Output.text(String(decoding: bytes, as: UTF8.self)) }
        }
        try target?.finish()
      } catch {
        target?.discard()
        throw error
      }
    }
  }
}

/// A new file that is there as a whole or not at all.
final class OutputFile {
  private let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw ValidationError("\(path) cannot be made: \(String(cString: strerror(errno))).")
    }
  }

  deinit { close(descriptor) }

  func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { throw failure() }
      if count > 0 { rest = rest.dropFirst(count) }
    }
  }

  func finish() throws { guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure() } }

  func discard() { unlink(path) }

  private func failure() -> CommandFailure {
    CommandFailure(.failed, "FILE_UNWRITABLE", "\(path) cannot be written: \(String(cString: strerror(errno))).")
  }
}
