/// A code that stands in for a one-time password once, for whoever has lost the app: 80 random bits in sixteen characters.
///
/// So many bits cannot be guessed at, so a keyed hash of it is kept, not a slow one.
public struct RecoveryCode: Sendable, Hashable {
  /// Sixteen characters, without hyphens.
  private let characters: String

  /// Crockford's alphabet: no letters that look like others.
  private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
  private static let byteCount = 10

  /// A new code. Throws `RANDOM_FAILED`.
  public static func generate() throws -> RecoveryCode {
    RecoveryCode(characters: Base32.text(try SecureRandom.bytes(byteCount), alphabet: alphabet))
  }

  /// Reads what was typed, in capitals or not, with any hyphens and spaces, and with the letters that were taken for others.
  /// Nil when it cannot be a code.
  public init?(typed text: String) {
    guard text.utf8.count <= 100 else { return nil }
    var read: [UInt8] = []
    for byte in text.lowercased().utf8 {
      switch byte {
      case UInt8(ascii: "-"), UInt8(ascii: " "): continue
      case UInt8(ascii: "o"): read.append(UInt8(ascii: "0"))
      case UInt8(ascii: "i"), UInt8(ascii: "l"): read.append(UInt8(ascii: "1"))
      default:
        guard Self.alphabet.contains(byte) else { return nil }
        read.append(byte)
      }
    }
    guard read.count == Self.byteCount * 8 / 5 else { return nil }
    characters = String(decoding: read, as: UTF8.self)
  }

  private init(characters: String) { self.characters = characters }

  /// As it is shown, the only time: `7k2m-9xq4-c0vd-h3ns`.
  public var text: String {
    let characters = Array(characters)
    return stride(from: 0, to: characters.count, by: 4).map { String(characters[$0..<min($0 + 4, characters.count)]) }
      .joined(separator: "-")
  }

  /// What is kept of it: a keyed hash for one owner, in hexadecimal digits.
  public func hash(key: SecretBytes, owner: String) -> String {
    Hexadecimal.text(MessageAuthentication.hmacSHA256(Array("recovery code\0\(owner)\0\(characters)".utf8), key: key))
  }
}

extension RecoveryCode: CustomStringConvertible, CustomReflectable {
  /// Always `[redacted]`.
  public var description: String { "[redacted]" }
  /// No children, so that `dump` shows nothing.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
