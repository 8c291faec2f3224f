import GRDB
import Synchronization

/// Carries out what several tasks write at the same time in one transaction, so that one flush to the disk serves them all.
///
/// Nobody is answered before the transaction is committed, and they are carried out in the order in which they came. Where one
/// of them fails nothing of the group is kept: those before it are carried out anew together, it alone, and those behind it
/// together, so that what one refuses takes nothing away from the others. Where the commit fails, each is carried out anew
/// alone. So what is carried out may be carried out twice: what it does besides writing to the database belongs into its
/// ``WriteAttempt``.
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

  /// So many at most, and for so long, so that whoever is first is not kept waiting by those who come later.
  private static let largest = 64
  private static let longest: Duration = .milliseconds(20)

  private let database: DatabasePool
  private let waiting = Mutex<[Write]>([])
  /// The attempt that is under way, and the connection on which; there is one writer.
  private let current = Mutex<(connection: ObjectIdentifier, attempt: WriteAttempt)?>(nil)

  init(_ database: DatabasePool) {
    self.database = database
  }

  /// How many wait for the next transaction.
  var waitingCount: Int { waiting.withLock(\.count) }

  /// Writes, whatever becomes of the task that asks for it. What is returned is on disk.
  func write<Value: Sendable>(_ body: @escaping @Sendable (GRDB.Database) throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      begin(body) { continuation.resume(with: $0) }
    }
  }

  /// The same for whoever does not wait: what is returned is handed to `done`, which must not block. It is carried out before
  /// whatever is asked for afterwards.
  func begin<Value: Sendable>(
    _ body: @escaping @Sendable (GRDB.Database) throws -> Value,
    _ done: @escaping @Sendable (Result<Value, any Error>) -> Void
  ) {
    let outcome = Outcome<Value>()
    add(
      Write(
        carryOut: { outcome.set(try body($0)) },
        answer: { error in done(error.map { .failure($0) } ?? Result { try outcome.get() }) }))
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
    carryOut(group[...], database)
  }

  private func carryOut(_ group: ArraySlice<Write>, _ database: GRDB.Database) {
    guard let first = group.first else { return }
    guard group.count > 1 else { return first.answer(Self.failure { _ = try commit(group, database) { _ in } }) }
    var failed: Int?
    do {
      let done = try commit(group, database) { failed = $0 }
      for write in group[..<done] { write.answer(nil) }
      carryOut(group[done...], database)
    } catch {
      guard let failed else {
        for index in group.indices { carryOut(group[index...index], database) }
        return
      }
      carryOut(group[..<failed], database)
      carryOut(group[failed...failed], database)
      carryOut(group[(failed + 1)...], database)
    }
  }

  /// Carries out as many as there is time for, in one transaction.
  ///
  /// - Parameter failing: told which of them has failed, before its error is thrown.
  /// - Returns: the place behind the last of them.
  private func commit(
    _ group: ArraySlice<Write>, _ database: GRDB.Database, _ failing: (Int) -> Void
  ) throws -> Int {
    let attempt = WriteAttempt()
    current.withLock { $0 = (ObjectIdentifier(database), attempt) }
    defer { current.withLock { $0 = nil } }
    var done = group.startIndex
    let start = ContinuousClock.now
    try database.inTransaction {
      while done < group.endIndex {
        do {
          try group[done].carryOut(database)
        } catch {
          failing(done)
          throw error
        }
        done += 1
        if ContinuousClock.now - start > Self.longest { break }
      }
      return .commit
    }
    attempt.committed()
    return done
  }

  /// The attempt that a connection is carrying out; nil while it only reads, or writes for itself.
  func attempt(on database: GRDB.Database) -> WriteAttempt? {
    current.withLock { $0.flatMap { $0.connection == ObjectIdentifier(database) ? $0.attempt : nil } }
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
