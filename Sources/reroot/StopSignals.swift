import Foundation
import Synchronization

/// Waits for SIGTERM or SIGINT, which then no longer end the process by themselves.
///
/// A second signal does: whoever sends it does not want to wait for a clean end.
final class StopSignals: Sendable {
  private struct State {
    var arrived: String?
    var waiter: CheckedContinuation<String, Never>?
  }

  private let state: SharedState
  // The sources are made in the initialiser and never touched again but to keep them alive.
  private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

  private final class SharedState: Sendable {
    let mutex = Mutex(State())

    func arrive(_ name: String) {
      let waiter = mutex.withLock { state -> CheckedContinuation<String, Never>? in
        if state.arrived != nil { _exit(1) }
        state.arrived = name
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume(returning: name)
    }
  }

  init() {
    let state = SharedState()
    self.state = state
    sources = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")].map { number, name in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: DispatchQueue(label: "reroot.signals"))
      source.setEventHandler { state.arrive(name) }
      source.resume()
      return source
    }
    // A client that leaves while something is written to it must not end the server.
    signal(SIGPIPE, SIG_IGN)
  }

  /// The name of the first signal.
  func first() async -> String {
    await withCheckedContinuation { continuation in
      let arrived = state.mutex.withLock { state -> String? in
        if let arrived = state.arrived { return arrived }
        state.waiter = continuation
        return nil
      }
      if let arrived { continuation.resume(returning: arrived) }
    }
  }
}
