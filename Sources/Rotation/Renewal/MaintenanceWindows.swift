import Foundation

/// When the system may be worked on without anybody who has asked for it: ranges of time on days of the week, by the clock of
/// one time zone.
public struct MaintenanceWindows: Sendable, Hashable {
  /// One range of time on some days of the week.
  public struct Window: Sendable, Hashable, CustomStringConvertible {
    /// The days on which it begins, Monday is 1.
    public var days: Set<Int>
    /// When it begins, in minutes after midnight; at most 1,439.
    public var begin: Int
    /// When it ends, in minutes after the same midnight; past 1,440 on the next day.
    public var end: Int

    /// As it is read, each day by its name: `Mon,Tue 22:00-04:00`.
    public var description: String {
      let names =
        days.count == 7 ? "daily" : days.sorted().map { MaintenanceWindows.dayNames[$0 - 1] }.joined(separator: ",")
      return "\(names) \(MaintenanceWindows.time(begin))-\(MaintenanceWindows.time(end > 1440 ? end - 1440 : end))"
    }
  }

  /// What is wrong with a text of windows.
  public struct Problem: Error, Sendable, Hashable {
    /// What is wrong, and what is possible.
    public let sentence: String
  }

  /// The windows; none means always.
  public let windows: [Window]
  /// Whose clock they go by.
  public let zone: TimeZone

  /// The most windows that a text may have.
  public static let most = 50
  static let dayNames = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

  /// Describes windows.
  public init(_ windows: [Window], zone: TimeZone) {
    self.windows = windows
    self.zone = zone
  }

  /// Reads windows, one to a line: `Mon-Fri 22:00-04:00`, `Sat,Sun 00:00-24:00` or `daily 03:00-05:00`. A range that ends before
  /// it begins ends on the next day. A text without any means always.
  public init(_ text: String, zone: TimeZone) throws(Problem) {
    let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter {
      !$0.isEmpty
    }
    guard lines.count <= Self.most else { throw Problem(sentence: "Give at most \(Self.most) windows.") }
    var windows: [Window] = []
    for line in lines {
      guard let window = Self.window(line) else {
        throw Problem(
          sentence: "“\(line.prefix(60))” is no window. Give days and a range of time, such as Mon-Fri 22:00-04:00, "
            + "Sat,Sun 00:00-24:00 or daily 03:00-05:00.")
      }
      windows.append(window)
    }
    self.init(windows, zone: zone)
  }

  /// When the window that is open at a moment was opened; nil when none is. Without windows it is always open, since the
  /// beginning of time.
  public func opening(at now: Date) -> Date? {
    guard !windows.isEmpty else { return .distantPast }
    return occurrences(around: now).filter { $0.begin <= now && now < $0.end }.map(\.begin).max()
  }

  /// When the next window opens after a moment; nil without windows.
  public func next(after now: Date) -> Date? {
    occurrences(around: now).map(\.begin).filter { $0 > now }.min()
  }

  /// Those that begin between two days before a moment and eight days after it: every window begins once a week at least.
  private func occurrences(around now: Date) -> [(begin: Date, end: Date)] {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = zone
    let midnight = calendar.startOfDay(for: now)
    return (-2...8).flatMap { offset -> [(begin: Date, end: Date)] in
      guard let day = calendar.date(byAdding: .day, value: offset, to: midnight) else { return [] }
      // Calendar counts days from Sunday, which is 1.
      let weekday = (calendar.component(.weekday, from: day) + 5) % 7 + 1
      return windows.filter { $0.days.contains(weekday) }.compactMap { window in
        guard let begin = Self.moment(window.begin, day, calendar), let end = Self.moment(window.end, day, calendar)
        else { return nil }
        return (begin, end)
      }
    }
  }

  /// A time of the clock on a day. One that the clock leaps over when summer begins is the moment of the leap.
  private static func moment(_ minutes: Int, _ day: Date, _ calendar: Calendar) -> Date? {
    guard let day = calendar.date(byAdding: .day, value: minutes / 1440, to: day) else { return nil }
    let start = calendar.startOfDay(for: day)
    let rest = minutes % 1440
    guard rest > 0 else { return start }
    return calendar.nextDate(
      after: start, matching: DateComponents(hour: rest / 60, minute: rest % 60, second: 0), matchingPolicy: .nextTime)
  }

  // MARK: Reading

  private static func window(_ line: String) -> Window? {
    let words = line.split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let days = days(String(words[0])) else { return nil }
    let times = words[1].split(separator: "-", omittingEmptySubsequences: false)
    guard times.count == 2, let begin = minutes(times[0]), let end = minutes(times[1]), begin < 1440, begin != end
    else {
      return nil
    }
    return Window(days: days, begin: begin, end: end > begin ? end : end + 1440)
  }

  private static func days(_ text: String) -> Set<Int>? {
    if text.lowercased() == "daily" { return Set(1...7) }
    var days: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map(day)
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1] else { return nil }
      // Sat-Mon goes over the end of the week.
      days.formUnion((0...(last - first + 7) % 7).map { (first - 1 + $0) % 7 + 1 })
    }
    return days
  }

  private static func day(_ text: Substring) -> Int? {
    dayNames.firstIndex { $0.lowercased() == text.lowercased() }.map { $0 + 1 }
  }

  /// `00:00` to `24:00` in minutes.
  private static func minutes(_ text: Substring) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy { (48...57).contains($0) } }),
      let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60
    else { return nil }
    let minutes = hour * 60 + minute
    return minutes <= 1440 ? minutes : nil
  }

  private static func time(_ minutes: Int) -> String {
    let (hour, minute) = (minutes / 60, minutes % 60)
    return "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
  }
}
