import Foundation
import HTTP
import Store

/// The filter of the audit page, as it stands in the query: everything about it can be kept as a bookmark.
struct AuditFilterForm: Sendable {
  var who = ""
  var topic = ""
  var from = ""
  var until = ""
  var text = ""

  static let names = ["who", "topic", "from", "until", "text"]
  private static let longestText = 200

  init(_ query: Form) {
    func value(_ name: String) -> String {
      String((query[name] ?? "").trimmingCharacters(in: .whitespacesAndNewlines).prefix(Self.longestText))
    }
    (who, topic, text) = (value("who"), value("topic"), value("text"))
    (from, until) = (value("from"), value("until"))
  }

  /// What the store is asked, and what is wrong by field. A day ends with its last millisecond, in UTC.
  var checked: (filter: AuditFilter, problems: [(field: String, sentence: String)]) {
    var filter = AuditFilter()
    var problems: [(field: String, sentence: String)] = []
    func day(_ text: String, _ field: String) -> Date? {
      guard !text.isEmpty else { return nil }
      if let day = AuditDay.date(text) { return day }
      problems.append((field, "Give a day as YYYY-MM-DD, such as 2026-11-26."))
      return nil
    }
    if !who.isEmpty { filter.who = who }
    if !topic.isEmpty {
      filter.topic = AuditTopic(rawValue: topic)
      if filter.topic == nil { problems.append(("topic", "Choose one of the kinds.")) }
    }
    if !text.isEmpty { filter.text = text }
    filter.from = day(from, "from")
    filter.until = day(until, "until")?.addingTimeInterval(86_400)
    if let from = filter.from, let until = filter.until, from >= until {
      problems.append(("until", "The last day comes before the first. Exchange the two."))
    }
    return (filter, problems)
  }

  /// The same for whoever cannot be shown a form again.
  ///
  /// - Throws: ``InputRefusal`` by the fields of the query.
  func filter() throws -> AuditFilter {
    let (filter, problems) = checked
    guard problems.isEmpty else {
      throw InputRefusal(problems.map { InputProblem(field: $0.field, sentence: $0.sentence) })
    }
    return filter
  }

  /// The query that leads here again, with more behind it.
  func query(_ more: [(String, String)] = []) -> String {
    let own = zip(Self.names, [who, topic, from, until, text]).filter { !$1.isEmpty }
    let pairs = (own + more).map { "\($0)=\(ReturnPath.encoded($1))" }
    return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
  }

  /// The fields for the template.
  func fields(authors: [String], problems: [(field: String, sentence: String)]) -> [PageModel] {
    func error(_ field: String) -> String? { problems.first { $0.field == field }?.sentence }
    var names = authors
    if !who.isEmpty, !names.contains(who) { names.append(who) }
    return [
      FieldPart.select(
        "who", "Who", options: [("", "Everybody")] + names.map { ($0, $0) }, chosen: who),
      FieldPart.select(
        "topic", "What", options: [("", "Everything")] + AuditTopic.allCases.map { ($0.rawValue, $0.title) },
        chosen: topic, error: error("topic")),
      FieldPart.input("from", "From", type: "date", value: AuditDay.known(from), error: error("from"), width: "short"),
      FieldPart.input("until", "To", type: "date", value: AuditDay.known(until), error: error("until"), width: "short"),
      FieldPart.input("text", "Text", value: text),
    ].map(\.fields)
  }
}

/// A day as date fields send it.
public enum AuditDay {
  /// The text of a day; nothing where it is none, which a date field cannot show.
  static func known(_ text: String) -> String { date(text) == nil ? "" : text }

  /// The beginning of a day `YYYY-MM-DD` in UTC; nil for what is none.
  public static func date(_ text: String) -> Date? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard text.utf8.count == 10, parts.map(\.utf8.count) == [4, 2, 2],
      text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2D }),
      let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
    else { return nil }
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? calendar.timeZone
    let wanted = DateComponents(year: year, month: month, day: day)
    guard let date = calendar.date(from: wanted),
      calendar.dateComponents([.year, .month, .day], from: date) == wanted
    else { return nil }
    return date
  }
}
