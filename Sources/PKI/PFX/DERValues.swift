/// The identifier octets that PFX files use (X.690 8.1.2, X.680).
enum DERTag {
  static let integer: UInt8 = 0x02
  static let octetString: UInt8 = 0x04
  static let octetStringInPieces: UInt8 = 0x24
  static let null: UInt8 = 0x05
  static let objectIdentifier: UInt8 = 0x06
  static let bmpString: UInt8 = 0x1E
  static let sequence: UInt8 = 0x30
  static let set: UInt8 = 0x31
  /// `[0]` around something else, or in its place where it is constructed.
  static let contextZero: UInt8 = 0xA0
  /// `[0]` in the place of a plain value.
  static let contextZeroPlain: UInt8 = 0x80
}

extension DERValue {
  /// Whether it is an OCTET STRING, in one piece or in several.
  var isOctetString: Bool { tag == DERTag.octetString || tag == DERTag.octetStringInPieces }

  /// The content as it stands.
  var bytes: [UInt8] { source.bytes(in: content) }

  /// The content as it stands, to be wiped after use.
  var secret: SecretBytes { source.copy(of: content) }

  /// The content together with its header, to be wiped after use.
  var withHeader: SecretBytes { source.copy(of: whole) }

  /// An INTEGER; values that an `Int` cannot hold come out as `Int.max` or `Int.min`.
  func integer() throws(DERError) -> Int {
    guard tag == DERTag.integer, !content.isEmpty else { throw DERError("a number is missing") }
    let isNegative = source.byte(at: content.lowerBound) & 0x80 != 0
    let padding: UInt8 = isNegative ? 0xFF : 0
    let significant = content.drop { source.byte(at: $0) == padding }
    var result = isNegative ? -1 : 0
    guard significant.count <= 8 else { return isNegative ? Int.min : Int.max }
    if significant.count == 8, (source.byte(at: significant.startIndex) & 0x80 != 0) != isNegative {
      return isNegative ? Int.min : Int.max
    }
    for index in significant { result = result << 8 | Int(source.byte(at: index)) }
    return result
  }

  /// An OBJECT IDENTIFIER in its dotted form.
  func objectIdentifier() throws(DERError) -> String {
    guard tag == DERTag.objectIdentifier, !content.isEmpty, content.count <= 64 else {
      throw DERError("the name of an algorithm or of a kind of content is missing")
    }
    var arcs: [UInt64] = []
    var arc: UInt64 = 0
    var isOpen = false
    for index in content {
      let byte = source.byte(at: index)
      guard arc >> 56 == 0 else { throw DERError("an object identifier has a number that is too large") }
      arc = arc << 7 | UInt64(byte & 0x7F)
      isOpen = byte & 0x80 != 0
      if isOpen { continue }
      if arcs.isEmpty {
        // X.690 8.19.4: the first octets hold 40 × first + second, and the first is 0, 1 or 2.
        let first = min(arc / 40, 2)
        arcs = [first, arc - first * 40]
      } else {
        arcs.append(arc)
      }
      arc = 0
    }
    guard !isOpen else { throw DERError("an object identifier is cut") }
    return arcs.map(String.init).joined(separator: ".")
  }

  /// The bytes of an OCTET STRING, put together where it comes in pieces (X.690 8.7.3), or of a `[0]` in its place.
  func octets() throws(DERError) -> SecretBytes {
    guard isConstructed else { return secret }
    var pieces: [Range<Int>] = []
    try collectPieces(into: &pieces)
    return source.copy(of: pieces)
  }

  private func collectPieces(into pieces: inout [Range<Int>]) throws(DERError) {
    var reader = try DERReader(inside: self)
    while !reader.isAtEnd {
      let piece = try reader.next()
      switch piece.tag {
      case DERTag.octetString: pieces.append(piece.content)
      case DERTag.octetStringInPieces: try piece.collectPieces(into: &pieces)
      default: throw DERError("a piece of an octet string is something else")
      }
    }
  }
}

extension SecretBytes {
  /// One byte; the index has to be inside, which every reader checks first.
  func byte(at index: Int) -> UInt8 {
    precondition(index >= 0 && index < count)
    return withBytes { $0[index] }
  }

  func bytes(in range: Range<Int>) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return withBytes { Array($0[range]) }
  }

  func copy(of range: Range<Int>) -> SecretBytes { copy(of: [range]) }

  /// The ranges' bytes, one after the other.
  func copy(of ranges: [Range<Int>]) -> SecretBytes {
    let total = ranges.reduce(0) { $0 + $1.count }
    return SecretBytes(count: total) { target in
      withBytes { bytes in
        var position = 0
        for range in ranges {
          precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
          UnsafeMutableRawBufferPointer(rebasing: target[position..<(position + range.count)])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
          position += range.count
        }
      }
    }
  }
}
