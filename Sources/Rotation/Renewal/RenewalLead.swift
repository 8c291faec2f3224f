import Foundation

/// How long before their end child certificates are renewed.
public enum RenewalLead: Sendable, Hashable, CustomStringConvertible {
  /// Never by itself.
  case off
  /// So many days before the end.
  case days(Int)
  /// When so many percent of their life are left.
  case percent(Int)

  /// The days that may be chosen.
  public static let possibleDays = 1...730
  /// The percentages that may be chosen: with 100, a certificate would be renewed as soon as it is made.
  public static let possiblePercent = 1...90

  /// Reads `off`, `30 days`, `1 day` or `33 percent` (`33 %`); nil for anything else. Nothing at all is `off`.
  public init?(_ text: String) {
    let words = text.lowercased().replacing("%", with: " percent").split(whereSeparator: \.isWhitespace)
    if words.isEmpty || words == ["off"] {
      self = .off
      return
    }
    guard words.count == 2, words[0].utf8.count <= 4, let number = Int(words[0]) else { return nil }
    switch words[1] {
    case "day" where number == 1, "days" where Self.possibleDays.contains(number): self = .days(number)
    case "percent" where Self.possiblePercent.contains(number): self = .percent(number)
    default: return nil
    }
  }

  /// As it is read.
  public var description: String {
    switch self {
    case .off: "off"
    case .days(1): "1 day"
    case .days(let number): "\(number) days"
    case .percent(let number): "\(number) percent"
    }
  }

  /// The moment from which on a certificate is to be renewed; nil for never.
  ///
  /// - Parameters:
  ///   - begin: when it was issued.
  ///   - end: when it ends.
  public func due(begin: Date, end: Date) -> Date? {
    switch self {
    case .off: nil
    case .days(let number): end.addingTimeInterval(-Double(number) * 86_400)
    case .percent(let number): end.addingTimeInterval(-max(0, end.timeIntervalSince(begin)) * Double(number) / 100)
    }
  }
}
