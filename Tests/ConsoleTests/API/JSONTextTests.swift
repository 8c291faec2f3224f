import Foundation
import Testing

@testable import Console

@Suite("The text of a JSON value") struct JSONTextTests {
  private static let values: [JSONValue] = [
    .null, .bool(true), .bool(false), .integer(0), .integer(.min), .integer(.max), .number(0.5), .number(-1e300),
    .string(""), .string("a \"b\" \\ / ü € 🦉 \u{2028} \u{7F}"), .string("\r\n\t\u{8}\u{C}\u{0}\u{1}\u{1F}"), .array([]),
    .object([:]), .array([.null, .array([.integer(1)]), .object(["b": .integer(2), "a": .string("x"), "ä": .null])]),
    .object(["": .array([]), "z\"": .object(["k": .bool(false)]), "A": .number(1.25)]),
  ]

  @Test("is read back as the same value, by this program and by Foundation", arguments: values)
  func readBack(_ value: JSONValue) throws {
    let bytes = try value.bytes()
    #expect(try JSONDecoder().decode(JSONValue.self, from: Data(bytes)) == value)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    let theirs = try JSONDecoder().decode(JSONValue.self, from: encoder.encode(value))
    #expect(theirs == value)
    #expect(!bytes.contains { $0 < 0x20 })
  }

  @Test("has the names of an object in order, and no room to spare")
  func order() throws {
    let value: JSONValue = ["b": [1, true, .null], "a": "x", "c": ["d": [:]]]
    #expect(String(decoding: try value.bytes(), as: UTF8.self) == #"{"a":"x","b":[1,true,null],"c":{"d":{}}}"#)
  }

  @Test("is none for a number that is none")
  func noNumber() {
    for number in [Double.nan, .infinity, -.infinity] {
      #expect(throws: EncodingError.self) { try JSONValue.array([.number(number)]).bytes() }
    }
  }
}
