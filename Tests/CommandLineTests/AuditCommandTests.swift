import Foundation
import Testing

@testable import Store

@Suite("reroot audit verify", .timeLimit(.minutes(2))) struct AuditCommandTests {
  private func filled(_ folder: String) async throws -> Store {
    let store = try Store.open(folder: folder)
    for index in 1...6 {
      try await store.record(AuditAct(.searchBegun, by: .commandLine(uid: 0), on: "search \(index)"))
    }
    return store
  }

  @Test("It says that all is well with status 0, also while the folder is in use, and gives what to expect later")
  func good() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let store = try await filled(data)
    let ended = try await reroot("audit", "verify", "--data", data)
    #expect(ended.status == 0, "\(ended)")
    #expect(ended.output.hasPrefix("The audit log is as it was written: 6 entries are good. The last is 6:"))
    let last = try #require(ended.output.firstMatch(of: #/6:[0-9a-f]{64}/#)).output
    #expect(try await reroot("audit", "verify", "--data", data, "--expect", String(last)).status == 0)
    let other = "5" + last.dropFirst()
    #expect(try await reroot("audit", "verify", "--data", data, "--expect", other).status == 1)
    let hashes = try await reroot("audit", "verify", "--data", data, "--without-seals")
    #expect(hashes.status == 0 && hashes.output.contains("The seals were not checked"))
    try store.close()
    #expect(try await reroot("audit", "verify", "--data", data).output == ended.output)
    for words in [["--expect", "6:x"], []] {
      let wrong = try await RerootProcess(["audit", "verify"] + (words.isEmpty ? [] : ["--data", data]) + words).end()
      #expect(wrong.status == 64, "\(wrong)")
    }
    let missing = try await reroot("audit", "verify", "--data", folder.path + "/none")
    #expect(missing.status == 2 && missing.complaints.first?.contains("There is no database") == true)
  }

  @Test("It names the first entry that was tampered with, with status 1")
  func tampered() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    try await filled(data).close()
    let change = """
      DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_removed;
      UPDATE audit SET subject = 'search 40' WHERE number = 4; DELETE FROM audit WHERE number = 6;
      """
    let sqlite = Process()
    sqlite.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
    sqlite.arguments = [data + "/reroot.sqlite", change]
    try sqlite.run()
    sqlite.waitUntilExit()
    #expect(sqlite.terminationStatus == 0)
    let ended = try await reroot("audit", "verify", "--data", data)
    #expect(ended.status == 1, "\(ended)")
    #expect(
      ended.output
        == "Tampered with (changed): Entry 4 was changed: it does not fit its hash. 3 entries are good before it.\n")
  }

  @Test("An exported file is verified, with the folder's key or by its hashes alone")
  func file() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let store = try await filled(data)
    var export = try await store.auditExport()
    var lines = try await export.next().map { AuditLine.text($0) }
    lines.append(export.lastLine)
    try store.close()
    let good = try folder.write(lines.joined(separator: "\n") + "\n", to: "good")
    let ended = try await reroot("audit", "verify", "--data", data, "--file", good)
    #expect(ended.status == 0 && ended.output.contains("6 entries are good"), "\(ended)")
    let alone = try await reroot("audit", "verify", "--file", good)
    #expect(alone.status == 0 && alone.output.contains("The seals were not checked"))
    lines.remove(at: 2)
    let bad = try folder.write(lines.joined(separator: "\n"), to: "bad")
    let missing = try await reroot("audit", "verify", "--data", data, "--file", bad)
    #expect(missing.status == 1 && missing.output.contains("2 entries are good before it."), "\(missing)")
    let cut = try folder.write(String(lines.joined(separator: "\n").dropLast(400)), to: "cut")
    #expect(try await reroot("audit", "verify", "--file", cut).status == 1)
    let unreadable = try await reroot("audit", "verify", "--file", folder.path + "/none")
    #expect(unreadable.status == 2 && unreadable.complaints.first?.contains("cannot be read") == true)
    // A folder opens like a file, and fails when it is read (EISDIR, read(2)); a disk may fail in the middle.
    let directory = try await reroot("audit", "verify", "--file", folder.path)
    #expect(directory.status == 2 && directory.output == "", "\(directory)")
    #expect(directory.complaints.first?.contains("\(folder.path) cannot be read to its end") == true)
  }

  @Test("What the command line does is recorded with the user of the system")
  func commandLine() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let list = try folder.write(
      """
      components:
        - name: web
          names: [web.example]
          files: {certificate: /srv/web.pem, key: /srv/web.key}
      """, to: "list.yaml")
    let applied = try await reroot("components", "apply", list, "--data", data)
    #expect(applied.status == 0, "\(applied)")
    #expect(try await reroot("master-key", "rotate", "--data", data).status == 0)
    let store = try Store.open(folder: data)
    let entries = try await store.auditEntries(after: 0, limit: 100)
    #expect(entries.map(\.event) == ["components.imported", "master-key.rotated"])
    #expect(entries.allSatisfy { $0.author.name == "command line (user \(getuid()))" })
    #expect(entries.first?.details["added"] == "web")
    try store.close()
    #expect(try await reroot("audit", "verify", "--data", data).status == 0)
  }
}
