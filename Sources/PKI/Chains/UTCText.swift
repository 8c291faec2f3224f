import Foundation

/// Moments as messages show them.
enum UTCText {
  /// Such as `2027-03-01 12:00:00 UTC`.
  static func of(_ date: Date) -> String {
    var seconds = time_t(clamping(date))
    var parts = tm()
    guard gmtime_r(&seconds, &parts) != nil else { return "\(seconds) s after 1970" }
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let year = Int(parts.tm_year) + 1900
    return "\(year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) UTC"
  }

  /// Whole seconds since 1970, rounded down as certificates have them; what no date can hold becomes the nearest one.
  static func clamping(_ date: Date) -> Int64 {
    // 1 January of year 1 and the last second of year 9999, the ends of GeneralizedTime (RFC 5280 4.1.2.5.2).
    let seconds = date.timeIntervalSince1970.rounded(.down)
    return Int64(min(max(seconds, -62_135_596_800), 253_402_300_799))
  }
}
