import Foundation
import Synchronization

/// Tells any number of listeners that something has changed; what has changed they look up themselves.
final class Changes: Sendable {
  private struct Inside: Sendable {
    var next = 0
    var listeners: [Int: AsyncStream<Void>.Continuation] = [:]
  }

  private let inside = Mutex(Inside())

  /// A stream with an element for every change from now on; changes that a listener is too slow for become one.
  func stream() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let key = inside.withLock { inside in
      inside.next += 1
      inside.listeners[inside.next] = continuation
      return inside.next
    }
    continuation.onTermination = { [weak self] _ in self?.forget(key) }
    return stream
  }

  /// Tells every listener.
  func tell() {
    for listener in inside.withLock({ Array($0.listeners.values) }) { listener.yield() }
  }

  /// Waits until something holds, looking again after every change; false when the time is over before it does.
  func wait(within limit: Duration, until holds: @escaping @Sendable () -> Bool) async -> Bool {
    let changes = stream()
    if holds() { return true }
    return await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        for await _ in changes where holds() { return true }
        return false
      }
      group.addTask {
        try? await Task.sleep(for: limit)
        return false
      }
      let result = await group.next() ?? false
      group.cancelAll()
      return result || holds()
    }
  }

  private func forget(_ key: Int) {
    inside.withLock { _ = $0.listeners.removeValue(forKey: key) }
  }
}
