import Foundation
import Testing

/// An answer of the console, with the few looks into its HTML that tests need.
struct Answer: Sendable {
  let status: Int
  let headers: [(name: String, value: String)]
  var body: [UInt8] = []
  /// Where it was asked for, if the test noted that.
  var path = ""

  init(head: String) {
    let lines = head.components(separatedBy: "\r\n")
    status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    headers = lines.dropFirst().map { line in
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      return (
        parts[0].lowercased(), parts.count > 1 ? String(parts[1]).trimmingCharacters(in: .whitespaces) : ""
      )
    }
  }

  var html: String { String(decoding: body, as: UTF8.self) }

  func header(_ name: String) -> String? { headers.first { $0.name == name.lowercased() }?.value }

  var setCookies: [(name: String, value: String)] {
    headers.filter { $0.name == "set-cookie" }.compactMap { header in
      let pair = header.value.split(separator: ";")[0].split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return pair.count == 2 ? (String(pair[0]), String(pair[1])) : nil
    }
  }

  var location: String? { header("location") }

  /// What a person reads: no tags, no entities, every space one space.
  var text: String { HTML.text(html) }

  /// Whether a person reads this on the page.
  func says(_ words: String) -> Bool {
    text.contains(words.split(whereSeparator: \.isWhitespace).joined(separator: " "))
  }

  /// Whether the HTML holds these very characters.
  func has(_ markup: String) -> Bool { html.contains(markup) }

  var csrfToken: String? {
    HTML.first(#"<meta name="csrf-token" content="([^"]*)""#, in: html).map(HTML.decoded)
  }

  /// The sentence at a field of a form; nil when there is none.
  func error(of field: String) -> String? {
    let pattern = "<p class=\"error\" id=\"\(NSRegularExpression.escapedPattern(for: field))-error\">(.*?)</p>"
    return HTML.first(pattern, in: html).map {
      HTML.text($0).replacingOccurrences(of: "Error: ", with: "")
    }
  }

  /// The names of all fields that have a sentence.
  var errorFields: [String] {
    HTML.all(#"<p class="error" id="([^"]*)-error">"#, in: html)
  }

  /// Every `href` and `action` of the page.
  var links: [String] { HTML.all(#"(?:href|action)="([^"]*)""#, in: html).map(HTML.decoded) }

  /// The form that posts to an address; without one the first of the page's own.
  func form(_ action: String? = nil) throws -> PageForm {
    let forms = PageForm.all(html)
    guard let form = forms.first(where: { action == nil ? $0.action != "/sign-out" : $0.action == action }) else {
      throw BrowserError(description: "no form \(action ?? "") on a page \(status): \(text.prefix(300))")
    }
    return form
  }
}

extension Answer: CustomTestStringConvertible {
  var testDescription: String { "\(status) \(location ?? "") \(text.prefix(600))" }
}

/// A form as a page shows it.
struct PageForm: Sendable {
  let action: String
  let isMultipart: Bool
  /// Whether it is sent by GET.
  let isSearch: Bool
  let fields: [(name: String, value: String)]

  func value(_ name: String) -> String? { fields.first { $0.name == name }?.value }

  static func all(_ html: String) -> [PageForm] {
    HTML.pieces("<form ", "</form>", in: html).map { piece in
      let tag = piece.prefix { $0 != ">" }
      return PageForm(
        action: HTML.attribute("action", of: String(tag)) ?? "", isMultipart: tag.contains("multipart/form-data"),
        isSearch: HTML.attribute("method", of: String(tag)) == "get",
        fields: inputs(piece) + textAreas(piece) + selects(piece))
    }
  }

  private static func inputs(_ html: String) -> [(name: String, value: String)] {
    HTML.pieces("<input ", ">", in: html).compactMap { tag in
      guard let name = HTML.attribute("name", of: tag) else { return nil }
      let type = HTML.attribute("type", of: tag)
      if type == "radio" || type == "checkbox", !tag.hasSuffix(" checked"), !tag.contains(" checked ") { return nil }
      return type == "file" ? nil : (name, HTML.attribute("value", of: tag) ?? "")
    }
  }

  private static func textAreas(_ html: String) -> [(name: String, value: String)] {
    HTML.pieces("<textarea ", "</textarea>", in: html).compactMap { piece in
      guard let name = HTML.attribute("name", of: piece), let end = piece.firstIndex(of: ">") else { return nil }
      var text = String(piece[piece.index(after: end)...])
      // A line break right after the tag is not part of the value (HTML Standard, section 13.2.6.4.7).
      if text.first == "\n" { text.removeFirst() }
      return (name, HTML.decoded(text))
    }
  }

  private static func selects(_ html: String) -> [(name: String, value: String)] {
    HTML.pieces("<select ", "</select>", in: html).compactMap { piece in
      guard let name = HTML.attribute("name", of: piece) else { return nil }
      let options = HTML.pieces("<option ", ">", in: piece)
      let chosen = options.first { $0.contains(" selected") } ?? options.first
      return (name, chosen.flatMap { HTML.attribute("value", of: $0) } ?? "")
    }
  }
}

/// Just enough of HTML for the console's own pages.
enum HTML {
  static func text(_ html: String) -> String {
    let plain = html.replacingOccurrences(of: "<wbr>", with: "")
      .replacingOccurrences(of: "<[^>]*>", with: " ", options: .regularExpression)
    return decoded(plain).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  static func decoded(_ text: String) -> String {
    [
      ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&#x2F;", "/"),
      ("&amp;", "&"),
    ].reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
  }

  static func attribute(_ name: String, of tag: String) -> String? {
    first("(?:^|\\s)\(name)=\"([^\"]*)\"", in: tag).map(decoded)
  }

  /// What stands between a beginning and the next end.
  static func pieces(_ start: String, _ end: String, in html: String) -> [String] {
    html.components(separatedBy: start).dropFirst().map { $0.components(separatedBy: end)[0] }
  }

  static func first(_ pattern: String, in text: String) -> String? { all(pattern, in: text).first }

  static func all(_ pattern: String, in text: String) -> [String] {
    guard let regex = try? NSRegularExpression(pattern: pattern, options: [.dotMatchesLineSeparators]) else {
      return []
    }
    return regex.matches(in: text, range: NSRange(text.startIndex..., in: text)).compactMap { match in
      Range(match.range(at: 1), in: text).map { String(text[$0]) }
    }
  }
}
