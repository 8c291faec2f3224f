import Foundation

/// Finds a name that an object of a JSON text has twice. The decoder keeps one of them and says nothing, and another program
/// would perhaps have taken the other (RFC 8259, section 4).
enum RepeatedMember {
  /// The first such name; nil where there is none.
  ///
  /// - Parameter text: a text that a decoder has taken, so that every string and every bracket in it has its end.
  static func first(in text: [UInt8]) -> String? {
    // The names of each object that is open; none of an array.
    var open: [Set<String>?] = []
    var index = 0
    while index < text.count {
      switch text[index] {
      case UInt8(ascii: "{"): open.append([])
      case UInt8(ascii: "["): open.append(nil)
      case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = open.popLast()
      case UInt8(ascii: "\""):
        let start = index
        index = end(ofStringAt: start, in: text)
        if isName(before: index + 1, in: text), let name = string(text[start...index]),
          let last = open.indices.last, open[last]?.insert(name).inserted == false
        {
          return name
        }
      default: break
      }
      index += 1
    }
    return nil
  }

  /// Where the quotation mark is that ends a string.
  private static func end(ofStringAt start: Int, in text: [UInt8]) -> Int {
    var index = start + 1
    while index < text.count - 1, text[index] != UInt8(ascii: "\"") {
      index += text[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(index, text.count - 1)
  }

  /// Whether a colon comes next: no value has one behind it.
  private static func isName(before index: Int, in text: [UInt8]) -> Bool {
    let blanks: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
    return text[min(index, text.count)...].first { !blanks.contains($0) } == UInt8(ascii: ":")
  }

  /// What a string says once its escapes are read: `"a"` and `"\u0061"` are one name.
  private static func string(_ literal: ArraySlice<UInt8>) -> String? {
    // Few names have an escape, and a body may have a hundred thousand names.
    guard literal.contains(UInt8(ascii: "\\")) else {
      return String(decoding: literal.dropFirst().dropLast(), as: UTF8.self)
    }
    return try? JSONDecoder().decode(String.self, from: Data(literal))
  }
}
