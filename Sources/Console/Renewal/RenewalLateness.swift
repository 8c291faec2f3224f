import Foundation
import Rotation
import Store

/// Until when nobody has to see to the ends of certificates, because a renewal is about to replace them.
struct RenewalLateness: Sendable {
  /// From when on the renewal is late.
  let moment: Date
  /// Whose certificates it replaces.
  let components: Set<Component.ID>

  private static let day: TimeInterval = 86_400

  /// Nil where nothing is renewed by itself. A renewal may begin once the first certificate is due, in the next window; it is
  /// late a day after that, or in the middle between that and the end where this is sooner, and at once when it was held.
  static func read(_ store: Store) async throws -> RenewalLateness? {
    let settings: RenewalSettings
    do {
      settings = try await RenewalSettings.read(store)
    } catch is RenewalHold {
      return nil
    }
    let lives = try await store.certificateLives()
    let dates = lives.compactMap { life in
      settings.lead.due(begin: life.begin, end: life.end).map { (due: $0, end: life.end) }
    }
    guard let first = dates.min(by: { $0.due < $1.due }) else { return nil }
    var late = moment(due: first.due, end: first.end, settings.windows)
    if let last = try await store.lastRenewal(), last.code != nil, last.update == nil, last.begunAt >= first.due {
      late = min(late, last.begunAt)
    }
    return RenewalLateness(moment: late, components: Set(lives.map(\.component)))
  }

  static func moment(due: Date, end: Date, _ windows: MaintenanceWindows) -> Date {
    let opening = windows.opening(at: due) == nil ? windows.next(after: due) ?? due : due
    // No window before the end: it cannot come in time.
    guard opening < end else { return due }
    return opening.addingTimeInterval(min(day, end.timeIntervalSince(opening) / 2))
  }
}
