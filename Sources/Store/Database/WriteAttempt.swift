import GRDB
import Rotation
import Synchronization

/// One attempt at a transaction: what its writes have found out so far, and what follows in memory once it is committed. Of an
/// attempt that is not committed nothing stays.
///
/// GRDB's observers would not do: they are not told when SQLite rolls back by itself, as it does where a commit fails.
final class WriteAttempt: Sendable {
  private struct State {
    var folded: [UpdateRecord.ID: FoldedState] = [:]
    var recorded: Set<ObjectIdentifier> = []
    var whenCommitted: [@Sendable () -> Void] = []
  }

  private let state = Mutex(State())

  /// The state of an update as this transaction has left it.
  func folded(_ id: UpdateRecord.ID) -> FoldedState? { state.withLock { $0.folded[id] } }

  /// Keeps the state of an update for the writes that come after in the same transaction.
  func keep(_ folded: FoldedState, of id: UpdateRecord.ID) { state.withLock { $0.folded[id] = folded } }

  /// Whether the act of a scope was recorded in this transaction.
  func hasRecorded(_ scope: AuditScope) -> Bool { state.withLock { $0.recorded.contains(ObjectIdentifier(scope)) } }

  /// Says that it was.
  func note(recorded scope: AuditScope) {
    _ = state.withLock { $0.recorded.insert(ObjectIdentifier(scope)) }
    whenCommitted { scope.markRecorded() }
  }

  /// Calls back once the transaction is committed, before anybody is answered; it must not block.
  func whenCommitted(_ call: @escaping @Sendable () -> Void) { state.withLock { $0.whenCommitted.append(call) } }

  /// Does what follows.
  func committed() {
    let calls = state.withLock { state in
      defer { state.whenCommitted = [] }
      return state.whenCommitted
    }
    for call in calls { call() }
  }
}
