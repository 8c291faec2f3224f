/// Text from files that somebody else wrote, made fit to be shown.
enum VisibleText {
  /// The text with everything that could change what surrounds it (control characters, direction marks, line
  /// separators, characters without a shape) written as `\u{…}`, and cut after `limit` characters.
  static func of(_ text: String, limit: Int = 4096) -> String {
    var out = ""
    var used = 0
    for scalar in text.unicodeScalars {
      if used >= limit { return out + "…" }
      used += 1
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
