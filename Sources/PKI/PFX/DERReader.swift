/// Why a file's structure could not be read; becomes part of the sentence that the administrator sees.
struct DERError: Error, Sendable, Hashable {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// One element of a DER or BER file: its identifier octet and where its content stands in the source.
struct DERValue: Sendable {
  let source: SecretBytes
  let tag: UInt8
  let content: Range<Int>
  /// The content with its header, and with the end mark of an open length.
  let whole: Range<Int>
  let depth: Int

  /// Bit 6 of the identifier octet: the content is made of elements (X.690 8.1.2.5).
  var isConstructed: Bool { tag & 0x20 != 0 }
}

/// Reads elements one after the other, never beyond the end, never deeper than `maximumDepth`.
///
/// PFX files of older programs use BER: indefinite lengths and octet strings in pieces. Both are read, since the files
/// are otherwise sound. The reader works on `SecretBytes`, so whatever of a key it holds is wiped with its last reference.
struct DERReader {
  /// Sound files stay under 12; what nests deeper was made to exhaust something.
  static let maximumDepth = 24

  let source: SecretBytes
  private(set) var position: Int
  let end: Int
  let depth: Int

  var isAtEnd: Bool { position >= end }

  /// A reader over all of the bytes.
  init(_ source: SecretBytes) {
    self.source = source
    position = 0
    end = source.count
    depth = 0
  }

  /// A reader over the elements inside a constructed one.
  init(inside value: DERValue) throws(DERError) {
    guard value.isConstructed else { throw DERError("an element that should hold others is a plain value") }
    guard value.depth < Self.maximumDepth else { throw DERError("its elements are nested too deeply") }
    source = value.source
    position = value.content.lowerBound
    end = value.content.upperBound
    depth = value.depth + 1
  }

  /// The identifier octet of the next element, nil at the end.
  var nextTag: UInt8? { isAtEnd ? nil : source.byte(at: position) }

  /// Reads the next element, whichever it is.
  mutating func next() throws(DERError) -> DERValue {
    let value = try Self.element(source, at: position, end: end, depth: depth)
    position = value.next
    return value.element
  }

  /// Reads the next element, which has to have this identifier octet.
  mutating func next(_ tag: UInt8, _ name: String) throws(DERError) -> DERValue {
    guard let found = nextTag else { throw DERError("\(name) is missing") }
    guard found == tag else { throw DERError("there is something else where \(name) should be") }
    return try next()
  }

  /// Reads the next element if it has this identifier octet.
  mutating func nextIfPresent(_ tag: UInt8) throws(DERError) -> DERValue? {
    nextTag == tag ? try next() : nil
  }

  /// Fails when something is left over.
  func finish(_ name: String) throws(DERError) {
    guard isAtEnd else { throw DERError("\(name) holds more than it should") }
  }

  private static func element(
    _ source: SecretBytes, at start: Int, end: Int, depth: Int
  ) throws(DERError) -> (element: DERValue, next: Int) {
    guard end <= source.count, start >= 0, end - start >= 2 else {
      throw DERError("it ends in the middle of an element")
    }
    guard depth <= maximumDepth else { throw DERError("its elements are nested too deeply") }
    let tag = source.byte(at: start)
    guard tag & 0x1F != 0x1F else { throw DERError("it holds an element of a kind that PFX files do not use") }
    let first = source.byte(at: start + 1)
    if first == 0x80 { return try indefinite(source, tag: tag, at: start + 2, end: end, depth: depth) }
    var length = Int(first)
    var position = start + 2
    if first & 0x80 != 0 {
      let count = Int(first & 0x7F)
      // Four bytes reach 4 GiB; a longer length cannot be true and could overflow.
      guard count <= 4 else { throw DERError("an element claims an impossible length") }
      guard end - position >= count else { throw DERError("it ends in the middle of an element") }
      length = 0
      for _ in 0..<count {
        length = length << 8 | Int(source.byte(at: position))
        position += 1
      }
    }
    guard length <= end - position else {
      throw DERError("an element claims \(length) bytes where \(end - position) are left")
    }
    let content = position..<(position + length)
    let whole = start..<content.upperBound
    return (DERValue(source: source, tag: tag, content: content, whole: whole, depth: depth), content.upperBound)
  }

  /// X.690 8.1.3.6: the content goes on until two zero octets, and only constructed elements may do so.
  private static func indefinite(
    _ source: SecretBytes, tag: UInt8, at start: Int, end: Int, depth: Int
  ) throws(DERError) -> (element: DERValue, next: Int) {
    guard tag & 0x20 != 0 else { throw DERError("a plain value has no length") }
    guard depth < maximumDepth else { throw DERError("its elements are nested too deeply") }
    var position = start
    while end - position >= 2 {
      if source.byte(at: position) == 0, source.byte(at: position + 1) == 0 {
        let (content, whole) = (start..<position, (start - 2)..<(position + 2))
        return (DERValue(source: source, tag: tag, content: content, whole: whole, depth: depth), whole.upperBound)
      }
      position = try element(source, at: position, end: end, depth: depth + 1).next
    }
    throw DERError("an element of open length has no end")
  }
}
