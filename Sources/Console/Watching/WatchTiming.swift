import Foundation

/// When the endpoints are looked at between updates. Tests bring their own.
public struct WatchTiming: Sendable {
  /// Waits, by a clock that nobody sets; throws when its task is cancelled.
  public var sleep: @Sendable (Duration) async throws -> Void
  /// From 0 up to 1, different each time: several consoles must not all look at the same moment.
  public var jitter: @Sendable () -> Double
  /// How long the first look waits after the start, before the jitter.
  public var first: Duration
  /// After so long one looks again at what differs, before it is believed: a service may just be restarting.
  public var again: Duration
  /// Whether there is a schedule at all.
  public var isScheduled = true

  /// Real time.
  public static let real = WatchTiming(
    sleep: { try await Task.sleep(for: $0) }, jitter: { Double.random(in: 0..<1) }, first: .seconds(60),
    again: .seconds(2))

  /// Nothing is looked at unless somebody asks.
  public static let byHand = WatchTiming(
    sleep: { try await Task.sleep(for: $0) }, jitter: { 0 }, first: .zero, again: .zero, isScheduled: false)
}

extension PlainSetting {
  /// Every how many minutes every endpoint is looked at.
  static let watchMinutes = PlainSetting(
    key: "watch_minutes", member: "watchMinutes", label: "Minutes between two looks",
    hint:
      "How often every endpoint is looked at between updates, from 1 to 10080 minutes; usually 15. With 0 it is only "
      + "looked at when somebody asks.",
    kind: .number(0...10_080), initial: "15")
}
