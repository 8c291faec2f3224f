/// A certificate's serial number: a positive integer of at most 20 bytes, unique for its issuer (RFC 5280 4.1.2.2).
public struct SerialNumber: Sendable, Hashable {
  /// The bytes of the number, most significant first, without leading zero bytes.
  public let bytes: [UInt8]

  /// Lower-case hexadecimal digits, two per byte: the form of `Certificate.serialNumber`.
  public var hex: String { Hexadecimal.text(bytes) }

  /// 16 random bytes from the kernel, of which two bits are fixed: the sign, and the one below it, so that the number
  /// always has its full length. 126 random bits make uniqueness certain enough without a counter.
  public static func random() -> SerialNumber {
    var generator = SystemRandomNumberGenerator()
    var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    bytes[0] = bytes[0] & 0x7F | 0x40
    return SerialNumber(bytes: bytes)
  }

  /// A number written earlier by `hex`: 8 to 20 bytes, positive. Nil for anything else.
  public init?(hex: String) {
    guard let bytes = Hexadecimal.bytes(hex), (8...20).contains(bytes.count), let first = bytes.first,
      (0x01...0x7F).contains(first)
    else { return nil }
    self.init(bytes: bytes)
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }
}

extension SerialNumber: CustomStringConvertible {
  /// The digits.
  public var description: String { hex }
}

extension SerialNumber: Codable {
  /// Reads the digits from a plain string.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let number = SerialNumber(hex: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "A serial number has 16 to 40 hexadecimal digits and is positive.")
    }
    self = number
  }

  /// Writes the digits as a plain string.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hex)
  }
}
