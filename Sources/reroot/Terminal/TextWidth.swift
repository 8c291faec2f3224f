import CProcess

/// How many columns text takes at a terminal, by the tables of the C library for Unicode.
enum TextWidth {
  /// Columns of a text that ``VisibleText`` has made fit to be shown.
  static func of(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + width($1) } }

  /// The text in at most so many columns, cut with an ellipsis.
  static func cut(_ text: String, to columns: Int) -> String {
    guard of(text) > columns else { return text }
    var out = String.UnicodeScalarView()
    var used = 1
    for scalar in text.unicodeScalars {
      used += width(scalar)
      if used > columns { break }
      out.append(scalar)
    }
    return String(out) + "…"
  }

  /// The text in exactly so many columns.
  static func padded(_ text: String, to columns: Int) -> String {
    let cut = cut(text, to: columns)
    return cut + String(repeating: " ", count: max(0, columns - of(cut)))
  }

  /// Lines of at most so many columns, broken at blanks; a longer word is broken where it must be.
  static func wrapped(_ text: String, to columns: Int) -> [String] {
    var lines: [String] = []
    for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
      var line = ""
      for word in paragraph.split(separator: " ") {
        var word = String(word)
        if !line.isEmpty, of(line) + 1 + of(word) <= columns {
          line += " " + word
          continue
        }
        if !line.isEmpty { lines.append(line) }
        while of(word) > columns {
          let part = fitting(word, columns)
          lines.append(part)
          word = String(word.unicodeScalars.dropFirst(part.unicodeScalars.count))
        }
        line = word
      }
      lines.append(line)
    }
    return lines
  }

  private static func fitting(_ word: String, _ columns: Int) -> String {
    var out = String.UnicodeScalarView()
    var used = 0
    for scalar in word.unicodeScalars {
      used += width(scalar)
      if used > columns, !out.isEmpty { break }
      out.append(scalar)
    }
    return String(out)
  }

  private static func width(_ scalar: Unicode.Scalar) -> Int {
    scalar.value < 0x7F ? 1 : Int(reroot_columns(scalar.value))
  }
}
