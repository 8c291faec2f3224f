import Yams

/// Reads a YAML text into its node tree, within bounds.
enum YAMLText {
  /// The longest text in bytes: some thousand components.
  static let longest = 1 << 20
  /// The largest number of values in the text.
  static let largest = 100_000

  /// The root of the text's single document.
  ///
  /// Throws ``YAMLRefusal`` for what is no YAML, is too large, or uses anchors and aliases: a few lines of those stand for
  /// billions of values, and a list of components needs none.
  static func root(of text: String) throws -> Node {
    guard text.utf8.count <= longest else {
      throw YAMLRefusal([YAMLProblem(line: nil, sentence: "The text is larger than 1 MiB.")])
    }
    if let line = firstAnchor(in: text) {
      throw YAMLRefusal([
        YAMLProblem(
          line: line,
          sentence: "anchors and aliases (a word that begins with '&' or '*') are not taken; write the values out")
      ])
    }
    do {
      guard let root = try Parser(yaml: text).singleRoot() else {
        throw YAMLRefusal([YAMLProblem(line: nil, sentence: "The text is empty.")])
      }
      return root
    } catch let error as YamlError {
      throw YAMLRefusal([problem(error)])
    }
  }

  /// The first line with something that could be an anchor or an alias (YAML 1.2.2, section 6.9.2).
  ///
  /// It looks at the text without telling quotes and comments apart, so that no trick with them hides one; a word such as
  /// `*star` inside a quoted text is refused too.
  private static func firstAnchor(in text: String) -> Int? {
    var line = 1
    var mayBegin = true
    var isSign = false
    for byte in text.utf8 {
      if isSign, isAnchorByte(byte) { return line }
      isSign = mayBegin && (byte == UInt8(ascii: "*") || byte == UInt8(ascii: "&"))
      switch byte {
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"): mayBegin = true
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: ","),
        UInt8(ascii: ":"), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "\""), UInt8(ascii: "'"):
        mayBegin = true
      // NEL, LS and PS end a line too: their last bytes in UTF-8, and the BOM's.
      case 0x85, 0xA8, 0xA9, 0xBF: mayBegin = true
      default: mayBegin = false
      }
      if byte == UInt8(ascii: "\n") { line += 1 }
    }
    return nil
  }

  private static func isAnchorByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
    default: false
    }
  }

  private static func problem(_ error: YamlError) -> YAMLProblem {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      YAMLProblem(line: mark.line, sentence: "this is no YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      YAMLProblem(
        line: context.mark.line > 0 ? context.mark.line : nil,
        sentence: "the key '\(YAMLMapping.shown(duplicates.first ?? ""))' is given twice")
    case .reader, .dataCouldNotBeDecoded:
      YAMLProblem(line: nil, sentence: "The text holds characters that YAML does not allow.")
    default:
      YAMLProblem(line: nil, sentence: "The text cannot be read as YAML.")
    }
  }
}
