import Foundation
import GRDB
import Synchronization
import Testing

@testable import Store

/// Holds the writer until everybody has asked to write, so that they make one group.
func writeTogether(
  _ pool: DatabasePool, _ group: WriteGroup, _ writes: [@Sendable () async throws -> Void]
) async -> [Result<Void, any Error>] {
  let (held, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
  pool.asyncWriteWithoutTransaction { _ in
    held.signal()
    release.wait()
  }
  await withCheckedContinuation { continuation in
    DispatchQueue.global().async {
      held.wait()
      continuation.resume()
    }
  }
  return await withTaskGroup(of: (Int, Result<Void, any Error>).self) { tasks in
    for (number, write) in writes.enumerated() {
      tasks.addTask {
        do {
          return (number, .success(try await write()))
        } catch {
          return (number, .failure(error))
        }
      }
      while group.waitingCount <= number { await Task.yield() }
    }
    release.signal()
    var results: [Int: Result<Void, any Error>] = [:]
    for await (number, result) in tasks { results[number] = result }
    return writes.indices.compactMap { results[$0] }
  }
}

@Suite("Writes of several tasks in one transaction") struct WriteGroupTests {
  private struct Refused: Error {}

  /// A table, and how many transactions were committed.
  private final class Scene: Sendable {
    let folder: TestFolder
    let pool: DatabasePool
    let group: WriteGroup
    let commits = CommitCounter()

    init() throws {
      folder = try TestFolder()
      pool = try DatabasePool(path: folder.base + "/writes.sqlite")
      try pool.write {
        try $0.execute(
          sql: "CREATE TABLE notes (text TEXT UNIQUE, other REFERENCES notes (text) DEFERRABLE INITIALLY DEFERRED)")
      }
      pool.add(transactionObserver: commits, extent: .databaseLifetime)
      group = WriteGroup(pool)
    }

    func together(_ writes: [@Sendable (WriteGroup) async throws -> Void]) async -> [Result<Void, any Error>] {
      await writeTogether(pool, group, writes.map { write in { [group] in try await write(group) } })
    }

    func notes() throws -> [String] {
      try pool.read { try String.fetchAll($0, sql: "SELECT text FROM notes ORDER BY rowid") }
    }
  }

  private final class CommitCounter: TransactionObserver, Sendable {
    private let number = Mutex(0)
    var count: Int { number.withLock(\.self) }

    func observes(eventsOfKind kind: DatabaseEventKind) -> Bool { true }
    func databaseDidChange(with event: DatabaseEvent) {}
    func databaseDidCommit(_ database: GRDB.Database) { number.withLock { $0 += 1 } }
    func databaseDidRollback(_ database: GRDB.Database) {}
  }

  private static func note(_ text: String) -> @Sendable (WriteGroup) async throws -> Void {
    { group in try await group.write { try $0.execute(sql: "INSERT INTO notes (text) VALUES (?)", arguments: [text]) } }
  }

  @Test("Those that wait are committed by one transaction, in their order")
  func one() async throws {
    let scene = try Scene()
    let results = await scene.together((1...20).map { Self.note("\($0)") })
    for result in results { try result.get() }
    #expect(try scene.notes() == (1...20).map(String.init))
    #expect(scene.commits.count == 1)
  }

  @Test("What one refuses takes nothing away from the others, and leaves nothing of itself")
  func refusal() async throws {
    let scene = try Scene()
    let refused: @Sendable (WriteGroup) async throws -> Void = { group in
      try await group.write { database in
        try database.execute(sql: "INSERT INTO notes (text) VALUES ('half')")
        throw Refused()
      }
    }
    let results = await scene.together([Self.note("a"), refused, Self.note("b"), Self.note("a"), Self.note("c")])
    #expect(try scene.notes() == ["a", "b", "c"])
    try results[0].get()
    #expect(throws: Refused.self) { try results[1].get() }
    try results[2].get()
    #expect(throws: DatabaseError.self) { try results[3].get() }
    try results[4].get()
  }

  /// What only the commit finds out to be wrong.
  private static let impossible: @Sendable (WriteGroup) async throws -> Void = { group in
    try await group.write { try $0.execute(sql: "INSERT INTO notes VALUES ('child', 'nobody')") }
  }

  @Test("Where the commit fails, all others are committed all the same, and whoever is at fault is told")
  func commit() async throws {
    let scene = try Scene()
    let results = await scene.together([Self.note("a"), Self.impossible, Self.note("b")])
    #expect(try scene.notes() == ["a", "b"])
    try results[0].get()
    #expect(throws: DatabaseError.self) { try results[1].get() }
    try results[2].get()
  }

  @Test("What follows in memory follows once, after the commit, and never for what was not committed")
  func afterwards() async throws {
    let scene = try Scene()
    let followed = Mutex<[String]>([])
    func noted(_ text: String, fails: Bool = false) -> @Sendable (WriteGroup) async throws -> Void {
      { group in
        try await group.write { database in
          try database.execute(sql: "INSERT INTO notes (text) VALUES (?)", arguments: [text])
          group.attempt(on: database)?.whenCommitted { followed.withLock { $0.append(text) } }
          if fails { throw Refused() }
        }
        // Whoever is answered finds it done.
        #expect(followed.withLock { $0.contains(text) })
      }
    }
    _ = await scene.together([noted("a"), noted("x", fails: true), noted("b"), Self.impossible, noted("c")])
    #expect(followed.withLock { $0 } == ["a", "b", "c"])
    #expect(try await scene.pool.read { scene.group.attempt(on: $0) == nil })
  }

  @Test("More than one group takes are all written")
  func many() async throws {
    let scene = try Scene()
    let results = await scene.together((1...150).map { Self.note("\($0)") })
    for result in results { try result.get() }
    #expect(try scene.notes() == (1...150).map(String.init))
    #expect(scene.commits.count == 3)
  }

  @Test("It is written although whoever asked for it was cancelled")
  func cancelled() async throws {
    let scene = try Scene()
    let group = scene.group
    await Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try? await Self.note("kept")(group)
    }.value
    #expect(try scene.notes() == ["kept"])
  }
}
