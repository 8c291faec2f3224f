import Foundation
import HTTP

/// What a list can be narrowed down to, the most urgent first.
protocol ListChoice: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
  var label: String { get }
  /// How the choice of everything is called.
  static var all: String { get }
}

/// A part of a long list: what passes a filter, page by page, as it stands in the query, so that it can be kept as a
/// bookmark.
struct ListPart<Choice: ListChoice>: Sendable {
  var choice: Choice?
  var text = ""
  var page = 1

  /// The elements of a part.
  struct Selection<Element: Sendable>: Sendable {
    /// Those to show.
    var shown: [Element]
    /// The place of the first of them among those that pass, from 0 on.
    var first: Int
    /// How many pass.
    var count: Int
  }

  /// Everything.
  init() {}

  /// What cannot be understood of the query keeps nothing back.
  init(_ query: Form) {
    choice = query["show"].flatMap(Choice.init(rawValue:))
    text = String((query["name"] ?? "").trimmingCharacters(in: .whitespacesAndNewlines).prefix(200))
    page = min(max(1, query["page"].flatMap { Int($0) } ?? 1), 1_000_000)
  }

  /// Whether an element of this name passes.
  func passes(_ name: String) -> Bool {
    text.isEmpty || name.range(of: text, options: [.caseInsensitive, .diacriticInsensitive]) != nil
  }

  /// The page of the elements that pass; one behind the last is the last.
  ///
  /// - Parameters:
  ///   - found: those that pass, by what they can be narrowed down to, in their order.
  ///   - length: how many a page holds.
  func selection<Element>(of found: [Choice: [Element]], length: Int) -> Selection<Element> {
    let found = Choice.allCases.flatMap { choice == nil || choice == $0 ? found[$0] ?? [] : [] }
    let first = min(page - 1, max(0, (found.count - 1) / length)) * length
    return Selection(shown: Array(found.dropFirst(first).prefix(length)), first: first, count: found.count)
  }

  /// `partials/listing` and `partials/listing-pages`: the filter and the further pages.
  ///
  /// - Parameter noun: what an element is called.
  func model<Element>(_ selection: Selection<Element>, length: Int, noun: String, at path: String) -> PageModel {
    let isFiltered = choice != nil || !text.isEmpty
    let options = Choice.allCases.map { ($0.rawValue, $0.label) }
    var model: PageModel = [
      "path": path,
      "isFiltered": isFiltered,
      "fields": [
        FieldPart.select("show", "Show", options: [("", Choice.all)] + options, chosen: choice?.rawValue ?? "").fields,
        FieldPart.input("name", "Name", value: text).fields,
      ],
      "range": (isFiltered ? "Filtered: " : "") + range(selection, noun),
    ]
    let number = selection.first / length + 1
    if number > 1 { model["previous"] = Part.link("Previous", path + query(page: number - 1)) }
    if selection.first + selection.shown.count < selection.count {
      model["next"] = Part.link("Next", path + query(page: number + 1))
    }
    return model
  }

  private func range<Element>(_ selection: Selection<Element>, _ noun: String) -> String {
    guard !selection.shown.isEmpty else { return "no \(noun)" }
    let last = selection.first + selection.shown.count
    return "\(selection.first + 1) to \(last) of \(Display.count(selection.count, noun))"
  }

  private func query(page: Int) -> String {
    let pairs = [("show", choice?.rawValue ?? ""), ("name", text), ("page", "\(page)")].filter { !$0.1.isEmpty }
    return "?" + pairs.map { "\($0.0)=\(ReturnPath.encoded($0.1))" }.joined(separator: "&")
  }
}
