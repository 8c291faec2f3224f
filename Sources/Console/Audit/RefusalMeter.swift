import Foundation
import Synchronization

/// Keeps strangers, and users whose role does not do, from filling the audit log: attempts that are refused without a look
/// cost nothing, so they are counted and recorded together, at most once a minute for each address or user.
final class RefusalMeter: Sendable {
  private struct Count {
    var recordedAt: Date
    var since = 0
  }

  /// Addresses that are told apart; beyond them the one that was recorded first is forgotten.
  private static let limit = 256
  private static let interval: TimeInterval = 60

  private let counts = Mutex<[String: Count]>([:])

  /// Counts an attempt.
  ///
  /// - Returns: how many there were since the last entry, when an entry is due.
  func count(from address: String, at now: Date) -> Int? {
    counts.withLock { counts in
      guard var count = counts[address] else {
        if counts.count >= Self.limit, let oldest = counts.min(by: { $0.value.recordedAt < $1.value.recordedAt }) {
          counts[oldest.key] = nil
        }
        counts[address] = Count(recordedAt: now)
        return 1
      }
      count.since += 1
      // A clock that was set back must not keep the entries away.
      let isDue = abs(now.timeIntervalSince(count.recordedAt)) >= Self.interval
      let number = count.since
      counts[address] = isDue ? Count(recordedAt: now) : count
      return isDue ? number : nil
    }
  }
}
