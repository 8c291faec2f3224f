import Foundation
import GRDB
import Rotation

extension Store {
  /// Removes what was observed during updates that ended long ago, one update at a time, so that nobody waits long. Every
  /// event stays, and with it what was done, decided and what came of it, and what concerns an update as a whole.
  ///
  /// - Parameter end: updates that ended before it are meant.
  /// - Returns: the updates whose observations were removed.
  @discardableResult
  public func removeObservations(endedBefore end: Date) async throws -> [UpdateRecord.ID] {
    let now = clock()
    let old = try await read { database in
      try Int64.fetchAll(
        database,
        sql: """
          SELECT id FROM updates WHERE outcome IS NOT NULL AND ended_at < ? AND observations_removed_at IS NULL ORDER BY id
          """, arguments: [end.milliseconds])
    }
    for id in old {
      try await writeAside { database in
        try database.execute(
          sql: """
            UPDATE updates SET observations_removed_at = ?
            WHERE id = ? AND outcome IS NOT NULL AND ended_at < ? AND observations_removed_at IS NULL
            """, arguments: [now.milliseconds, id, end.milliseconds])
        // Somebody may have taken it up again.
        guard database.changesCount == 1 else { return }
        try database.execute(
          sql: "DELETE FROM journal WHERE update_id = ? AND note IS NOT NULL AND action IS NOT NULL", arguments: [id])
      }
    }
    return old.map(UpdateRecord.ID.init(rawValue:))
  }
}
