import Foundation
import GRDB
import Glibc
import PKI
import Rotation
import Testing

@testable import Store

@Suite("A restore that is cut short", .timeLimit(.minutes(2))) struct RestoreCutShortTests {
  private struct Kill: Error {}

  private let system: TestSystem
  private let sample: BackupSample
  private var base: String { system.folder.base }

  init() async throws {
    system = try TestSystem()
    sample = BackupSample(system)
    _ = try await system.addComponents("restored")
    try sample.back()
  }

  /// A folder with a database in which another component is.
  private func present(_ name: String) async throws -> String {
    let store = try Store.open(folder: base + "/" + name)
    _ = try await store.addComponent(.sample("present"))
    try store.close()
    return base + "/" + name
  }

  /// What the next start finds.
  private func names(_ folder: String) async throws -> [String] {
    let store = try Store.open(folder: folder)
    defer { try? store.close() }
    return try await store.components().map(\.name)
  }

  /// Ends a restore after so many of its steps; whether it came to that.
  private func cut(_ folder: String, after steps: Int) async -> Bool {
    var left = steps
    let order = Restore.Order(
      file: sample.file, passphrase: BackupSample.passphrase, folder: folder, replaces: true, now: system.clock.now)
    let found = await code {
      _ = try Restore.run(order) {
        if left == 0 { throw Kill() }
        left -= 1
      }
    }
    #expect([nil, "RESTORE_UNFINISHED"].contains(found))
    return found != nil
  }

  @Test("Before its moment it is not there")
  func before() async throws {
    let folder = try await present("before")
    let staging = RestoreStaging(folder: folder)
    try staging.begin()
    try Data("half".utf8).write(to: URL(fileURLWithPath: staging.database))
    #expect(try await names(folder) == ["present"])
    #expect(!DurableFiles.exists(staging.part))
  }

  @Test("After its moment, whatever the step, the next start finishes it, and keeps what was there before")
  func after() async throws {
    var steps = 0
    while true {
      let folder = try await present("after\(steps)")
      guard await cut(folder, after: steps) else { break }
      if DurableFiles.exists(RestoreStaging(folder: folder).ready) {
        #expect(await code { _ = try Store.openForReading(folder: folder) } == "RESTORE_UNFINISHED")
      }
      #expect(try await names(folder) == ["restored"], "\(steps) steps")
      let found = try FileManager.default.contentsOfDirectory(atPath: folder)
      let former = found.filter { $0.hasPrefix("before-restore-") }
      #expect(former.count == 1 && !found.contains { $0.hasPrefix("restore.") }, "\(steps) steps: \(found)")
      for name in former { #expect(try await names(folder + "/" + name) == ["present"], "\(steps) steps") }
      steps += 1
    }
    // The moment, the folder for the former files, two of these, their mark, two new ones, the former ones kept, and
    // what is over called something else.
    #expect(steps >= 9)
  }

  @Test("What a removal has left that did not come to its end is no restore that has just begun")
  func removal() async throws {
    for left in [[], ["aside"], ["reroot.sqlite-shm", "aside"]] {
      for name in ["restore.part", "restore.ready"] {
        let folder = try await present("\(name)\(left.count)")
        let rest = folder + "/" + name
        try FileManager.default.createDirectory(atPath: rest, withIntermediateDirectories: false)
        for file in left { try Data().write(to: URL(fileURLWithPath: rest + "/" + file)) }
        #expect(try await names(folder) == ["present"], "\(name) with \(left)")
        let found = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(!found.contains { $0.hasPrefix("restore.") || $0.hasPrefix("before-restore-") }, "\(found)")
      }
    }
  }

  @Test("An error after its moment says that the restore stands, and what is to be done")
  func sentence() async throws {
    let folder = base + "/new"
    do {
      _ = try Restore.run(Restore.Order(file: sample.file, passphrase: BackupSample.passphrase, folder: folder)) {
        throw StoreError(code: "FILE_FAILED", sentence: "The disk is tired.")
      }
      Issue.record("it went on")
    } catch let error as StoreError {
      #expect(error.code == "RESTORE_UNFINISHED")
      #expect(error.sentence.contains("The disk is tired. Start Reroot on the folder"), "\(error)")
    }
    #expect(try await names(folder) == ["restored"])
  }
}
