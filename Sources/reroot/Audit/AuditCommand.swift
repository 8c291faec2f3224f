import ArgumentParser
import Console
import Foundation
import PKI
import Store

/// `reroot audit`: the audit log without a browser.
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "List, show, export and verify the audit log.",
    subcommands: [AuditList.self, AuditShow.self, AuditExport.self, Verify.self])

  /// `reroot audit verify`: looks at every entry.
  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Tell whether the audit log is as it was written, and name the first entry that is not.",
      discussion: """
        Every entry is sealed to the one before by its hash, and under a key that the master key opens. Nothing is \
        written; a server may run on the data folder. The last entry's number and hash are printed: kept elsewhere (each \
        message to syslog has them), they tell later with --expect whether a whole older database was put back.

        Exit status: 0 when all is well, 1 when an entry was tampered with or is missing, 2 when the log could not be read.
        """)

    @Option(help: "The data folder; with --file it only lends the key that the seals are checked with.")
    var data: String?

    @OptionGroup var masterKey: MasterKeyOptions

    @Flag(help: "Check the hashes alone, for whoever may not read the master key.")
    var withoutSeals = false

    @Option(
      help: "An exported file of JSON Lines to verify in place of the log in the data folder.", completion: .file())
    var file: String?

    @Option(help: "An entry that must be there, NUMBER:HASH.")
    var expect: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
      if data == nil, file == nil { throw ValidationError("Give a data folder with --data, or a file with --file.") }
      if let expect, AuditExpectation(expect) == nil {
        throw ValidationError("--expect takes a number, a colon and 64 hexadecimal digits.")
      }
    }

    func run() throws {
      do {
        let found = try verify()
        try json ? Output.json(Self.value(found)) : Output.line(Self.text(found))
        if found.fault != nil { throw ExitCode(1) }
      } catch {
        try Complaint.end(error, status: 2)
      }
    }

    private func verify() throws -> AuditVerification {
      let expectation = expect.flatMap { AuditExpectation($0) }
      let source = withoutSeals ? nil : masterKey.source
      if let file {
        let folder = data.flatMap { data in source.map { (path: data, masterKey: $0) } }
        let lines = try FileLines(file)
        let found = try Store.verifyAudit(lines: lines, keyOf: folder, expecting: expectation)
        // What could not be read to its end must not pass for one that was cut.
        if let failure = lines.failure { throw failure }
        return found
      }
      return try Store.verifyAudit(folder: data ?? "", masterKey: source, expecting: expectation)
    }

    static func value(_ found: AuditVerification) -> JSONValue {
      [
        "isGood": .bool(found.fault == nil), "good": .integer(Int64(found.good)),
        "last": found.good == 0
          ? .null : ["number": .integer(Int64(found.lastGood)), "hash": .string(found.lastHash)],
        "areSealsChecked": .bool(found.areSealsChecked),
        "fault": found.fault.map { ["kind": .string($0.kind.rawValue), "sentence": .string($0.sentence)] } ?? .null,
      ]
    }

    static func text(_ found: AuditVerification) -> String {
      let count = found.good == 1 ? "1 entry is" : "\(found.good) entries are"
      if let fault = found.fault {
        return "Tampered with (\(fault.kind.rawValue)): \(fault.sentence) \(count) good before it."
      }
      let seals = found.areSealsChecked ? "" : " The seals were not checked: whoever computes hashes can pass this."
      let last = found.good == 0 ? "" : " The last is \(found.lastGood):\(found.lastHash)."
      return "The audit log is as it was written: \(count) good.\(last)\(seals)"
    }
  }
}
