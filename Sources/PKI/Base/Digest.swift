import COpenSSL

/// Hash functions over bytes in memory.
public enum Digest {
  /// The 32 bytes of SHA-256.
  public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { sha256($0) }
  }

  /// SHA-256 in 64 lower-case hexadecimal digits.
  public static func sha256Hex(_ bytes: [UInt8]) -> String { Hexadecimal.text(sha256(bytes)) }

  static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: 32)
    // SHA256() writes 32 bytes and cannot fail on memory; a NULL pointer is never read for a count of 0.
    _ = SHA256(bytes.baseAddress, bytes.count, &result)
    return result
  }
}

/// Bytes as hexadecimal digits and back.
public enum Hexadecimal {
  private static let digits = Array("0123456789abcdef".utf8)

  /// Two lower-case digits a byte.
  public static func text(_ bytes: some Sequence<UInt8>) -> String {
    var out: [UInt8] = []
    for byte in bytes {
      out.append(digits[Int(byte >> 4)])
      out.append(digits[Int(byte & 15)])
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// The bytes that an even number of digits stands for, or nil.
  public static func bytes(_ text: String) -> [UInt8]? {
    let characters = Array(text.utf8)
    guard characters.count.isMultiple(of: 2) else { return nil }
    var out: [UInt8] = []
    for index in stride(from: 0, to: characters.count, by: 2) {
      guard let high = value(characters[index]), let low = value(characters[index + 1]) else { return nil }
      out.append(high << 4 | low)
    }
    return out
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x61...0x66: digit - 0x61 + 10
    case 0x41...0x46: digit - 0x41 + 10
    default: nil
    }
  }
}
