/// The `Cookie` header (RFC 6265, section 5.4): pairs separated by semicolons.
enum Cookies {
  /// The cookies of all `Cookie` headers. A pair without a name or an equals sign is passed over, as browsers send
  /// whatever a site or a neighbour once set.
  static func parse(_ values: [String]) -> [String: String] {
    var cookies: [String: String] = [:]
    for value in values {
      for pair in value.split(separator: ";") {
        guard let equals = pair.firstIndex(of: "=") else { continue }
        let name = trimmed(pair[..<equals])
        guard !name.isEmpty, cookies[name] == nil else { continue }
        var content = trimmed(pair[pair.index(after: equals)...])
        if content.count >= 2, content.hasPrefix("\""), content.hasSuffix("\"") {
          content = String(content.dropFirst().dropLast())
        }
        cookies[name] = content
      }
    }
    return cookies
  }

  private static func trimmed(_ text: Substring) -> String {
    var rest = text.drop { $0 == " " || $0 == "\t" }
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    return String(rest)
  }
}
