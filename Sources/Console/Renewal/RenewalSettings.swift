import Foundation
import PKI
import Rotation
import Store

/// What an administrator has chosen of renewals; off until that is done.
struct RenewalSettings: Sendable, Hashable {
  static let leadKey = "renewal"
  static let windowsKey = "renewal_windows"
  static let zoneKey = "renewal_zone"

  /// How long before their end the child certificates are renewed.
  let lead: RenewalLead
  /// When that may be begun.
  let windows: MaintenanceWindows

  /// Reads them. What was kept was checked before, and may be unknown to this version or to this machine's time zones all the
  /// same: that must not look like a renewal that is off.
  ///
  /// - Throws: ``RenewalHold`` for what cannot be read; what the store says.
  static func read(_ store: Store) async throws -> RenewalSettings {
    let kept = (
      lead: try await store.setting(leadKey) ?? "", zone: try await store.setting(zoneKey) ?? "",
      windows: try await store.setting(windowsKey) ?? ""
    )
    guard let lead = RenewalLead(kept.lead) else { throw unreadable(.renewal, kept.lead) }
    // What is off needs neither.
    if lead == .off { return RenewalSettings(lead: lead, windows: MaintenanceWindows([], zone: .current)) }
    guard let zone = zone(kept.zone) else { throw unreadable(.maintenanceZone, kept.zone) }
    guard let windows = try? MaintenanceWindows(kept.windows, zone: zone) else {
      throw unreadable(.maintenanceWindows, kept.windows)
    }
    return RenewalSettings(lead: lead, windows: windows)
  }

  private static func unreadable(_ setting: PlainSetting, _ kept: String) -> RenewalHold {
    RenewalHold(
      code: "SETTINGS_UNREADABLE",
      "The setting “\(setting.label)” cannot be read: “\(VisibleText.of(kept, limit: 200))” is nothing that this version "
        + "or this machine knows. Nothing is renewed until it is set anew.", path: "/settings")
  }

  /// A time zone by its name, such as `Europe/Berlin`; this machine's where nothing is said, nil for what is none.
  static func zone(_ name: String) -> TimeZone? {
    let name = name.trimmingCharacters(in: .whitespaces)
    if name.isEmpty { return .current }
    return TimeZone.knownTimeZoneIdentifiers.contains(name) || name == "UTC" || name == TimeZone.current.identifier
      ? TimeZone(identifier: name) : nil
  }

  // MARK: What is wrong with a value, in a sentence; nil when nothing is

  static func problem(lead text: String) -> String? {
    guard RenewalLead(text) == nil else { return nil }
    let (days, percent) = (RenewalLead.possibleDays, RenewalLead.possiblePercent)
    return
      "Give off, a number of days from \(days.lowerBound) to \(days.upperBound) such as 30 days, or a share of their "
      + "life from \(percent.lowerBound) to \(percent.upperBound) such as 33 percent."
  }

  static func problem(windows text: String) -> String? {
    do {
      _ = try MaintenanceWindows(text, zone: .current)
      return nil
    } catch {
      return error.sentence
    }
  }

  static func problem(zone text: String) -> String? {
    zone(text) == nil ? "Give the name of a time zone, such as Europe/Berlin or UTC." : nil
  }
}
