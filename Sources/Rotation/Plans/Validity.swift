import Foundation

/// How long child certificates are valid, counted in calendar months of UTC.
public enum Validity {
  /// The months that may be asked for.
  public static let months = 1...120

  private static var calendar: Calendar {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? calendar.timeZone
    return calendar
  }

  /// The moment so many months after another; the last day of the month where the day does not exist.
  public static func end(of months: Int, from start: Date) -> Date {
    calendar.date(byAdding: .month, value: months, to: start) ?? start.addingTimeInterval(Double(months) * 2_629_746)
  }

  /// The largest number of months, at most 120, after which the end is not past the root's own; 0 when not even one
  /// month fits.
  public static func largest(from start: Date, rootNotAfter: Date) -> Int {
    months.last { end(of: $0, from: start) <= rootNotAfter } ?? 0
  }

  /// Checks a number of months for a root.
  ///
  /// - Returns: what is wrong with it, with the largest possible number; nil when nothing is.
  public static func problem(months asked: Int, from start: Date, rootNotAfter: Date) -> Problem? {
    let largest = largest(from: start, rootNotAfter: rootNotAfter)
    guard largest > 0 else {
      return Problem(
        code: "ROOT_ENDS_TOO_SOON", sentence: "The root certificate ends in less than a month.",
        advice: "Import a root certificate that is valid for longer.", isBlocking: true)
    }
    guard months.contains(asked) else {
      return Problem(
        code: "MONTHS_OUT_OF_RANGE", sentence: "This number of months is not possible.",
        advice: "Choose a number from 1 to \(largest).", isBlocking: true)
    }
    guard asked <= largest else {
      return Problem(
        code: "OUTLIVES_ROOT",
        sentence: "Child certificates of \(asked) months would outlive the root certificate.",
        advice: "The largest possible number is \(largest).", isBlocking: true)
    }
    return nil
  }
}
