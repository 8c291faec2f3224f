/// Text that somebody else wrote, made fit to be shown: on a page, in a stream, a log, a table or a terminal.
public enum VisibleText {
  /// The text with everything that could change what surrounds it (control characters, direction marks, line
  /// separators, characters without a shape) written as `\u{…}`, and cut after `limit` characters.
  public static func of(_ text: String, limit: Int = 4096) -> String {
    shown(text, limit: limit, keepsLines: false)
  }

  /// The same, but line breaks and tabs stay what they are.
  public static func lines(_ text: String, limit: Int = 64 << 10) -> String {
    shown(text, limit: limit, keepsLines: true)
  }

  /// The same for bytes that ought to be UTF-8; what is not becomes U+FFFD.
  public static func of(_ bytes: some Collection<UInt8>, limit: Int = 4096) -> String {
    of(String(decoding: bytes, as: UTF8.self), limit: limit)
  }

  /// Whether a character is written out: it has no shape of its own, or turns, ends or hides what stands beside it.
  ///
  /// Beside the general categories these are the code points that Unicode lets every program leave out when it draws a
  /// text (`Default_Ignorable_Code_Point`: fillers, joiners, variation selectors), and the blank Braille pattern.
  public static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    // Most text is ASCII, and properties are looked up in tables.
    if scalar.value < 0x7F { return scalar.value < 0x20 }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: return true
    default: return scalar.properties.isDefaultIgnorableCodePoint || scalar.value == 0x2800
    }
  }

  private static func shown(_ text: String, limit: Int, keepsLines: Bool) -> String {
    var out = ""
    var used = 0
    // Behind a picture this selector only asks for its coloured form (Unicode Technical Standard 51).
    var isPicture = false
    for scalar in text.unicodeScalars {
      if used >= limit { return out + "…" }
      used += 1
      if isHidden(scalar), !(isPicture && scalar.value == 0xFE0F), !(keepsLines && (scalar == "\n" || scalar == "\t")) {
        out += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
      } else {
        out.unicodeScalars.append(scalar)
      }
      isPicture = scalar.value > 0xFF && scalar.properties.isEmoji
    }
    return out
  }
}
