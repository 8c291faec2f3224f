import Rotation
import Store
import Synchronization

/// Updates of which something cannot be written down at the moment, each with the reason. Nothing new begins there until it
/// can, and whoever watches is told so: the journal has no entry of it.
final class UnwrittenUpdates: Sendable {
  private let reasons = Mutex<[UpdateRecord.ID: String]>([:])

  /// Notes why something cannot be written, or, without a reason, that all is written.
  ///
  /// - Returns: whether that is new.
  @discardableResult func set(_ reason: String?, of update: UpdateRecord.ID) -> Bool {
    reasons.withLock { reasons in
      defer { reasons[update] = reason }
      return reasons[update] != reason
    }
  }

  /// What a page says of an update; nil while all is written.
  func sentence(of update: UpdateRecord.ID) -> String? { reasons.withLock { $0[update] }.map(Self.sentence) }

  /// The same of whichever update there is one.
  var sentence: String? { reasons.withLock { $0.values.first }.map(Self.sentence) }

  private static func sentence(_ reason: String) -> String {
    "What has ended cannot be written down, and nothing new begins until it is: \(reason) It is tried again each second."
  }
}
