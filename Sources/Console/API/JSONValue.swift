import Foundation
import PKI

/// A JSON text as a value (RFC 8259).
public enum JSONValue: Sendable, Hashable, Codable {
  case null
  case bool(Bool)
  /// A number without a fraction that fits.
  case integer(Int64)
  /// Any other number.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// The most bytes of a text that is read.
  static let largest = 1 << 20

  /// Reads a text. Throws ``PageError`` 400 for what is no JSON.
  ///
  /// - Parameter bytes: UTF-8, at most ``largest`` bytes, nested no deeper than the decoder takes (512).
  init(parsing bytes: [UInt8]) throws {
    guard bytes.count <= Self.largest else {
      throw PageError(413, "A body of JSON may have at most \(Self.largest >> 20) MiB.", code: "TOO_LARGE")
    }
    do {
      // The decoder would take UTF-16, too, in which half of the bytes are zero.
      guard !bytes.contains(0) else { throw CocoaError(.coderReadCorrupt) }
      self = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
    } catch {
      throw PageError(
        400, "The body is no JSON (RFC 8259). Send a JSON text in UTF-8, and nothing else.", code: "NOT_JSON")
    }
    if let name = RepeatedMember.first(in: bytes) {
      throw PageError(
        400,
        "An object in the body has the member “\(VisibleText.of(name, limit: 60))” more than once. Send it once: readers "
          + "differ in which of them counts.", code: "REPEATED_MEMBER")
    }
  }

  /// Reads a value of whatever kind it is.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// Writes the value.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let values): try container.encode(values)
    case .object(let values): try container.encode(values)
    }
  }

  /// The text, with the names of objects in order, so that equal values have equal bytes.
  public func bytes(isPretty: Bool = false) throws -> [UInt8] {
    guard isPretty else { return try JSONText(self).bytes }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys, .prettyPrinted]
    return Array(try encoder.encode(self))
  }

  /// A member of an object; nil for anything else, and for `null`.
  public subscript(_ name: String) -> JSONValue? {
    guard case .object(let members) = self, let value = members[name], value != .null else { return nil }
    return value
  }

  /// The text of a string.
  public var text: String? { if case .string(let text) = self { text } else { nil } }

  /// The number, where it is one without a fraction.
  public var whole: Int64? { if case .integer(let number) = self { number } else { nil } }

  /// Yes or no.
  public var flag: Bool? { if case .bool(let flag) = self { flag } else { nil } }

  /// The elements of an array.
  public var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }

  /// A moment as RFC 3339 writes it, in UTC.
  static func moment(_ date: Date?) -> JSONValue {
    date.map { .string($0.formatted(.iso8601)) } ?? .null
  }

  /// A text, or null.
  static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// Yes or no.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// A number.
  public init(integerLiteral value: Int64) { self = .integer(value) }
  /// An array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// An object; of two members with one name the last counts.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements) { _, last in last })
  }
}
