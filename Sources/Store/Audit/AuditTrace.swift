import Foundation
import GRDB

/// What stands elsewhere in the database and was recorded in the audit log by the same transaction. Where it is newer than
/// every entry, entries are missing at the end of the log, whatever the mark of the end says: an earlier mark, which was
/// genuine once, may have been put back.
///
/// It catches whoever cuts the log only. These records are not sealed to it, and not every act leaves one.
struct AuditTrace {
  /// What was done: `update 3 was started`.
  let what: String
  /// When, in milliseconds since 1970.
  let at: Int64

  /// Within one transaction the clock is read more than once, and may be set a little in between; in milliseconds.
  static let tolerance: Int64 = 5000

  /// Each names an act and its moment.
  private static let records: [(table: String, what: String, at: String)] = [
    ("updates", "'update ' || id || ' was started'", "started_at"),
    ("updates", "'update ' || id || ' ended'", "ended_at"),
    ("journal", "'update ' || update_id || ' was decided on'", "CASE WHEN event LIKE '%\"decided\"%' THEN at END"),
    ("agreements", "'an agreement was asked for'", "asked_at"),
    ("agreements", "'a request for an agreement was answered'", "answered_at"),
    ("roots", "'root certificate ' || id || ' was imported'", "imported_at"),
    ("authorities", "'authority ' || id || ' was added'", "added_at"),
    ("server_certificates", "'server certificate ' || id || ' was added'", "added_at"),
    ("https", "'the console’s certificate was exchanged'", "since"),
    ("users", "'user ' || id || ' was added'", "added_at"),
    ("sessions", "'user ' || user || ' signed in'", "began_at"),
  ]

  /// The newest act that any of these records tells of; nil for none. What an older version's database lacks is passed
  /// over.
  static func newest(_ database: GRDB.Database) throws -> AuditTrace? {
    var newest: AuditTrace?
    for record in records where try database.tableExists(record.table) {
      let row = try Row.fetchOne(
        database,
        sql: "SELECT \(record.what) AS what, \(record.at) AS at FROM \(record.table) ORDER BY 2 DESC NULLS LAST LIMIT 1"
      )
      guard let row, let at: Int64 = row["at"], at > (newest?.at ?? .min) else { continue }
      newest = AuditTrace(what: row["what"], at: at)
    }
    return newest
  }
}
