import Synchronization

/// Work that waits for a hardware module, and that nobody may want any more before it is done: after an Abort, say.
public final class ModuleCall: Sendable {
  private struct State {
    var isCancelled = false
    /// Ends the process that is working for it now.
    var end: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  /// Begins with work that is wanted.
  public init() {}

  /// Says that nobody wants it any more: what has not begun does not begin, and the process that works for it is killed.
  public func cancel() {
    state.withLock { state in
      state.isCancelled = true
      state.end?()
    }
  }

  /// - Throws: `CancellationError` once nobody wants it any more.
  public func requireWanted() throws {
    if state.withLock(\.isCancelled) { throw CancellationError() }
  }

  /// Notes how the process that begins now is ended; at once where nobody wants it any more.
  func begun(_ end: @escaping @Sendable () -> Void) {
    state.withLock { state in
      state.end = end
      if state.isCancelled { end() }
    }
  }

  /// To be called once the process is gone.
  func ended() { state.withLock { $0.end = nil } }
}
