/// A SHA-256 over something's DER form, by which certificates and public keys are told apart.
public struct Fingerprint: Sendable, Hashable {
  /// 64 lower-case hexadecimal digits.
  public let hex: String

  /// The fingerprint of these DER bytes.
  public init(of der: [UInt8]) { hex = Digest.sha256Hex(der) }

  /// A fingerprint written earlier: 64 hexadecimal digits, with or without colons. Nil for anything else.
  public init?(hex text: String) {
    let digits = text.filter { $0 != ":" }
    guard digits.utf8.count == 64, let bytes = Hexadecimal.bytes(digits) else { return nil }
    hex = Hexadecimal.text(bytes)
  }
}

extension Fingerprint: CustomStringConvertible {
  /// Upper-case pairs with colons, as other tools show it: `AB:CD:…`.
  public var description: String {
    let digits = Array(hex.uppercased())
    return stride(from: 0, to: digits.count, by: 2).map { String(digits[$0..<min($0 + 2, digits.count)]) }
      .joined(separator: ":")
  }
}

extension Fingerprint: Codable {
  /// Reads the 64 digits from a plain string.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let value = Fingerprint(hex: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "A fingerprint has 64 hexadecimal digits.")
    }
    self = value
  }

  /// Writes the 64 digits as a plain string.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hex)
  }
}
