import CSpawn
import Foundation
import Synchronization

/// Takes in what a command says, on a thread of its own, so that the command never waits for a reader.
final class OutputPipe: Sendable {
  private struct State {
    var output = CommandOutput()
    var isEnded = false
    var deadline: ContinuousClock.Instant?
    var waiting: CheckedContinuation<Void, Never>?
  }

  private let readEnd: Int32
  private let writeEnd: Mutex<Int32?>
  private let state = Mutex(State())

  init() throws {
    var ends: [Int32] = [-1, -1]
    // In one step: a command that is started in between would keep them.
    guard reroot_pipe(&ends) == 0 else { throw DeliveryFailure.system(errno, "Making a pipe for a command") }
    readEnd = ends[0]
    writeEnd = Mutex(ends[1])
    let thread = Thread { self.read() }
    thread.name = "output"
    thread.start()
  }

  /// The end that the command gets, to be closed by whoever takes it.
  func takeWriteEnd() -> Int32 {
    writeEnd.withLock { end in
      defer { end = nil }
      return end ?? -1
    }
  }

  /// What was said until now, once the command has ended. Children that go on holding the pipe get a fifth of a second to
  /// say the rest.
  func finish() async -> String {
    writeEnd.withLock { end in
      if let open = end { close(open) }
      end = nil
    }
    await withCheckedContinuation { continuation in
      let isEnded = state.withLock { state in
        state.deadline = .now + .milliseconds(200)
        if !state.isEnded { state.waiting = continuation }
        return state.isEnded
      }
      if isEnded { continuation.resume() }
    }
    return state.withLock { $0.output.text }
  }

  private func read() {
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      var poll = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
      let ready = Glibc.poll(&poll, 1, 50)
      if ready > 0 {
        let count = Glibc.read(readEnd, &buffer, buffer.count)
        if count == 0 || (count < 0 && errno != EINTR) { break }
        if count > 0 { state.withLock { $0.output.append(buffer.prefix(count)) } }
      }
      // Also while a child floods the pipe.
      if state.withLock({ $0.deadline.map { ContinuousClock.now >= $0 } ?? false }) { break }
    }
    close(readEnd)
    let waiting = state.withLock { state in
      state.isEnded = true
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume()
  }
}
