import Synchronization

/// The requests whose handlers run or whose answers are being sent. A server that stops waits for them.
final class InFlight: Sendable {
  private struct State {
    var exchanges: [ObjectIdentifier: Exchange] = [:]
    var isStopping = false
    var waiting: CheckedContinuation<Void, Never>?
    /// Numbers the waits, so that a timer that is late does not end the next one.
    var wait = 0
    var expiredWait = 0
  }

  private let state = Mutex(State())

  var isStopping: Bool { state.withLock { $0.isStopping } }
  var count: Int { state.withLock { $0.exchanges.count } }

  /// False once the server is stopping.
  func enter(_ exchange: Exchange) -> Bool {
    state.withLock { state in
      guard !state.isStopping else { return false }
      state.exchanges[ObjectIdentifier(exchange)] = exchange
      return true
    }
  }

  func leave(_ exchange: Exchange) {
    let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.exchanges[ObjectIdentifier(exchange)] = nil
      guard state.exchanges.isEmpty else { return nil }
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume()
  }

  /// Lets no request in any more.
  /// - Returns: the ones that are still there.
  func close() -> [Exchange] {
    state.withLock { state in
      state.isStopping = true
      return Array(state.exchanges.values)
    }
  }

  /// Returns when no request is left, or after `limit`. One caller at a time.
  func wait(atMost limit: Duration) async {
    let wait = state.withLock { state in
      state.wait += 1
      return state.wait
    }
    let timer = Task {
      try? await Task.sleep(for: limit)
      expire(wait)
    }
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if state.exchanges.isEmpty || state.expiredWait == wait { return true }
        state.waiting = continuation
        return false
      }
      if isOver { continuation.resume() }
    }
    timer.cancel()
  }

  private func expire(_ wait: Int) {
    let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard state.wait == wait else { return nil }
      state.expiredWait = wait
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume()
  }
}

/// Counts the bytes of bodies that are held for all clients together.
final class BodyBudget: Sendable {
  private let left: Atomic<Int>

  init(bytes: Int) { left = Atomic(bytes) }

  /// False when they would be too many; nothing is taken then.
  func take(_ bytes: Int) -> Bool {
    let (_, now) = left.subtract(bytes, ordering: .relaxed)
    if now >= 0 { return true }
    give(bytes)
    return false
  }

  func give(_ bytes: Int) {
    if bytes > 0 { left.add(bytes, ordering: .relaxed) }
  }
}
