import Foundation
import Testing

@testable import Console

@Suite("Templates and the models that fill them") struct TemplateTests {
  private static func texts(_ folder: String, _ suffix: String) throws -> [String: String] {
    let root = TestConsole.packageFolder + "/" + folder
    let paths = try FileManager.default.subpathsOfDirectory(atPath: root).filter { $0.hasSuffix(suffix) }
    return try Dictionary(
      uniqueKeysWithValues: paths.map {
        (String($0.dropLast(suffix.count)), try String(contentsOfFile: root + "/" + $0, encoding: .utf8))
      })
  }

  /// The tags of a template without its comments: `title`, `#rows`, `> partials/table`, …
  private static func tags(_ text: String) -> [String] {
    HTML.all(#"\{\{(?!!)([^}]*)\}\}"#, in: text).map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// What partials offer, and no page of the console makes use of at present.
  private static let unused: Set<String> = ["intro", "isNumber", "placeholder"]

  @Test("Every field that a template asks for is given by some model: a missing one would be drawn as nothing")
  func fields() throws {
    let sources = try ["Sources/Console", "Sources/Demo"].flatMap { try Self.texts($0, ".swift").values }
    let given = Set(sources.flatMap { HTML.all(#""([A-Za-z][A-Za-z0-9]*)""#, in: $0) })
    for (name, text) in try Self.texts("Templates", ".mustache") {
      for tag in Self.tags(text) {
        guard let first = tag.first, !">/<$".contains(first) else { continue }
        let path = tag.drop { "#^&. ".contains($0) }
        for field in path.split(separator: ".").map(String.init) where !Self.unused.contains(field) {
          let isGiven = given.contains(field)
          #expect(isGiven, "\(name): \(field)")
        }
      }
    }
  }

  @Test("Every template is drawn by a page, or by another template")
  func orphans() throws {
    let templates = try Self.texts("Templates", ".mustache")
    let sources = try ["Sources/Console", "Sources/Demo"].flatMap { try Self.texts($0, ".swift").values }.joined()
    let partials = Set(
      templates.values.flatMap(Self.tags).filter { $0.hasPrefix(">") || $0.hasPrefix("<") }
        .map { $0.dropFirst().trimmingCharacters(in: .whitespaces) })
    // A form with a single box is not among the pages yet.
    for name in templates.keys where name != "partials/checkbox" {
      let isDrawn = partials.contains(name) || sources.contains("\"\(name)\"")
      #expect(isDrawn, "\(name)")
    }
  }

  @Test("Nothing in a template is put out without being escaped")
  func escaping() throws {
    for (name, text) in try Self.texts("Templates", ".mustache") {
      #expect(!text.contains("{{{"), "\(name)")
      #expect(!Self.tags(text).contains { $0.hasPrefix("&") }, "\(name)")
      #expect(!text.contains(" style=\""), "\(name): the policy of the pages allows no style in them")
      #expect(!text.contains(" onclick="), "\(name)")
    }
  }

  @Test("A folder of templates is read through a link to it, too")
  func linked() throws {
    let folder = try TemporaryFolder()
    let link = folder.path + "/Templates"
    let real = TestConsole.packageFolder + "/Templates"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: real)
    #expect(try PageRenderer(folder: link).templateNames == PageRenderer(folder: real).templateNames)
  }

  @Test("A broken template, or one that names a partial that is not there, is refused at the start with its name")
  func broken() throws {
    for (text, word) in [("{{#open}}", "page.mustache"), ("{{> nowhere}}", "nowhere")] {
      let folder = try TemporaryFolder()
      try text.write(toFile: folder.path + "/page.mustache", atomically: true, encoding: .utf8)
      try "".write(toFile: folder.path + "/layout.mustache", atomically: true, encoding: .utf8)
      let error = #expect(throws: ConsoleError.self) { try PageRenderer(folder: folder.path) }
      #expect(error?.sentence.contains(word) == true)
    }
  }
}
