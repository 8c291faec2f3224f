import Foundation
import GRDB
import PKI

/// Which entries of the audit log are wanted; nothing set means all.
public struct AuditFilter: Sendable, Hashable {
  /// The name of who did it, as it stands in the entries.
  public var who: String?
  /// The kind of event.
  public var topic: AuditTopic?
  /// One event, by its code.
  public var event: AuditEvent?
  /// From this moment on.
  public var from: Date?
  /// Before this moment.
  public var until: Date?
  /// A part of the subject, the details, the reason, the name or the address; upper and lower case are the same in ASCII.
  public var text: String?

  /// A filter that lets everything through.
  public init() {}

  /// Whether everything passes.
  public var isEmpty: Bool { self == AuditFilter() }

  func condition() throws -> (sql: String, arguments: StatementArguments) {
    var parts: [String] = []
    var arguments = StatementArguments()
    func add(_ sql: String, _ values: [any DatabaseValueConvertible]) {
      parts.append(sql)
      arguments += StatementArguments(values)
    }
    if let who { add("who = ?", [who]) }
    if let event { add("event = ?", [event.rawValue]) }
    if let topic {
      let codes = topic.events.map(\.rawValue)
      add("event IN (\(codes.map { _ in "?" }.joined(separator: ", ")))", codes)
    }
    if let from { add("at >= ?", [from.milliseconds]) }
    if let until { add("at < ?", [until.milliseconds]) }
    if let text {
      // The details are JSON, in which quotation marks and backslashes are escaped.
      let json = text.escaped { $0 == "\\" || $0 == "\"" ? "\\\($0)" : nil }
      let columns = ["subject", "details", "reason", "who", "address", "event"]
      add(
        "(" + columns.map { "\($0) LIKE ? ESCAPE '\\'" }.joined(separator: " OR ") + ")",
        columns.map { Self.pattern($0 == "details" ? json : text) })
    }
    return (parts.isEmpty ? "1" : parts.joined(separator: " AND "), arguments)
  }

  /// For LIKE, in which `%` and `_` stand for anything.
  private static func pattern(_ text: String) -> String {
    "%" + text.escaped { "\\%_".unicodeScalars.contains($0) ? "\\\($0)" : nil } + "%"
  }
}

extension Store {
  /// Entries with the newest first.
  ///
  /// - Parameters:
  ///   - before: only entries with lower numbers; nil begins with the newest.
  ///   - limit: the most that are wanted.
  public func auditEntries(_ filter: AuditFilter = AuditFilter(), before: Int64? = nil, limit: Int) async throws
    -> [AuditEntry]
  {
    try await auditEntries(filter, "number < ? ORDER BY number DESC", before ?? Int64.max, limit)
  }

  /// Entries in their order, as they are exported.
  ///
  /// - Parameter after: only entries with higher numbers.
  public func auditEntries(_ filter: AuditFilter = AuditFilter(), after: Int64, limit: Int) async throws
    -> [AuditEntry]
  {
    try await auditEntries(filter, "number > ? ORDER BY number", after, limit)
  }

  private func auditEntries(_ filter: AuditFilter, _ order: String, _ bound: Int64, _ limit: Int) async throws
    -> [AuditEntry]
  {
    try await read { database in
      let (sql, arguments) = try filter.condition()
      return try Row.fetchAll(
        database, sql: "SELECT * FROM audit WHERE \(sql) AND \(order) LIMIT ?",
        arguments: arguments + StatementArguments([bound, Int64(limit)])
      ).map(AuditEntry.init)
    }
  }

  /// One entry; nil when there is none of that number.
  public func auditEntry(_ number: Int64) async throws -> AuditEntry? {
    try await read { database in
      try Row.fetchOne(database, sql: "SELECT * FROM audit WHERE number = ?", arguments: [number]).map(AuditEntry.init)
    }
  }

  /// Whoever has done anything, by name.
  public func auditAuthors() async throws -> [String] {
    try await read { try String.fetchAll($0, sql: "SELECT DISTINCT who FROM audit ORDER BY who COLLATE NOCASE") }
  }

  /// The number of the last entry; 0 for none.
  public func lastAuditNumber() async throws -> Int64 {
    try await read { try Int64.fetchOne($0, sql: "SELECT max(number) FROM audit") ?? 0 }
  }
}
