import Foundation
import HTTP
import PKI
import Store

/// The pages of the audit log.
enum AuditPages {
  static let crumbs = [(label: "Audit", href: "/audit")]
  /// Entries of one page.
  static let pageLength = 50

  /// The newest entries that pass the filter.
  static func list(_ request: Request, _ visit: Visit) async throws -> Response {
    let form = AuditFilterForm(request.query)
    let (filter, problems) = form.checked
    let before = request.query["before"].flatMap { Int64($0) }
    let store = visit.services.store
    let found = problems.isEmpty ? try await store.auditEntries(filter, before: before, limit: pageLength + 1) : []
    let shown = found.prefix(pageLength)
    var model: PageModel = [
      "header": Part.header(
        "Audit",
        lead: "Who did what, when and from where. Entries are only ever added, each sealed to the one before.",
        more: visit.only(.administrator, [(label: "Syslog", href: SyslogPage.path)]) + [
          (label: "CSV", href: "/audit/export.csv" + form.query()),
          (label: "JSON Lines", href: "/audit/export.jsonl" + form.query()),
        ]),
      "filter": form.fields(authors: try await store.auditAuthors(), problems: problems),
      "isFiltered": !filter.isEmpty || !problems.isEmpty,
    ]
    if !problems.isEmpty { model["banner"] = Part.errors(problems) }
    model["syslog"] = SyslogPage.banner(try await visit.services.syslog.standing())
    if shown.isEmpty {
      model["empty"] =
        filter.isEmpty && problems.isEmpty
        ? Part.empty("Nothing has been done yet", "Every act is recorded here from now on.")
        : Part.empty("No entry passes the filter", "Widen it.", action: ("Show everything", "/audit"))
    } else {
      let words = try await AuditWords.read(store)
      model["table"] = Part.table(
        "Entries, the newest first", columns: ["When", "What", "Who", "Details"],
        rows: shown.map { (cells: cells($0, words), menu: nil) })
    }
    if let last = shown.last, found.count > shown.count {
      model["older"] = Part.link("Older", "/audit" + form.query([("before", "\(last.number)")]))
    }
    if before != nil { model["newest"] = Part.link("Newest", "/audit" + form.query()) }
    return try visit.page("audit/list", model, status: problems.isEmpty ? 200 : 422)
  }

  private static func cells(_ entry: AuditEntry, _ words: AuditWords) -> [PageModel] {
    let event = AuditEvent(rawValue: entry.event)
    return [
      Part.cell(Display.day(entry.at), note: "\(Display.clock(entry.at)) UTC", isWhole: true),
      Part.cell(
        event?.title ?? entry.event, href: "/audit/\(entry.number)",
        status: event?.isWarning == true ? Part.status("warn", "Look") : nil, note: entry.subject, isHeading: true),
      Part.cell(entry.author.name, note: origin(entry.author)),
      Part.cell(entry.reason.map { "“\($0)”" }, note: summary(entry, words)),
    ]
  }

  /// Where somebody was, as far as the name does not say it.
  private static func origin(_ author: AuditAuthor) -> String? {
    switch author.kind {
    case .user: author.address.map { "from \($0)" }
    case .stranger: "not signed in, from \(author.address ?? "nowhere")"
    case .commandLine: "on the server itself"
    case .reroot: "by itself"
    }
  }

  private static let longestSummary = 160

  private static func summary(_ entry: AuditEntry, _ words: AuditWords) -> String? {
    guard !entry.details.isEmpty else { return nil }
    let text = words.rows(entry.details).map { "\($0.term): \($0.text)" }.joined(separator: " · ")
    return text.count > longestSummary ? text.prefix(longestSummary) + "…" : text
  }

  /// One entry with all that it holds.
  static func details(_ entry: AuditEntry, _ visit: Visit) async throws -> Response {
    let words = try await AuditWords.read(visit.services.store)
    let event = AuditEvent(rawValue: entry.event)
    let rows: [PageModel?] =
      [
        Part.row("When", "\(Display.day(entry.at)), \(Display.clock(entry.at)) UTC"),
        Part.row("Who", entry.author.name, note: origin(entry.author)),
        Part.row("Event", code: entry.event),
        entry.subject.map { Part.row("On", $0) },
        entry.reason.map { Part.row("Reason", $0) },
      ] + words.rows(entry.details).map { Part.row($0.term, $0.text) }
      + [
        Part.row("Hash of the entry before", code: Hexadecimal.text(entry.previous)),
        Part.row("Hash", code: Hexadecimal.text(entry.hash)),
        Part.row("Seal", code: Hexadecimal.text(entry.seal)),
      ]
    return try visit.page(
      "audit/details",
      [
        "header": Part.header(
          "Entry \(entry.number): \(event?.title ?? entry.event)", breadcrumbs: crumbs,
          status: event?.isWarning == true ? Part.status("warn", "Look") : nil),
        "facts": Part.definitions(rows),
      ])
  }
}
