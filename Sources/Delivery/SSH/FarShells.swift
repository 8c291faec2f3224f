import Foundation
import Synchronization

/// Shells that wait for scripts, so that not every script needs a program here, a session and a login there.
///
/// A shell is given one script at a time, and another one only once both its streams have come to the marks of the one before:
/// so no script reads what another has left. One whose script ended in any other way is ended with it.
final class FarShells: Sendable {
  private struct State {
    var waiting: [FarProcess] = []
    var isClosed = false
  }

  private let start: @Sendable () throws -> FarProcess
  private let state = Mutex(State())

  /// - Parameter start: begins a shell that reads its scripts from standard input.
  init(_ start: @escaping @Sendable () throws -> FarProcess) { self.start = start }

  deinit { close() }

  /// How many wait.
  var count: Int { state.withLock { $0.waiting.count } }

  /// Has a script run by one that waits, or by a new one. Blocking.
  ///
  /// One that waited may have been lost meanwhile, with its connection or alone. Nothing has been done then, since the script
  /// did not begin, and so it is given to a new one.
  func hold(_ conversation: FarConversation) throws -> FarAnswer {
    if let known = state.withLock({ $0.waiting.popLast() }) {
      let answer = hold(conversation, in: known)
      guard !answer.began, !answer.isExpired, !conversation.wasCancelled else { return answer }
    }
    return hold(conversation, in: try start())
  }

  /// The same on one of the threads. Whoever is cancelled gives the conversation up.
  func hold(_ conversation: FarConversation, on threads: WorkThreads) async throws -> FarAnswer {
    let answer = try await withTaskCancellationHandler {
      try await threads.run { try self.hold(conversation) }
    } onCancel: {
      conversation.cancel()
    }
    try Task.checkCancellation()
    return answer
  }

  private func hold(_ conversation: FarConversation, in shell: FarProcess) -> FarAnswer {
    let answer = conversation.hold(in: shell)
    guard shell.input != nil else { return answer }
    let isKept = state.withLock { state in
      if !state.isClosed { state.waiting.append(shell) }
      return !state.isClosed
    }
    if !isKept { Self.end(shell) }
    return answer
  }

  /// Ends those that wait; those that work end with their scripts.
  func close() {
    state.withLock { $0.isClosed = true }
    endWaiting()
  }

  /// Ends those that wait, so that their sessions are free for others.
  func endWaiting() {
    let shells = state.withLock { state in
      defer { state.waiting = [] }
      return state.waiting
    }
    for shell in shells { Self.end(shell) }
  }

  /// Collects it, too, which takes no time: nothing that is killed here waits for a disk.
  private static func end(_ shell: FarProcess) {
    shell.closeInput()
    shell.signal(SIGKILL)
    _ = shell.wait()
  }
}
