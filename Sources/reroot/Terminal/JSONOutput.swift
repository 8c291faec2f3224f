import Console
import PKI

extension Output {
  /// A JSON value of several lines.
  static func json(_ value: JSONValue) throws {
    text(safe(String(decoding: try value.bytes(isPretty: true), as: UTF8.self)) + "\n")
  }

  /// A JSON value as one line of JSON Lines.
  static func jsonLine(_ value: JSONValue) throws {
    text(safe(String(decoding: try value.bytes(), as: UTF8.self)) + "\n")
  }

  /// That something is done about which nothing more is to be said than what it was.
  static func done(_ sentence: String, number: Int64?, json: Bool) throws {
    guard json else { return line(sentence) }
    try Output.json(["isDone": true, "id": number.map { .integer($0) } ?? .null])
  }

  /// A list, as the API answers it.
  static func json(_ items: [JSONValue]) throws {
    try json(["items": .array(items), "total": .integer(Int64(items.count))])
  }

  /// The same JSON text, in which no character could hide or move anything at a terminal: such characters stand in strings
  /// only, where they may be written by their numbers (RFC 8259, section 7).
  static func safe(_ text: String) -> String {
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      guard VisibleText.isHidden(scalar), scalar != "\n" else {
        out.append(scalar)
        continue
      }
      for unit in UTF16.encode(scalar).map({ Array($0) }) ?? [] {
        let digits = String(unit, radix: 16)
        out.append(contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars)
      }
    }
    return String(out)
  }
}

extension JSONValue {
  /// A moment as people read it: the API's RFC 3339 without its `T`.
  var moment: String {
    guard let text else { return "" }
    return text.replacing("T", with: " ").replacing("Z", with: " UTC")
  }

  /// Only the day of it.
  var day: String { String((text ?? "").prefix(10)) }

  /// A member's text, or nothing.
  func words(_ name: String) -> String { self[name]?.text ?? "" }

  /// A member's number in words, or nothing.
  func number(_ name: String) -> String { self[name]?.whole.map { String($0) } ?? "" }
}
