import GRDB
import Rotation

extension Store {
  /// Why an update can be neither retried nor aborted although nothing came after it that is still in force: a component
  /// keeps its former key at the target for one update only, and a later update, itself taken back since, has used that
  /// place. Nil where no key was lost.
  func lostKey(of id: UpdateRecord.ID, _ database: GRDB.Database) throws -> String? {
    guard
      let number = try Int64.fetchOne(database, sql: "SELECT plan FROM updates WHERE id = ?", arguments: [id.rawValue])
    else { throw StoreError.noUpdate }
    let kept = try planSummary(Plan.ID(rawValue: number), database).keyKeepers
    guard !kept.isEmpty else { return nil }
    let later = try Int64.fetchAll(
      database, sql: "SELECT id FROM updates WHERE id > ? AND outcome = 'rolledBack' ORDER BY id",
      arguments: [id.rawValue])
    for number in later {
      let state = try folded(UpdateRecord.ID(rawValue: number), database).state
      let lost = kept.sorted { $0.key < $1.key }
        .first { (state.action(ActionID(.deploy, $0.key))?.attempts ?? 0) > 0 }
      guard let lost else { continue }
      return
        "Update \(number) came after update \(id) and was taken back. “\(lost.value)” keeps its former key itself, and "
        + "for one update only, so the key from before update \(id) is not there any more: update \(id) can be neither "
        + "retried nor aborted. Start a new update instead."
    }
    return nil
  }
}
