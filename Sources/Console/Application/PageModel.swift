import Foundation

/// What a page shows: display strings, truth values, lists and further models by name.
public typealias PageModel = [String: any Sendable]

/// How values are written on every page.
public enum Display {
  /// A moment to the minute, in UTC: `24 Nov 2026, 04:26 UTC`.
  public static func moment(_ date: Date) -> String {
    let parts = calendar.dateComponents([.hour, .minute], from: date)
    return day(date) + ", " + twoDigits(parts.hour) + ":" + twoDigits(parts.minute) + " UTC"
  }

  /// A day in UTC: `24 Nov 2026`.
  public static func day(_ date: Date) -> String {
    let parts = calendar.dateComponents([.year, .month, .day], from: date)
    let month = (parts.month ?? 1) - 1
    let name = months.indices.contains(month) ? months[month] : ""
    return "\(parts.day ?? 0) \(name) \(parts.year ?? 0)"
  }

  /// The time of day to the second, in UTC: `04:26:00`.
  public static func clock(_ date: Date) -> String {
    let parts = calendar.dateComponents([.hour, .minute, .second], from: date)
    return [parts.hour, parts.minute, parts.second].map(twoDigits).joined(separator: ":")
  }

  /// A time span in seconds: `7 s`, `2 min 5 s`, `1 h 2 min`.
  public static func duration(_ seconds: TimeInterval) -> String {
    // A clock that was set back must not show a time before the beginning.
    let whole = Int(min(max(0, seconds), 1e9).rounded())
    if whole < 60 { return "\(whole) s" }
    return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
  }

  /// A moment to the second for programs, as `<time datetime>` takes it: `2026-11-24T04:26:00Z`.
  public static func machine(_ date: Date) -> String {
    let day = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
    let year = String(day.year ?? 0)
    return String(repeating: "0", count: max(0, 4 - year.count)) + year + "-" + twoDigits(day.month) + "-"
      + twoDigits(day.day) + "T" + twoDigits(day.hour) + ":" + twoDigits(day.minute) + ":" + twoDigits(day.second) + "Z"
  }

  /// The model of a moment: `text` for people and `machine` for `<time datetime>`.
  public static func time(_ date: Date) -> PageModel {
    ["text": moment(date), "machine": machine(date)]
  }

  /// `1 component`, `3 components`; the plural is the singular with an s unless given.
  public static func count(_ number: Int, _ singular: String, _ plural: String? = nil) -> String {
    number == 1 ? "1 \(singular)" : "\(number) \(plural ?? singular + "s")"
  }

  /// `a`, `a and b`, `a, b and c`.
  public static func list(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " and " + last
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  private static func twoDigits(_ number: Int?) -> String {
    let text = String(number ?? 0)
    return text.count < 2 ? "0" + text : text
  }

  private static let calendar: Calendar = {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? calendar.timeZone
    return calendar
  }()
}
