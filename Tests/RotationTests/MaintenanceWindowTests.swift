import Foundation
import Testing

@testable import Rotation

@Suite("Maintenance windows") struct MaintenanceWindowTests {
  private static let berlin = "Europe/Berlin"

  private func windows(_ text: String, _ zone: String = berlin) throws -> MaintenanceWindows {
    try MaintenanceWindows(text, zone: try #require(TimeZone(identifier: zone)))
  }

  private func moment(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

  @Test(
    "A moment is in a window from its first second on, and not at its end any more",
    arguments: [
      // The first of June 2026 is a Monday; Berlin is two hours ahead of UTC.
      ("Mon 22:00-23:00", "2026-06-01T19:59:59Z", nil),
      ("Mon 22:00-23:00", "2026-06-01T20:00:00Z", "2026-06-01T20:00:00Z"),
      ("Mon 22:00-23:00", "2026-06-01T20:59:59Z", "2026-06-01T20:00:00Z"),
      ("Mon 22:00-23:00", "2026-06-01T21:00:00Z", nil),
      // Past midnight: it is of the day on which it began.
      ("Mon 22:00-04:00", "2026-06-02T01:59:59Z", "2026-06-01T20:00:00Z"),
      ("Mon 22:00-04:00", "2026-06-02T02:00:00Z", nil),
      ("Tue 22:00-04:00", "2026-06-02T01:00:00Z", nil),
      ("Fri-Mon 00:00-24:00", "2026-06-01T21:59:59Z", "2026-05-31T22:00:00Z"),
      ("Fri-Mon 00:00-24:00", "2026-06-01T22:00:00Z", nil),
      ("daily 03:00-05:00", "2026-06-03T01:30:00Z", "2026-06-03T01:00:00Z"),
      // Of two that are open, the one that was opened last.
      ("daily 00:00-24:00\nMon 22:00-23:00", "2026-06-01T20:30:00Z", "2026-06-01T20:00:00Z"),
    ] as [(String, String, String?)])
  func opening(_ text: String, _ now: String, _ expected: String?) throws {
    #expect(try windows(text).opening(at: try moment(now)) == expected.map { try moment($0) })
  }

  @Test("A window whose beginning the clock leaps over begins at the leap; one that it shows twice is one")
  func summer() throws {
    // Berlin leaps from 02:00 to 03:00 on the 29th of March 2026, and back from 03:00 to 02:00 on the 25th of October.
    #expect(
      try windows("Sun 02:30-04:00").opening(at: try moment("2026-03-29T01:10:00Z")) == moment("2026-03-29T01:00:00Z"))
    let autumn = try windows("Sun 02:15-02:45").opening(at: try moment("2026-10-25T00:20:00Z"))
    #expect(autumn == (try moment("2026-10-25T00:15:00Z")))
  }

  @Test("Without windows it is always open; with some, the next one is known")
  func next() throws {
    let now = try moment("2026-06-01T12:00:00Z")
    #expect(try windows("").opening(at: now) == .distantPast)
    #expect(try windows(" \n").next(after: now) == nil)
    #expect(try windows("Sun 22:00-23:00").next(after: now) == moment("2026-06-07T20:00:00Z"))
    #expect(try windows("Mon 14:00-15:00").next(after: now) == moment("2026-06-08T12:00:00Z"))
  }

  @Test(
    "What is no window is named",
    arguments: [
      "Mon", "Mon 22-23", "Mon 22:00", "Mon 22:00-22:00", "Mon 24:00-25:00", "Mon 22:60-23:00", "Monday 22:00-23:00",
      "Mon, Tue 22:00-23:00", "Mon-Tue-Wed 22:00-23:00", "always", "Mon 9:00-10:00", "Mon 10:00-24:01", ", 10:00-11:00",
    ])
  func refused(_ text: String) {
    #expect(throws: MaintenanceWindows.Problem.self) { try windows("daily 01:00-02:00\n\(text)") }
  }

  @Test(
    "What is read is written as it was meant",
    arguments: ["Mon,Tue 22:00-04:00", "daily 00:00-24:00", "Sun 03:05-03:06"])
  func written(_ text: String) throws {
    #expect(try windows(text).windows.map(\.description) == [text])
  }

  @Test("More windows than anybody has are refused")
  func many() {
    let text = String(repeating: "daily 01:00-02:00\n", count: MaintenanceWindows.most + 1)
    #expect(throws: MaintenanceWindows.Problem.self) { try windows(text) }
  }
}
