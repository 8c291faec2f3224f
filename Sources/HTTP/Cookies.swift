/// The `Cookie` header (RFC 6265, section 5.4): pairs separated by semicolons.
enum Cookies {
  /// The cookies of all `Cookie` headers. A pair without a name or an equals sign is passed over, as browsers send
  /// whatever a site or a neighbour once set.
  static func parse(_ values: [String]) -> [String: String] {
    var cookies: [String: String] = [:]
    // By bytes: what separates the parts is ASCII, and looking for the bounds of characters takes longer than all the rest.
    for value in values {
      for pair in value.utf8.split(separator: UInt8(ascii: ";")) {
        guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { continue }
        let name = String(Substring(trimmed(pair[..<equals])))
        guard !name.isEmpty, cookies[name] == nil else { continue }
        var content = trimmed(pair[pair.index(after: equals)...])
        if content.count >= 2, content.first == quote, content.last == quote {
          content = content.dropFirst().dropLast()
        }
        cookies[name] = String(Substring(content))
      }
    }
    return cookies
  }

  private static let quote = UInt8(ascii: "\"")

  private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
    var rest = text.drop { $0 == 0x20 || $0 == 0x09 }
    while let last = rest.last, last == 0x20 || last == 0x09 { rest.removeLast() }
    return rest
  }
}
