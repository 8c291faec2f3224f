import Foundation
import Mustache
import PKI

/// Every template, read and parsed once at the start.
///
/// A page is `Templates/<name>.mustache`; it fills `$main` of `layout.mustache`, whose head says which fields it takes.
public struct PageRenderer: Sendable {
  private let library: MustacheLibrary
  private let names: Set<String>

  /// Reads every `.mustache` file below a folder.
  ///
  /// Throws ``ConsoleError`` with the file and line when one cannot be parsed, or names a partial that is not there: an
  /// unknown partial would otherwise be drawn as nothing.
  public init(folder: String) throws {
    // A folder may be reached by a link; what lies below one would not be listed.
    let folder = URL(fileURLWithPath: folder, isDirectory: true).resolvingSymlinksInPath().path
    var templates: [String: MustacheTemplate] = [:]
    var partials: [(file: String, partial: String)] = []
    for path in try Self.files(in: folder) {
      let name = String(path.dropLast(Self.suffix.count))
      let text = try String(contentsOfFile: folder + "/" + path, encoding: .utf8)
      do {
        templates[name] = try PageEscaping.template(text)
      } catch let error as MustacheTemplate.ParserError {
        throw ConsoleError(
          code: "TEMPLATE_BROKEN",
          sentence: "The template \(path) cannot be read: line \(error.context.lineNumber - 1) is not right "
            + "(\(error.error)). Mend it, or install the program's Templates folder again.")
      }
      partials += Self.partials(of: text).map { (path, $0) }
    }
    guard templates["layout"] != nil else {
      throw ConsoleError(
        code: "TEMPLATE_MISSING",
        sentence: "There is no layout.mustache in \(folder). Install the program's Templates folder again.")
    }
    for (file, partial) in partials where templates[partial] == nil {
      throw ConsoleError(
        code: "TEMPLATE_MISSING",
        sentence: "The template \(file) uses “\(partial)”, which is not there. Install the program's Templates folder "
          + "again.")
    }
    library = MustacheLibrary(templates: templates)
    names = Set(templates.keys)
  }

  /// The names of all templates, without `.mustache`.
  public var templateNames: Set<String> { names }

  /// A template drawn with a model: a whole page, or a part that an event stream sends.
  ///
  /// Throws ``ConsoleError`` when there is no such template.
  public func render(_ name: String, _ model: PageModel) throws -> String {
    guard let text = library.render(model, withTemplate: name) else {
      throw ConsoleError(
        code: "TEMPLATE_MISSING",
        sentence: "There is no template \(name). Install the program's Templates folder again.")
    }
    return Self.visible(text)
  }

  /// What a model has not written out is written out here, for every page and every part that a stream sends: nothing on
  /// a page may turn round, hide, or end what stands beside it.
  private static func visible(_ text: String) -> String {
    let isHarmless = text.unicodeScalars.allSatisfy { !VisibleText.isHidden($0) || $0 == "\n" || $0 == "\t" }
    if isHarmless { return text }
    // The line ends of a text field, as browsers send them (HTML Standard, section 4.10.21.4).
    return VisibleText.lines(text.replacing("\r\n", with: "\n"), limit: .max)
  }

  private static let suffix = ".mustache"

  private static func files(in folder: String) throws -> [String] {
    do {
      return try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(suffix) }.sorted()
    } catch {
      throw ConsoleError(
        code: "TEMPLATE_MISSING",
        sentence: "The templates cannot be read from \(folder). Start the program in the folder that holds Templates "
          + "and Public, or say where they are.")
    }
  }

  /// The partials that a template names, `{{> name}}`; names that are chosen by the model (`{{>*name}}`) are left out.
  private static func partials(of text: String) -> [String] {
    text.components(separatedBy: "{{").dropFirst().compactMap { piece in
      guard let first = piece.first, first == ">" || first == "<", let end = piece.range(of: "}}") else { return nil }
      let name = piece[..<end.lowerBound].dropFirst().trimmingCharacters(in: .whitespaces)
      return name.hasPrefix("*") ? nil : name
    }
  }
}
