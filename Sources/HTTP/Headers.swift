/// The header fields of a request in the order in which they came. Names compare without regard to case.
public struct Headers: Sendable, Sequence {
  private let fields: [(name: String, value: String)]

  /// Makes a list from name and value pairs; white space around the values is dropped (RFC 9110, section 5.5).
  public init(_ fields: [(String, String)] = []) {
    self.fields = fields.map { name, value in (name.lowercased(), Headers.trimmed(value)) }
  }

  /// The value of the first field of this name.
  public func first(_ name: String) -> String? {
    let wanted = name.lowercased()
    return fields.first { $0.name == wanted }?.value
  }

  /// The values of all fields of this name.
  public func all(_ name: String) -> [String] {
    let wanted = name.lowercased()
    return fields.filter { $0.name == wanted }.map(\.value)
  }

  /// The number of fields.
  public var count: Int { fields.count }

  /// Walks over the fields; the names are in lower case.
  public func makeIterator() -> AnyIterator<(name: String, value: String)> {
    AnyIterator(fields.makeIterator())
  }

  static func trimmed(_ value: String) -> String {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    let bytes = value.utf8
    guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
    else { return "" }
    return String(value[first...last])
  }
}

/// Character classes of RFC 9110, section 5.6.2.
enum HeaderGrammar {
  static func isToken(_ text: some Sequence<UInt8>) -> Bool {
    var length = 0
    for byte in text {
      guard isTokenByte(byte) else { return false }
      length += 1
    }
    return length > 0
  }

  /// No control character may stand in a value; the tab is the one exception (section 5.5).
  static func isValue(_ text: some Sequence<UInt8>) -> Bool {
    text.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
  }

  static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
    default: false
    }
  }
}
