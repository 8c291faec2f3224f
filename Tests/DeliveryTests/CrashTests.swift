import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("After a crash", .timeLimit(.minutes(1)))
struct CrashTests {
  /// Ends the process at one step of a replacement, as a crash would.
  private static func crash(_ path: String, at step: Int) async throws {
    let count = Counter()
    try await TargetAccess.local(observe: { _ in
      if count.next() == step { kill(getpid(), SIGKILL) }
    }).replace(SampleChange.changes(in: path))
  }

  @Test("at any step the files are recovered as they all were, or are all new, with nothing beside them")
  func everyStep() async throws {
    let after = try await SampleChange.after()
    for step in 0..<(try await SampleChange.countSteps()) {
      let sample = try SampleChange()
      let before = try sample.folder.picture()
      let path = sample.folder.path
      await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, step = step as Int] in
        try await Self.crash(path, at: step)
      }
      // With a journal from one file alone, so that the other folder has to be found.
      let isBegun = try sample.folder.traces().contains { $0.hasSuffix(".journal") }
      let paths = isBegun ? [sample.paths[step % sample.paths.count]] : sample.paths
      _ = try await TargetAccess.local().recover(paths)
      let found = try sample.folder.picture()
      #expect(found == before || found == after, "step \(step)")
      #expect(try sample.folder.traces() == [], "step \(step)")
    }
  }

  /// A replacement that was cut short when everything but the last step was done.
  private func crashed() async throws -> SampleChange {
    let sample = try SampleChange()
    let path = sample.folder.path
    let last = try await SampleChange.countSteps() - 4
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, last = last as Int] in
      try await Self.crash(path, at: last)
    }
    #expect(try sample.folder.text("tls/chain.pem") == "new chain")
    #expect(try sample.folder.traces().contains { $0.hasSuffix(".journal") })
    return sample
  }

  @Test("recovery tells what it undid, and a second one has nothing to do")
  func sentence() async throws {
    let sample = try await crashed()
    let access = TargetAccess.local()
    let found = try await access.recover(sample.paths)
    #expect(found.count == 1 && found.first?.leftAsFound == [])
    #expect(found.first?.sentence.contains(sample.folder.path("tls/chain.pem")) == true)
    #expect(try await access.recover(sample.paths) == [])
    #expect(try await access.recover([sample.folder.path("no folder/a")]) == [])
  }

  @Test("recovery that is cut short itself is done again")
  func crashInRecovery() async throws {
    let before = try SampleChange().folder.picture()
    for count in 1...5 {
      let sample = try await crashed()
      let locks = try FolderLocks(paths: [sample.folder.path("tls"), sample.folder.path("trust")])
      // What was put back before the second crash: the last ones, for they come first.
      var journal = try #require(try self.journal(in: locks))
      journal.entries = Array(journal.entries.suffix(count))
      _ = try CrashRecovery.undo(journal, folders: locks.folders)
      _ = try CrashRecovery(locks: locks).perform()
      #expect(try sample.folder.picture() == before, "after \(count) files")
    }
  }

  @Test("the next replacement in one of the folders undoes the one before first")
  func nextReplacement() async throws {
    let sample = try await crashed()
    let change = FileChange(
      path: sample.folder.path("trust/other.pem"), content: SecretBytes(utf8: "other"), mode: 0o644)
    try await TargetAccess.local().replace([change])
    #expect(try sample.folder.text("tls/chain.pem") == "old chain")
    #expect(try sample.folder.text("trust/other.pem") == "other")
    #expect(try sample.folder.traces() == [])
  }

  @Test("a file that somebody has changed since is left as it is, and named")
  func changedSince() async throws {
    let sample = try await crashed()
    try sample.folder.write("by hand", to: "tls/chain.pem")
    let found = try await TargetAccess.local().recover(sample.paths)
    #expect(found.map(\.leftAsFound) == [[sample.folder.path("tls/chain.pem")]])
    #expect(try sample.folder.text("tls/chain.pem") == "by hand")
    #expect(try sample.folder.text("tls/key.pem") == SampleChange.key + "old")
    #expect(try sample.folder.traces() == [])
  }

  @Test("recovery waits until the folder of the journal can be reached")
  func folderGone() async throws {
    let sample = try await crashed()
    let trust = sample.folder.path("trust")
    // The journal lies in the folder of the first file, the pointer to it in the other.
    rename(trust, trust + ".away")
    let access = TargetAccess.local()
    let chain = [sample.folder.path("tls/chain.pem")]
    let failure = await failure { _ = try await access.recover(chain) }
    #expect(failure?.code == "RECOVERY_IMPOSSIBLE")
    #expect(failure?.failure.sentence.contains(trust) == true)
    // Another folder in its place is not it.
    mkdir(trust, 0o755)
    #expect(await code { _ = try await access.recover(chain) } == "RECOVERY_IMPOSSIBLE")
    rmdir(trust)
    rename(trust + ".away", trust)
    _ = try await access.recover(chain)
    #expect(try sample.folder.text("tls/chain.pem") == "old chain")
    #expect(try sample.folder.traces() == [])
  }

  @Test("what is left without a journal is removed, and nothing else that looks like it")
  func tracesWithoutJournal() async throws {
    let folder = try TestFolder()
    let id = ".reroot-0123456789abcdef"
    for name in [".0.new", ".12.old", ".pointer.tmp", ".journal.tmp", ".probe"] { try folder.write("", to: id + name) }
    let others = [
      ".reroot-", ".reroot-0123456789ABCDEF.0.new", ".reroot-0123456789abcde.0.new", id + ".x.new", id + ".0.bak",
      id + ".0.new.old", "reroot-0123456789abcdef.0.new", id,
    ]
    for name in others { try folder.write("", to: name) }
    #expect(try await TargetAccess.local().recover([folder.path("a")]) == [])
    #expect(try Set(folder.picture().keys) == Set(others))
  }

  private func journal(in locks: FolderLocks) throws -> ReplacementJournal? {
    for folder in locks.folders.values {
      for names in try folder.names().compactMap(TransactionNames.init(parsing:)) {
        if let journal = try ReplacementJournal.read(in: folder, names: names) { return journal }
      }
    }
    return nil
  }
}
