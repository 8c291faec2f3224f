import HTTP
import PKI
import Store

extension ConsoleRouter {
  /// The audit log: list, entry, exports.
  mutating func addAuditRoutes() {
    on(.get, "/audit", for: .operator(to: "read the audit log")) { request, _, visit in
      try await AuditPages.list(request, visit)
    }
    on(.get, SyslogPage.path, for: .administrator(to: "send the audit log on")) { _, _, visit in
      try await SyslogPage.show(visit)
    }
    on(.post, SyslogPage.path, for: .administrator(to: "send the audit log on")) { request, _, visit in
      try await SyslogPage.save(request, visit)
    }
    on(.get, "/audit/:id", for: .operator(to: "read the audit log")) { _, path, visit in
      try await AuditPages.details(try await AuditRoutes.entry(path, visit), visit)
    }
    on(.get, "/audit/export.csv", for: .operator(to: "read the audit log")) { request, _, visit in
      try await AuditRoutes.export(request, .csv, visit)
    }
    on(.get, "/audit/export.jsonl", for: .operator(to: "read the audit log")) { request, _, visit in
      try await AuditRoutes.export(request, .jsonLines, visit)
    }
  }
}

enum AuditRoutes {
  /// The entry of a path's number; 404 where there is none.
  static func entry(_ path: PathParameters, _ visit: Visit) async throws -> AuditEntry {
    guard let number = path.integer("id"), let entry = try await visit.services.store.auditEntry(Int64(number)) else {
      throw PageError.notFound("entry of the audit log", "None is ever removed: look for it in the list.")
    }
    return entry
  }
}

extension AuditRoutes {
  fileprivate static func export(
    _ request: Request, _ format: AuditExportFile.Format, _ visit: Visit
  ) async throws -> Response {
    do {
      return try await AuditExportFile.response(request, format, visit)
    } catch {
      throw PageError.refusal(error, back: (label: "Back to the audit log", href: "/audit"))
    }
  }
}

/// The audit log as a file, made while it is sent.
enum AuditExportFile {
  enum Format: String {
    case csv
    case jsonLines = "jsonl"

    var type: String { self == .csv ? "text/csv; charset=utf-8; header=present" : "application/jsonl; charset=utf-8" }
  }

  /// - Throws: ``InputRefusal`` by the fields of the query.
  static func response(_ request: Request, _ format: Format, _ visit: Visit) async throws -> Response {
    let filter = try AuditFilterForm(request.query).filter()
    if request.method == .get {
      let filtered = filter.isEmpty ? "all entries" : "filtered"
      try await visit.audit(.auditExported, on: "the audit log", ["format": format.rawValue, "which": filtered])
    }
    let source = AuditExportSource(try await visit.services.store.auditExport(filter), format)
    let day = AuditTime.text(visit.services.clock()).prefix(10)
    return Response(
      status: 200,
      headers: [
        ("Content-Type", format.type),
        ("Content-Disposition", "attachment; filename=\"reroot-audit-\(day).\(format.rawValue)\""),
      ],
      body: .stream(BodyStream { try await source.next() }))
  }
}

/// The parts of an export, one after the other.
actor AuditExportSource {
  private var export: AuditExport
  private let format: AuditExportFile.Format
  private var hasBegun = false
  private var hasEnded = false

  init(_ export: AuditExport, _ format: AuditExportFile.Format) {
    self.export = export
    self.format = format
  }

  /// The next bytes; nil after the last ones.
  func next() async throws -> [UInt8]? {
    guard !hasEnded else { return nil }
    // Read into a copy: nothing else of the actor may run on what is being changed.
    var current = export
    let entries = try await current.next()
    export = current
    var text = ""
    if !hasBegun, format == .csv { text += CSV.line(Self.columns) }
    hasBegun = true
    for entry in entries {
      text += format == .csv ? CSV.line(Self.values(entry)) : AuditLine.text(entry) + "\n"
    }
    if entries.isEmpty {
      hasEnded = true
      if format == .jsonLines { text += export.lastLine + "\n" }
    }
    return text.isEmpty ? nil : Array(text.utf8)
  }

  private static let columns = [
    "number", "time", "kind", "who", "user", "from", "event", "what", "on", "details", "reason", "hash",
  ]

  private static func values(_ entry: AuditEntry) -> [String] {
    let details = entry.details.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
    return [
      "\(entry.number)", AuditTime.text(entry.at), entry.author.kind.rawValue, entry.author.name,
      entry.author.user.map { "\($0)" } ?? "", entry.author.address ?? "", entry.event,
      AuditEvent(rawValue: entry.event)?.title ?? "", entry.subject ?? "", details, entry.reason ?? "",
      Hexadecimal.text(entry.hash),
    ]
  }
}
