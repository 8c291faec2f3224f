import Foundation
import PKI

/// An entry as a line of JSON, as it is exported. It holds all that its hash is made of, so it can be verified anywhere.
///
/// The text is written here and not by a library: a line is compared byte for byte with what it should be, today and with
/// every later version.
public enum AuditLine {
  /// The line of an entry, without a line's end.
  public static func text(_ entry: AuditEntry) -> String {
    let details = entry.details.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      .map { "\(quoted($0.key)):\(quoted($0.value))" }.joined(separator: ",")
    var parts = [
      "\"number\":\(entry.number)", "\"at\":\(quoted(AuditTime.text(entry.at)))", "\"ms\":\(entry.milliseconds)",
      "\"kind\":\(quoted(entry.author.kind.rawValue))", "\"who\":\(quoted(entry.author.name))",
    ]
    if let user = entry.author.user { parts.append("\"user\":\(user)") }
    if let address = entry.author.address { parts.append("\"from\":\(quoted(address))") }
    parts.append("\"event\":\(quoted(entry.event))")
    if let subject = entry.subject { parts.append("\"on\":\(quoted(subject))") }
    parts.append("\"details\":{\(details)}")
    if let reason = entry.reason { parts.append("\"reason\":\(quoted(reason))") }
    parts += [
      "\"previous\":\"\(Hexadecimal.text(entry.previous))\"", "\"hash\":\"\(Hexadecimal.text(entry.hash))\"",
      "\"seal\":\"\(Hexadecimal.text(entry.seal))\"",
    ]
    return "{" + parts.joined(separator: ",") + "}"
  }

  /// The entry of a line; nil unless the line is exactly what ``text(_:)`` writes of it.
  static func entry(_ line: String) -> AuditEntry? {
    guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(line.utf8)),
      let kind = AuditAuthor.Kind(rawValue: fields.kind), let previous = bytes(fields.previous),
      let hash = bytes(fields.hash), let seal = bytes(fields.seal),
      // No date of ours, and none that has four digits for its year.
      AuditTime.range.contains(fields.ms)
    else { return nil }
    let entry = AuditEntry(
      number: fields.number, milliseconds: fields.ms,
      author: AuditAuthor(storedKind: kind, name: fields.who, user: fields.user, address: fields.from),
      event: fields.event, subject: fields.on, details: fields.details, reason: fields.reason, previous: previous,
      hash: hash, seal: seal)
    // By bytes: canonically equal strings are not the same text.
    return text(entry).utf8.elementsEqual(line.utf8) ? entry : nil
  }

  private struct Fields: Decodable {
    let number: Int64
    let ms: Int64
    let kind: String
    let who: String
    let user: Int64?
    let from: String?
    let event: String
    let on: String?
    let details: [String: String]
    let reason: String?
    let previous: String
    let hash: String
    let seal: String
  }

  /// A JSON string (RFC 8259, section 7): only what must be escaped is.
  static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\u{0}"..."\u{1F}":
        out += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  /// The 32 bytes of a hash or a seal.
  static func bytes(_ text: String) -> [UInt8]? { text.utf8.count == 64 ? Hexadecimal.bytes(text) : nil }
}

/// A moment as RFC 3339 and RFC 5424 have it, in UTC and to the millisecond.
public enum AuditTime {
  /// The years 0 to 9999, which is what there are digits for (RFC 3339, section 5.6), in milliseconds since 1970.
  static let range: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999

  /// `2026-11-26T13:50:00.123Z`. What is beyond ``range`` becomes its nearest end.
  public static func text(_ date: Date) -> String {
    let milliseconds = min(max(date.milliseconds, range.lowerBound), range.upperBound)
    let (days, rest) = (milliseconds.floored(by: 86_400_000), milliseconds.modulo(86_400_000))
    let (year, month, day) = civil(days)
    func digits(_ number: Int64, _ count: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))T\(digits(rest / 3_600_000, 2)):"
      + "\(digits(rest / 60_000 % 60, 2)):\(digits(rest / 1000 % 60, 2)).\(digits(rest % 1000, 3))Z"
  }

  /// The date of a day since 1970-01-01 in the Gregorian calendar, counted from the first of March of the year 0, so that
  /// the day that is put in comes last.
  private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
    let shifted = days + 719_468
    let era = shifted.floored(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let part = (5 * dayOfYear + 2) / 153
    let month = part < 10 ? part + 3 : part - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * part + 2) / 5 + 1)
  }
}

extension Int64 {
  fileprivate func floored(by divisor: Int64) -> Int64 {
    self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
  }
  fileprivate func modulo(_ divisor: Int64) -> Int64 { self - floored(by: divisor) * divisor }
}
