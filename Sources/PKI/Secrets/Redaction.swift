/// Takes secrets out of what others say, before it is kept: a shell that echoes its input would give a private key back.
///
/// It holds no secret itself, but marks for the hashes of all runs of eight bytes that occur in one; where enough of them
/// follow each other, a secret is.
public struct Redaction: Sendable {
  /// So many bytes of a secret in a row are replaced, unless another number is given: 17 bytes of a key in base64 are no
  /// use to anybody.
  public static let usualLength = 24
  private static let run = 8

  /// How many bytes of a secret in a row are replaced.
  public let length: Int
  private let word: [UInt8]
  private var marks: [UInt64] = []
  private var shift: UInt64 = 64

  /// Remembers what secrets look like; shorter ones than the length are passed over.
  ///
  /// - Parameters:
  ///   - length: eight bytes or more.
  ///   - word: what stands in the place of a secret.
  public init(of secrets: [SecretBytes], length: Int = usualLength, word: String = "[redacted]") {
    self.length = max(Self.run, length)
    self.word = Array(word.utf8)
    let count = secrets.reduce(0) { $0 + $1.count }
    guard count >= self.length else { return }
    // At most every sixteenth bit is set, so that 17 in a row are never set by chance.
    var bits: UInt64 = 20
    while 1 << bits < count * 16 { bits += 1 }
    shift = 64 - bits
    marks = [UInt64](repeating: 0, count: 1 << (bits - 6))
    for secret in secrets {
      secret.withBytes { bytes in
        var value: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
          value = value << 8 | UInt64(byte)
          if index >= Self.run - 1 {
            let place = place(value)
            marks[place >> 6] |= 1 << UInt64(place & 63)
          }
        }
      }
    }
  }

  /// Multiplied by 2^64 divided by the golden ratio, which spreads what differs in few bits (Knuth, The Art of Computer
  /// Programming, 6.4).
  private func place(_ value: UInt64) -> Int { Int((value &* 0x9E37_79B9_7F4A_7C15) >> shift) }

  /// The text with the word in the place of everything of ``length`` or more that occurs in a secret.
  public func applied(to text: [UInt8]) -> [UInt8] { replacing(ranges(in: text), in: text) }

  /// The same for a text whose lines may be broken anywhere, and whose letters may be large or small: spaces, line breaks,
  /// control characters and colons do not count, and the base64 of addresses is base64 (RFC 4648 section 5). The secrets
  /// must have been given in small letters.
  public func applied(toSpoken text: String) -> String {
    let bytes = Array(text.utf8)
    let counting = bytes.indices.filter { bytes[$0] > 0x20 && bytes[$0] != 0x7F && bytes[$0] != 0x3A }
    let found = ranges(in: counting.map { Self.small(bytes[$0]) })
    guard !found.isEmpty else { return text }
    return String(
      decoding: replacing(found.map { counting[$0.lowerBound]..<counting[$0.upperBound - 1] + 1 }, in: bytes),
      as: UTF8.self)
  }

  /// ASCII letters as small ones, and the two signs of the other base64 as those of the usual one.
  static func small(_ byte: UInt8) -> UInt8 {
    switch byte {
    case 0x41...0x5A: byte | 0x20
    case UInt8(ascii: "-"): UInt8(ascii: "+")
    case UInt8(ascii: "_"): UInt8(ascii: "/")
    default: byte
    }
  }

  private func replacing(_ ranges: [Range<Int>], in text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var kept = 0
    for range in ranges {
      result += text[kept..<range.lowerBound] + word
      kept = range.upperBound
    }
    return result + text[kept...]
  }

  private func ranges(in text: [UInt8]) -> [Range<Int>] {
    guard !marks.isEmpty, text.count >= length else { return [] }
    var found: [Range<Int>] = []
    var start: Int?
    var value: UInt64 = 0
    func end(_ index: Int) {
      if let from = start, index - from >= length { found.append(from..<index) }
      start = nil
    }
    for (index, byte) in text.enumerated() {
      value = value << 8 | UInt64(byte)
      guard index >= Self.run - 1 else { continue }
      let place = place(value)
      if marks[place >> 6] & 1 << UInt64(place & 63) != 0 {
        start = start ?? max(found.last?.upperBound ?? 0, index - Self.run + 1)
      } else {
        end(index)
      }
    }
    end(text.count)
    return found
  }
}
