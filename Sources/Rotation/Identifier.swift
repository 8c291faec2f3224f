/// The number of a stored thing, which cannot be mistaken for the number of a thing of another kind.
public struct Identifier<Subject>: RawRepresentable, Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
  /// The number, as the store gave it; positive.
  public let rawValue: Int64

  /// Wraps a number that the store gave out.
  public init(rawValue: Int64) {
    self.rawValue = rawValue
  }

  /// Reads the number from one value, not from a keyed container.
  public init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(Int64.self)
  }

  /// Writes the number as one value.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  /// Orders by number, which is the order of creation.
  public static func < (left: Self, right: Self) -> Bool {
    left.rawValue < right.rawValue
  }

  /// The number in decimal digits.
  public var description: String { String(rawValue) }
}
