import Foundation
import Synchronization

/// Threads of one's own for work that blocks: files, name resolution, handshakes, key generation.
///
/// Swift's shared pool has as many threads as the machine has cores, so a `Task` that blocks makes unrelated requests
/// wait. Work given here runs in the order in which it was given, as many pieces at a time as there are threads.
public final class WorkThreads: Sendable {
  private let queue: WorkQueue

  /// Makes room for that many pieces of work at a time, at least one; a thread begins when it is first needed.
  ///
  /// The threads end when the last reference goes away and the work given so far is done.
  public init(count: Int, name: String = "work", priority: Priority = .usual) {
    queue = WorkQueue(limit: max(1, count), name: name, priority: priority)
  }

  /// What the threads have to stand back behind.
  public enum Priority: Sendable {
    /// Nothing.
    case usual
    /// Everything else that wants a core: `SCHED_IDLE` in sched(7).
    case idle
  }

  deinit { queue.close() }

  /// Runs the work on one of the threads and gives back what it returns or throws. It cannot be cancelled.
  public func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      queue.add { continuation.resume(with: Result { try work() }) }
    }
  }

  /// The same, but gives up waiting after a time, counted from now: then it throws what `expired` makes, and whatever
  /// the work returns later is dropped. For work that cannot be told a limit, such as resolving a name. Whoever is
  /// cancelled gives up waiting at once.
  public func run<Value: Sendable>(
    within limit: Duration, expired: @escaping @Sendable () -> any Error,
    _ work: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    let answer = FirstAnswer<Value>()
    queue.add { answer.give(Result { try work() }) }
    return try await answer.value(within: limit) { .failure(expired()) }
  }
}

/// Hands the first of several answers to whoever waits, and drops the others.
public final class FirstAnswer<Value: Sendable>: Sendable {
  private enum State {
    case open
    case waiting(CheckedContinuation<Value, any Error>)
    case answered(Result<Value, any Error>)
    case done
  }

  private let state = Mutex(State.open)

  /// Without an answer yet.
  public init() {}

  /// Waits for the first answer, but no longer than the limit: then `late` is it. Whoever is cancelled gives up waiting at
  /// once. To be called once.
  public func value(
    within limit: Duration, late: @escaping @Sendable () -> Result<Value, any Error>
  ) async throws -> Value {
    let timer = Task {
      try? await Task.sleep(for: limit)
      if !Task.isCancelled { give(late()) }
    }
    defer { timer.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { wait($0) }
    } onCancel: {
      give(.failure(CancellationError()))
    }
  }

  /// Resumes the continuation with the first answer, at once where there is one already. To be called once.
  public func wait(_ continuation: CheckedContinuation<Value, any Error>) {
    let ready = state.withLock { state -> Result<Value, any Error>? in
      guard case .answered(let result) = state else {
        state = .waiting(continuation)
        return nil
      }
      state = .done
      return result
    }
    if let ready { continuation.resume(with: ready) }
  }

  /// Gives an answer; whether it was the first.
  @discardableResult public func give(_ result: Result<Value, any Error>) -> Bool {
    let (first, waiting) = state.withLock { state -> (Bool, CheckedContinuation<Value, any Error>?) in
      switch state {
      case .open:
        state = .answered(result)
        return (true, nil)
      case .waiting(let continuation):
        state = .done
        return (true, continuation)
      case .answered, .done: return (false, nil)
      }
    }
    waiting?.resume(with: result)
    return first
  }
}

// Sendable holds: everything that changes is read and written between `lock()` and `unlock()` of the condition.
private final class WorkQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private let limit: Int
  private let name: String
  private let priority: WorkThreads.Priority
  private var waiting: [@Sendable () -> Void] = []
  private var first = 0
  private var threads = 0
  private var idle = 0
  private var isClosed = false

  init(limit: Int, name: String, priority: WorkThreads.Priority) {
    self.limit = limit
    self.name = name
    self.priority = priority
  }

  func add(_ work: @escaping @Sendable () -> Void) {
    condition.lock()
    waiting.append(work)
    let needsThread = idle < waiting.count - first && threads < limit
    if needsThread { threads += 1 }
    condition.signal()
    condition.unlock()
    guard needsThread else { return }
    let thread = Thread { self.serve() }
    thread.name = name
    thread.start()
  }

  func close() {
    condition.lock()
    isClosed = true
    condition.broadcast()
    condition.unlock()
  }

  private func serve() {
    if priority == .idle { standBack() }
    while let work = next() { work() }
  }

  /// Gives this thread the least priority there is. Where that is forbidden, as by a filter of system calls, it works as any
  /// other.
  private func standBack() {
    var parameters = sched_param()
    // `SCHED_IDLE`, which the header keeps to itself; a number of the kernel's interface.
    _ = sched_setscheduler(0, 5, &parameters)
  }

  private func next() -> (@Sendable () -> Void)? {
    condition.lock()
    defer { condition.unlock() }
    while first == waiting.count {
      if isClosed {
        threads -= 1
        return nil
      }
      idle += 1
      condition.wait()
      idle -= 1
    }
    let work = waiting[first]
    first += 1
    if first == waiting.count {
      waiting.removeAll(keepingCapacity: true)
      first = 0
    }
    return work
  }
}
