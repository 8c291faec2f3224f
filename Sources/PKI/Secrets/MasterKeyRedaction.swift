/// Takes the master key out of what commands say: whoever may name a command could let it print the key's file.
///
/// Known are its hexadecimal digits, large or small, and base64 of its bytes and of those digits at any offset, also
/// broken into lines or cut; and the passphrase that it is derived from, as it was typed. What a program makes of the key
/// otherwise is not known again: whoever may run programs as Reroot's user can do whatever Reroot can.
public struct MasterKeyRedaction: Sendable {
  /// In bytes: eight of a key's 32, in hexadecimal digits. Two remains before and behind what was cut out of a text then
  /// leave half of the key unknown.
  private static let length = 16
  private static let word = "[master key left out]"

  private let key: Redaction
  private let passphrase: Redaction

  /// Remembers what a key looks like, but not the key.
  public init(of key: MasterKey, passphrase: SecretBytes? = nil) {
    self.key = Redaction(of: key.withBytes { Self.forms(of: $0) }, length: Self.length, word: Self.word)
    self.passphrase = Redaction(
      of: [passphrase].compactMap(\.self), length: passphrase?.count ?? Self.length, word: Self.word)
  }

  /// The text with `[master key left out]` in its place.
  public func applied(to text: String) -> String {
    let spoken = key.applied(toSpoken: text)
    return String(decoding: passphrase.applied(to: Array(spoken.utf8)), as: UTF8.self)
  }

  private static func forms(of key: UnsafeRawBufferPointer) -> [SecretBytes] {
    let small = hexadecimal(key, "0123456789abcdef")
    let large = hexadecimal(key, "0123456789ABCDEF")
    let raw = SecretBytes(copying: key)
    return [small] + [raw, small, large].flatMap { secret in (0..<3).map { base64(secret, behind: $0) } }
  }

  private static func hexadecimal(_ key: UnsafeRawBufferPointer, _ digits: StaticString) -> SecretBytes {
    SecretBytes(count: 2 * key.count) { text in
      for (index, byte) in key.enumerated() {
        text[2 * index] = digits.utf8Start[Int(byte >> 4)]
        text[2 * index + 1] = digits.utf8Start[Int(byte & 15)]
      }
    }
  }

  /// Base64 (RFC 4648 section 4) in small letters of a secret behind so many other bytes, without the characters that hold
  /// any of those, or of what follows.
  private static func base64(_ secret: SecretBytes, behind offset: Int) -> SecretBytes {
    let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    let first = (8 * offset + 5) / 6
    let end = 8 * (offset + secret.count) / 6
    return secret.withBytes { bytes in
      SecretBytes(count: end - first) { text in
        for place in first..<end {
          // The six bits from this one on, counted from the beginning of the secret.
          let bit = 6 * place - 8 * offset
          let next = bit / 8 + 1 < bytes.count ? bytes[bit / 8 + 1] : 0
          let pair = UInt16(bytes[bit / 8]) << 8 | UInt16(next)
          let value = Int(pair >> UInt16(10 - bit % 8) & 63)
          text[place - first] = Redaction.small(alphabet.utf8Start[value])
        }
      }
    }
  }
}
