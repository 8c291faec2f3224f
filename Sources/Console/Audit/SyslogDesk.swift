import Delivery
import Foundation
import Logging
import Store

/// Sends the audit log on to a syslog: every entry, in their order, after it is on disk. No act waits for it; what cannot be
/// sent now is sent when somebody takes it, also after a restart.
actor SyslogDesk {
  /// How the sending stands.
  struct Standing: Sendable {
    /// Where to; nil for nowhere.
    var address: String?
    /// Entries that wait.
    var waiting: Int64 = 0
    /// Why they do; nil where nothing went wrong.
    var problem: String?
  }

  private let store: Store
  private let logger: Logger
  /// One of its own: a syslog that hangs must keep nobody from anything.
  private let threads = WorkThreads(count: 1, name: "syslog")
  private let wakes: AsyncStream<Void>
  private let waker: AsyncStream<Void>.Continuation
  private var task: Task<Void, Never>?
  private var connection: (address: SyslogAddress, connection: SyslogConnection)?
  private var problem: String?
  private var failures = 0
  private var pausedUntil = ContinuousClock.now

  private static let batch = 100
  private static let longestPause = 60

  init(store: Store, logger: Logger) {
    self.store = store
    self.logger = logger
    (wakes, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Begins to send what waits, and then whatever is recorded.
  func start() {
    guard task == nil else { return }
    let waker = waker
    store.whenAuditEntriesAreWritten("syslog") { waker.yield() }
    task = Task { for await _ in wakes { await sendWaiting() } }
    waker.yield()
  }

  /// Sends the last entries, for at most so long. What is left is sent after the next start.
  func stop(within limit: Duration = .seconds(2)) async {
    store.whenAuditEntriesAreWritten("syslog", nil)
    waker.finish()
    guard let task else { return }
    let (ended, end) = AsyncStream<Void>.makeStream()
    Task {
      await task.value
      end.finish()
    }
    let timer = Task {
      try? await Task.sleep(for: limit)
      end.finish()
    }
    for await _ in ended {}
    timer.cancel()
  }

  /// Looks at once where to send, whatever went wrong before.
  func addressChanged() {
    connection = nil
    problem = nil
    failures = 0
    pausedUntil = .now
    waker.yield()
  }

  /// How the sending stands.
  func standing() async throws -> Standing {
    guard let address = try await store.syslogAddress() else { return Standing() }
    let waiting = try await store.lastAuditNumber() - store.lastSentAuditNumber()
    return Standing(address: address, waiting: max(0, waiting), problem: problem)
  }

  private func sendWaiting() async {
    guard ContinuousClock.now >= pausedUntil else { return }
    do {
      while try await sendBatch() {}
      if failures > 0 { logger.notice("syslog takes messages again") }
      failures = 0
      problem = nil
    } catch {
      connection = nil
      pause(error)
    }
  }

  /// - Returns: whether there may be more.
  private func sendBatch() async throws -> Bool {
    guard let text = try await store.syslogAddress(), let address = SyslogAddress(text) else {
      connection = nil
      return false
    }
    let entries = try await store.auditEntries(after: try await store.lastSentAuditNumber(), limit: Self.batch)
    guard let last = entries.last else { return false }
    let known = connection?.address == address ? connection?.connection : nil
    let used = try await threads.run {
      let connection = try known ?? SyslogConnection(address)
      let (host, process) = (ProcessInfo.processInfo.hostName, ProcessInfo.processInfo.processIdentifier)
      try connection.send(
        entries.map { SyslogMessage.bytes($0, limit: address.longestMessage, hostName: host, processID: process) })
      return connection
    }
    // Another address may have been set in the meantime; that one gets what comes after.
    connection = (address, used)
    try await store.setLastSentAuditNumber(last.number)
    return entries.count == Self.batch
  }

  private func pause(_ error: any Error) {
    let sentence = (error as? SyslogFailure)?.sentence ?? "\(error)"
    if problem != sentence { logger.warning("audit log not sent to syslog", metadata: ["reason": "\(sentence)"]) }
    problem = sentence
    let seconds = min(Self.longestPause, 1 << min(failures, 10))
    failures += 1
    pausedUntil = .now + .seconds(seconds)
    let waker = waker
    Task {
      try? await Task.sleep(for: .seconds(seconds))
      waker.yield()
    }
  }
}
