import PKI

/// Takes secrets out of what another machine says, before it is kept: a shell that echoes its input would give a private key
/// back.
///
/// It holds no secret itself, but marks for the hashes of all runs of eight bytes that occur in one; where enough of them
/// follow each other, a secret is.
struct Redaction: Sendable {
  /// So many bytes of a secret in a row are replaced, in number: 17 bytes of a key in base64 are no use to anybody.
  static let length = 24
  private static let word = Array("[redacted]".utf8)
  private static let run = 8

  private var marks: [UInt64] = []
  private var shift: UInt64 = 64

  init(of secrets: [SecretBytes]) {
    let count = secrets.reduce(0) { $0 + $1.count }
    guard count >= Self.length else { return }
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

  /// The text with `[redacted]` in the place of everything of ``length`` or more that occurs in a secret.
  func applied(to text: [UInt8]) -> [UInt8] {
    guard !marks.isEmpty, text.count >= Self.length else { return text }
    var result: [UInt8] = []
    var kept = 0
    var start: Int?
    var value: UInt64 = 0
    func end(_ index: Int) {
      if let from = start, index - from >= Self.length {
        result += text[kept..<from] + Self.word
        kept = index
      }
      start = nil
    }
    for (index, byte) in text.enumerated() {
      value = value << 8 | UInt64(byte)
      guard index >= Self.run - 1 else { continue }
      let place = place(value)
      if marks[place >> 6] & 1 << UInt64(place & 63) != 0 {
        start = start ?? max(kept, index - Self.run + 1)
      } else {
        end(index)
      }
    }
    end(text.count)
    return result + text[kept...]
  }
}
