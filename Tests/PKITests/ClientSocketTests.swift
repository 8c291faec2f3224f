import Foundation
import Glibc
import Synchronization
import Testing

@testable import PKI

@Suite("A socket that is waited for", .timeLimit(.minutes(1))) struct ClientSocketTests {
  /// A thread that waits until something can be read, and how that ended.
  private final class Waiter: Sendable {
    private let thread = Mutex<pthread_t?>(nil)
    private let outcome = Mutex<Result<Void, any Error>?>(nil)

    init(_ descriptor: Int32, within limit: Duration) {
      Thread { [self] in
        // The threads of tests block nearly all signals, and this one inherits that.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGURG)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        thread.withLock { $0 = pthread_self() }
        let result = Result { try ClientSocket.wait(for: descriptor, POLLIN, until: .now + limit) }
        outcome.withLock { $0 = result }
      }.start()
    }

    var result: Result<Void, any Error>? { outcome.withLock { $0 } }

    /// Sends the thread a signal, while it waits.
    func interrupt() {
      outcome.withLock { outcome in
        guard outcome == nil, let thread = thread.withLock({ $0 }) else { return }
        pthread_kill(thread, SIGURG)
      }
    }

    func end() -> Result<Void, any Error> {
      while true {
        if let result { return result }
        usleep(1_000)
      }
    }
  }

  private func withPipe(_ body: (_ read: Int32, _ write: Int32) throws -> Void) throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    defer { ends.forEach { close($0) } }
    try body(ends[0], ends[1])
  }

  @Test("A signal ends no waiting, and is no end of the time")
  func signal() throws {
    // One that is ignored interrupts nothing.
    var handled = sigaction()
    handled.__sigaction_handler.sa_handler = { _ in }
    var before = sigaction()
    sigaction(SIGURG, &handled, &before)
    defer { sigaction(SIGURG, &before, nil) }
    try withPipe { read, write in
      let waiter = Waiter(read, within: .seconds(30))
      for _ in 0..<100 {
        waiter.interrupt()
        usleep(1_000)
      }
      #expect(waiter.result == nil, "it still waits")
      #expect(Glibc.write(write, "a", 1) == 1)
      #expect(throws: Never.self) { try waiter.end().get() }
    }
  }

  @Test("At the deadline the waiting ends")
  func deadline() throws {
    try withPipe { read, _ in
      #expect(throws: ClientSocket.Failure.timedOut) {
        try ClientSocket.wait(for: read, POLLIN, until: .now + .milliseconds(20))
      }
    }
  }

  @Test("A name that cannot be resolved, and a port at which nobody listens, are told apart")
  func refused() throws {
    #expect(throws: ClientSocket.Failure.refused(ECONNREFUSED)) {
      _ = try ClientSocket.connect(host: "127.0.0.1", port: 1, type: SOCK_STREAM, deadline: .now + .seconds(5))
    }
    do {
      _ = try ClientSocket.connect(host: "not a name", port: 1, type: SOCK_STREAM, deadline: .now + .seconds(5))
      Issue.record("It was resolved")
    } catch {
      guard case .unresolved = error else { throw error }
    }
  }
}
