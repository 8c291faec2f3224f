import Foundation
import Rotation
import Store

/// What watching knows of the whole system.
struct WatchState: Sendable {
  /// A component that is not as it was deployed.
  struct Differing: Sendable {
    let component: Component.ID
    let name: String
    /// Since when.
    let since: Date?
    let findings: [WatchFinding]
  }

  /// Every how many minutes everything is looked at; 0 is never.
  let minutes: Int
  /// How many days before its end a certificate is said to expire.
  let days: Int
  /// When a component was last looked at; nil for not yet.
  let lastLookedAt: Date?
  /// The components at which something differs, by name.
  let differing: [Differing]
}

extension WatchDesk {
  /// What is known now.
  func state() async throws -> WatchState {
    let records = try await store.watchRecords()
    let different = records.filter { !$0.value.findings.isEmpty }
    let names = different.isEmpty ? [:] : try await store.componentNames()
    return WatchState(
      minutes: try await minutes(), days: try await days(), lastLookedAt: records.values.compactMap(\.lookedAt).max(),
      differing: different.compactMap { id, record in
        names[id].map { .init(component: id, name: $0, since: record.differsSince, findings: record.findings) }
      }.sorted { $0.name < $1.name })
  }

  func minutes() async throws -> Int { try await number(.watchMinutes) }

  func days() async throws -> Int { try await number(.expiryDays) }

  /// What is kept was checked, and so is what holds where nothing was set.
  private func number(_ setting: PlainSetting) async throws -> Int {
    Int(try await SettingsDesk.value(setting, store)) ?? 0
  }
}
