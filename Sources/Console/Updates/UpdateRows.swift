import Foundation
import HTTP
import Rotation

/// Which components the page of an update shows: all of a small system, a part of a large one, as it stands in the query, so
/// that it can be kept as a bookmark.
struct UpdateRows: Sendable {
  /// More than so many are shown page by page, those that failed first. With the log the page stays below 150 KB.
  static let pageLength = 80

  /// Where a component stands, the most urgent first.
  enum Standing: String, Sendable, CaseIterable {
    case failed, running, waiting, done

    var label: String {
      switch self {
      case .failed: "Something failed"
      case .running: "Being worked on"
      case .waiting: "Waiting"
      case .done: "Finished"
      }
    }
  }

  var standing: Standing?
  var text = ""
  var page = 1

  private static let longestText = 200

  /// Everything.
  init() {}

  /// What cannot be understood of the query keeps nothing back.
  init(_ query: Form) {
    standing = query["show"].flatMap(Standing.init(rawValue:))
    text = String((query["name"] ?? "").trimmingCharacters(in: .whitespacesAndNewlines).prefix(Self.longestText))
    page = min(max(1, query["page"].flatMap { Int($0) } ?? 1), 1_000_000)
  }

  /// A part of the components.
  struct Selection: Sendable {
    /// Those to show.
    var shown: [Course.Member]
    /// The place of the first of them among those that pass, from 0 on.
    var first: Int
    /// How many pass.
    var count: Int
  }

  func selection(of state: UpdateState) -> Selection {
    let members = state.course.members
    guard Self.arePaged(state) else { return Selection(shown: members, first: 0, count: members.count) }
    var byStanding: [Standing: [Course.Member]] = [:]
    for member in members where passes(member) {
      let its = Self.standing(of: member, state)
      if standing == nil || standing == its { byStanding[its, default: []].append(member) }
    }
    let found = Standing.allCases.flatMap { byStanding[$0] ?? [] }
    let last = max(0, (found.count - 1) / Self.pageLength)
    let first = min(page - 1, last) * Self.pageLength
    return Selection(shown: Array(found.dropFirst(first).prefix(Self.pageLength)), first: first, count: found.count)
  }

  /// Whether there are so many that only a part is shown.
  static func arePaged(_ state: UpdateState) -> Bool { state.course.members.count > pageLength }

  private func passes(_ member: Course.Member) -> Bool {
    text.isEmpty || member.name.range(of: text, options: [.caseInsensitive, .diacriticInsensitive]) != nil
  }

  private static func standing(of member: Course.Member, _ state: UpdateState) -> Standing {
    var found = Standing.done
    for (id, action) in state.actions(of: member.id) {
      switch action.status {
      case .failed: return .failed
      case .running: found = .running
      case .waiting:
        // On the way back what the way forward has left is not waited for any more.
        if found == .done, id.kind.isRestoring == (state.direction == .backward) { found = .waiting }
      case .succeeded, .skipped: break
      }
    }
    return found
  }

  // MARK: On the page

  /// The filter and the further pages; nil where everything is shown.
  func model(_ selection: Selection, of state: UpdateState, at path: String) -> PageModel? {
    guard Self.arePaged(state) else { return nil }
    let isFiltered = standing != nil || !text.isEmpty
    var model: PageModel = [
      "path": path,
      "isFiltered": isFiltered,
      "fields": [
        FieldPart.select(
          "show", "Show", options: [("", "All, failures first")] + Standing.allCases.map { ($0.rawValue, $0.label) },
          chosen: standing?.rawValue ?? ""
        ).fields,
        FieldPart.input("name", "Name", value: text).fields,
      ],
      "range": (isFiltered ? "Filtered: " : "") + range(selection),
    ]
    let number = selection.first / Self.pageLength + 1
    if number > 1 { model["previous"] = Part.link("Previous", path + query(page: number - 1)) }
    if selection.first + selection.shown.count < selection.count {
      model["next"] = Part.link("Next", path + query(page: number + 1))
    }
    return model
  }

  private func range(_ selection: Selection) -> String {
    guard !selection.shown.isEmpty else { return "no component" }
    let last = selection.first + selection.shown.count
    return "\(selection.first + 1) to \(last) of \(Display.count(selection.count, "component"))"
  }

  private func query(page: Int) -> String {
    let pairs = [("show", standing?.rawValue ?? ""), ("name", text), ("page", "\(page)")].filter { !$0.1.isEmpty }
    return "?" + pairs.map { "\($0.0)=\(ReturnPath.encoded($0.1))" }.joined(separator: "&")
  }
}
