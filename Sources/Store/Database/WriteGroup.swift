import GRDB
import Synchronization

/// Carries out what several tasks write at the same time in one transaction, so that one flush to the disk serves them all.
///
/// Nobody is answered before the transaction is committed, and they are carried out in the order in which they came. When
/// one of them fails, nothing of the group is kept and each is carried out anew, in a transaction of its own: what one
/// refuses takes nothing away from the others. So what is carried out must do nothing but write to the database.
final class WriteGroup: Sendable {
  private struct Write: Sendable {
    /// Carries it out, in a transaction.
    let carryOut: @Sendable (GRDB.Database) throws -> Void
    /// Answers whoever waits for it: nil once it is committed.
    let answer: @Sendable ((any Error)?) -> Void
  }

  /// What a task gets back once its write is committed.
  private final class Outcome<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)

    func set(_ new: Value) { value.withLock { $0 = new } }

    func get() throws -> Value {
      guard let value = value.withLock(\.self) else { throw DatabaseError(resultCode: .SQLITE_INTERNAL) }
      return value
    }
  }

  /// So many at most, so that whoever is first is not kept waiting by those who come later.
  private static let largest = 64

  private let database: DatabasePool
  private let waiting = Mutex<[Write]>([])

  init(_ database: DatabasePool) {
    self.database = database
  }

  /// How many wait for the next transaction.
  var waitingCount: Int { waiting.withLock(\.count) }

  /// Writes, whatever becomes of the task that asks for it. What is returned is on disk.
  func write<Value: Sendable>(_ body: @escaping @Sendable (GRDB.Database) throws -> Value) async throws -> Value {
    let outcome = Outcome<Value>()
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      add(
        Write(
          carryOut: { outcome.set(try body($0)) },
          answer: { error in
            if let error { continuation.resume(throwing: error) } else { continuation.resume() }
          }))
    }
    return try outcome.get()
  }

  private func add(_ write: Write) {
    let isFirst = waiting.withLock { waiting in
      waiting.append(write)
      return waiting.count == 1
    }
    // Those who come until it is carried out join it.
    if isFirst { schedule() }
  }

  private func schedule() {
    database.asyncWriteWithoutTransaction { [self] in writeNext($0) }
  }

  private func writeNext(_ database: GRDB.Database) {
    let (group, isMore) = waiting.withLock { waiting in
      let group = Array(waiting.prefix(Self.largest))
      waiting.removeFirst(group.count)
      return (group, !waiting.isEmpty)
    }
    if isMore { schedule() }
    guard group.count > 1, (try? Self.commit(group, database)) != nil else {
      for write in group { write.answer(Self.failure { try Self.commit([write], database) }) }
      return
    }
    for write in group { write.answer(nil) }
  }

  private static func commit(_ group: [Write], _ database: GRDB.Database) throws {
    try database.inTransaction {
      for write in group { try write.carryOut(database) }
      return .commit
    }
  }

  private static func failure(_ body: () throws -> Void) -> (any Error)? {
    do {
      try body()
      return nil
    } catch {
      return error
    }
  }
}
