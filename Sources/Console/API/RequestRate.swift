import Foundation
import Store
import Synchronization

/// How many requests a token may send. Each has a store of them that fills up evenly, so that a burst is possible and a
/// flood is not (a token bucket). It shares the store with the tokens that it makes, or it would make itself another one.
final class RequestRate: Sendable {
  private struct Bucket {
    var left: Double
    var at: Date
  }

  /// How many a minute, and at once.
  let limit: Int
  private let clock: @Sendable () -> Date
  private let buckets = Mutex<[TokenRecord.ID: Bucket]>([:])

  init(limit: Int, clock: @escaping @Sendable () -> Date) {
    self.limit = max(1, limit)
    self.clock = clock
  }

  /// Counts a request of a program.
  ///
  /// - Throws: ``TooManyRequests``.
  func take(_ visit: Visit) throws {
    guard case .token(let token)? = visit.visitor?.credential else { return }
    let wait: Double? = buckets.withLock { buckets in
      var bucket = filled(buckets[token.family])
      defer { buckets[token.family] = bucket }
      guard bucket.left >= 1 else { return (1 - bucket.left) * 60 / Double(limit) }
      bucket.left -= 1
      return nil
    }
    if let wait { throw TooManyRequests(seconds: max(1, Int(wait.rounded(.up))), limit: limit) }
  }

  /// The fields that tell a program how many it may still send; nil for a browser.
  func fields(_ visit: Visit) -> [(String, String)]? {
    guard case .token(let token)? = visit.visitor?.credential else { return nil }
    let left = Int(buckets.withLock { filled($0[token.family]).left })
    let full = Int((Double(limit - left) * 60 / Double(limit)).rounded(.up))
    return [("RateLimit-Policy", "\"token\";q=\(limit);w=60"), ("RateLimit", "\"token\";r=\(left);t=\(full)")]
  }

  private func filled(_ bucket: Bucket?) -> Bucket {
    let now = clock()
    guard let bucket else { return Bucket(left: Double(limit), at: now) }
    // A clock that was set back gives nothing, and takes nothing away.
    let seconds = min(60, max(0, now.timeIntervalSince(bucket.at)))
    return Bucket(left: min(Double(limit), bucket.left + seconds * Double(limit) / 60), at: now)
  }
}

/// A program sends more than it may.
struct TooManyRequests: Error {
  /// After so many seconds it may try again.
  let seconds: Int
  let limit: Int
}
