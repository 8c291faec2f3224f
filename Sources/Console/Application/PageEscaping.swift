import Mustache
import PKI

/// How values stand on a page: what HTML would take for its own is written as a reference.
///
/// The library's own way looks for characters and so leaves `<` with an accent upon it as it is, which begins a tag all the
/// same (``Swift/String/escaped(_:)``).
struct PageEscaping: MustacheContentType {
  private static let name = "PAGE"
  /// Once, whichever renderer is made first.
  private static let isKnown: Void = MustacheContentTypes.register(PageEscaping(), named: name)

  /// A template that escapes so; the library begins every template, partials too, with its own way.
  ///
  /// - Throws: `MustacheTemplate.ParserError`, whose lines are counted with the one that is put before the text.
  static func template(_ text: String) throws -> MustacheTemplate {
    _ = isKnown
    return try MustacheTemplate(string: "{{% CONTENT_TYPE: \(name) }}\n" + text)
  }

  func escapeText(_ text: String) -> String {
    text.escaped { scalar in
      switch scalar {
      case "<": "&lt;"
      case ">": "&gt;"
      case "&": "&amp;"
      case "\"": "&quot;"
      case "'": "&#39;"
      default: nil
      }
    }
  }
}
