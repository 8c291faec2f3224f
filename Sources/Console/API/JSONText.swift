/// The JSON text of a value (RFC 8259), as short as it can be, the names of objects in order.
///
/// The encoder of Foundation makes a second tree of the whole first: of a plan of ten thousand components that takes hundreds
/// of megabytes, and of each message of a running update ten times as long as this.
struct JSONText {
  private(set) var bytes: [UInt8] = []

  /// Throws for a number that is none.
  init(_ value: JSONValue) throws { try write(value) }

  private mutating func write(_ value: JSONValue) throws {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let value): bytes += (value ? "true" : "false").utf8
    case .integer(let value): bytes += String(value).utf8
    case .number(let number):
      guard number.isFinite else {
        throw EncodingError.invalidValue(number, .init(codingPath: [], debugDescription: "JSON has no such number."))
      }
      bytes += "\(number)".utf8
    case .string(let text): write(text)
    case .array(let values):
      try write(values, "[", "]") { text, value in try text.write(value) }
    case .object(let values):
      try write(values.sorted { $0.key < $1.key }, "{", "}") { text, member in
        text.write(member.key)
        text.bytes.append(UInt8(ascii: ":"))
        try text.write(member.value)
      }
    }
  }

  private mutating func write<Element>(
    _ elements: [Element], _ start: Unicode.Scalar, _ end: Unicode.Scalar,
    _ element: (inout JSONText, Element) throws -> Void
  ) throws {
    bytes.append(UInt8(ascii: start))
    for (index, one) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      try element(&self, one)
    }
    bytes.append(UInt8(ascii: end))
  }

  /// Quotation marks, backslashes and control characters must not stand in a string as they are (section 7).
  private mutating func write(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case 0x22, 0x5C: bytes += [0x5C, byte]
      case 0x0A: bytes += #"\n"#.utf8
      case 0x0D: bytes += #"\r"#.utf8
      case 0x09: bytes += #"\t"#.utf8
      case 0..<0x20: bytes += (#"\u00"# + (byte < 16 ? "0" : "1") + String(byte & 15, radix: 16)).utf8
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
