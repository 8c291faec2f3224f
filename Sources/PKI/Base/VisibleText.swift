/// Text from files that somebody else wrote, made fit to be shown.
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

  private static func shown(_ text: String, limit: Int, keepsLines: Bool) -> String {
    var out = ""
    var used = 0
    for scalar in text.unicodeScalars {
      if used >= limit { return out + "…" }
      used += 1
      if keepsLines, scalar == "\n" || scalar == "\t" {
        out.unicodeScalars.append(scalar)
        continue
      }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
        out += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
      default:
        out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  /// The same for bytes that ought to be UTF-8; what is not becomes U+FFFD.
  static func of(_ bytes: some Collection<UInt8>, limit: Int = 4096) -> String {
    of(String(decoding: bytes, as: UTF8.self), limit: limit)
  }
}
