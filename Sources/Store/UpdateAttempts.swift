import Foundation
import GRDB
import Rotation

// Who carries out what: an attempt is claimed in the transaction that asks for it, and closed in the one that journals its
// end.

extension Store {
  static func claim(
    _ effects: [Effect], of id: UpdateRecord.ID, _ worker: String, _ now: Date, _ database: GRDB.Database
  ) throws {
    for case .perform(let action, let attempt) in effects {
      try database.execute(
        often: "INSERT INTO attempts (update_id, action, attempt, worker, begun_at) VALUES (?, ?, ?, ?, ?)",
        arguments: [id.rawValue, "\(action)", attempt, worker, now.milliseconds])
    }
  }

  static func closeAttempts(
    _ event: Event, of id: UpdateRecord.ID, _ now: Date, _ database: GRDB.Database
  ) throws {
    switch event {
    case .actionSucceeded(let action, let attempt):
      try close(action, attempt, nil, of: id, now, database)
    case .actionFailed(let action, let attempt, let failure):
      try close(action, attempt, failure, of: id, now, database)
    case .interrupted(let actions):
      for lost in actions { try close(lost.action, nil, lost.failure, of: id, now, database) }
    case .started, .actionSettles, .halted, .decided, .journalRestored: break
    }
  }

  private static func close(
    _ action: ActionID, _ attempt: Int?, _ failure: Failure?, of id: UpdateRecord.ID, _ now: Date,
    _ database: GRDB.Database
  ) throws {
    try database.execute(
      often: """
        UPDATE attempts SET ended_at = ?, failure = ?
        WHERE update_id = ? AND action = ? AND attempt = coalesce(?, attempt) AND ended_at IS NULL
        """,
      arguments: [now.milliseconds, try failure.map(JSON.text), id.rawValue, "\(action)", attempt])
  }
}
