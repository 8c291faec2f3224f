/// The alphabets whose letters are taken for each other: the Latin a, the Cyrillic а and the Greek α.
enum Alphabet: String, Comparable {
  case latin = "Latin"
  case greek = "Greek"
  case cyrillic = "Cyrillic"

  /// The alphabet of a letter, by the blocks of Unicode; nil for what belongs to none of the three, such as digits.
  init?(of scalar: Unicode.Scalar) {
    guard scalar.properties.isAlphabetic else { return nil }
    switch scalar.value {
    case 0x41...0x5A, 0x61...0x7A, 0xC0...0x2AF, 0x1E00...0x1EFF, 0x2C60...0x2C7F, 0xA720...0xA7FF, 0xAB30...0xAB6F,
      0xFF21...0xFF3A, 0xFF41...0xFF5A:
      self = .latin
    case 0x370...0x3FF, 0x1F00...0x1FFF: self = .greek
    case 0x400...0x52F, 0x1C80...0x1C8F, 0x2DE0...0x2DFF, 0xA640...0xA69F: self = .cyrillic
    default: return nil
    }
  }

  static func < (left: Alphabet, right: Alphabet) -> Bool { left.rawValue < right.rawValue }
}
