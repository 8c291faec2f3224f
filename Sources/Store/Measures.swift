import Foundation
import GRDB
import Rotation

/// What is counted in the database, for whoever measures from outside.
public struct Measures: Sendable {
  /// The certificate of a component in the current set.
  public struct Child: Sendable {
    /// The component.
    public let component: Component.ID
    /// Its name.
    public let name: String
    /// When its certificate ends.
    public let notAfter: Date
    /// When every one of its endpoints was last seen with this certificate; nil for never.
    public let seenRightAt: Date?
  }

  /// How an attempt at an action ended.
  public enum Result: String, Sendable, Hashable, CaseIterable {
    case succeeded, failed
    /// The program was ended in the middle of it.
    case interrupted
  }

  /// Attempts of one kind that ended in one way.
  public struct Attempts: Sendable, Hashable {
    /// The step.
    public let kind: ActionKind
    /// How they ended.
    public let result: Result

    /// Names a group of attempts.
    public init(kind: ActionKind, result: Result) { (self.kind, self.result) = (kind, result) }
  }

  /// The components that have a certificate in the current set, by name.
  public var children: [Child] = []
  /// How many updates ended how.
  public var outcomes: [Outcome: Int] = [:]
  /// How many attempts at actions ended how, since the first update.
  public var attempts: [Attempts: Int] = [:]
}

extension Store {
  /// Throws where the database does not answer a question.
  public func requireAnswer() async throws {
    _ = try await read { try Int.fetchOne($0, sql: "SELECT count(*) FROM settings") }
  }

  /// What is counted in the database.
  public func measures() async throws -> Measures {
    try await read { database in
      var measures = Measures(children: try Self.children(database))
      let outcomes = "SELECT outcome, count(*) AS count FROM updates WHERE outcome IS NOT NULL GROUP BY outcome"
      for row in try Row.fetchAll(database, sql: outcomes) {
        if let outcome = Outcome(rawValue: row["outcome"]) { measures.outcomes[outcome] = row["count"] }
      }
      for row in try Row.fetchAll(database, sql: Self.attemptsByResult) {
        guard let kind = ActionKind(rawValue: row["kind"]), let result = Measures.Result(rawValue: row["result"]) else {
          continue
        }
        measures.attempts[.init(kind: kind, result: result)] = row["count"]
      }
      return measures
    }
  }

  /// An action is written `deploy:7`, or `https`.
  private static let attemptsByResult = """
    SELECT substr(action, 1, instr(action || ':', ':') - 1) AS kind,
      CASE WHEN failure IS NULL THEN 'succeeded'
        WHEN json_extract(failure, '$.isInterruption') THEN 'interrupted' ELSE 'failed' END AS result,
      count(*) AS count
    FROM attempts WHERE ended_at IS NOT NULL GROUP BY 1, 2
    """

  private static func children(_ database: GRDB.Database) throws -> [Measures.Child] {
    let rows = try Row.fetchAll(
      database,
      sql: """
        SELECT c.id, c.name, m.not_after, w.right_at FROM set_members m JOIN components c ON c.id = m.component
        LEFT JOIN watched w ON w.component = c.id
        WHERE m.number = (SELECT number FROM certificate_sets WHERE is_current = 1) ORDER BY c.name
        """)
    return rows.map { row in
      Measures.Child(
        component: Component.ID(rawValue: row["id"]), name: row["name"],
        notAfter: Date(milliseconds: row["not_after"]),
        seenRightAt: (row["right_at"] as Int64?).map(Date.init(milliseconds:)))
    }
  }
}
