import Foundation
import GRDB
import Rotation

// What has come after an update, so that nothing can be decided on it any more.

extension Store {
  /// The update that came after this one and was not rolled back: with it, this one can be decided on no more.
  public func successor(of id: UpdateRecord.ID) async throws -> UpdateRecord.ID? {
    try await read { try Self.successor(of: id, $0) }
  }

  /// Why an update can be neither retried nor aborted any more, in a sentence; nil while nothing has come after it.
  public func supersession(of id: UpdateRecord.ID) async throws -> String? {
    try await read { try Self.supersession(of: id, $0) ?? self.lostKey(of: id, $0) }
  }

  /// A decision after the end takes an update up again. No other may be under way then, and none may have come after
  /// it: its kept files are those from before, and the set in force is not its own.
  func checkReopening(_ id: UpdateRecord.ID, _ database: GRDB.Database) throws {
    let running = try Int64.fetchOne(
      database, sql: "SELECT id FROM updates WHERE outcome IS NULL AND id <> ?", arguments: [id.rawValue])
    if let running {
      throw StoreError(
        code: "UPDATE_RUNS", sentence: "Update \(running) is under way; wait until it has ended, then decide again.")
    }
    if let sentence = try Self.supersession(of: id, database) ?? lostKey(of: id, database) {
      throw StoreError(code: "UPDATE_SUPERSEDED", sentence: sentence)
    }
  }

  private static func supersession(of id: UpdateRecord.ID, _ database: GRDB.Database) throws -> String? {
    if let sentence = try restorationSentence(try update(id, database), database) { return sentence }
    guard let successor = try successor(of: id, database) else { return nil }
    let later = try update(successor, database)
    guard let retired = later.retires else {
      return "Update \(later.id) came after update \(id), which can therefore be neither retried nor aborted. "
        + "Abort the later one first, or start a new update."
    }
    let presented = try Bool.fetchOne(
      database, sql: "SELECT EXISTS (SELECT 1 FROM former_roots WHERE update_id = ? AND fingerprint = ?)",
      arguments: [id.rawValue, retired.fingerprint])
    let reason =
      presented == true
      ? "the certificates that Abort would put back would not be accepted any more"
      : "the trust bundles that Abort would put back hold that root"
    return
      "Update \(later.id) retired the root “\(later.retiresName ?? "")” after update \(id), which can therefore be "
      + "neither retried nor aborted: \(reason). Abort update \(later.id) first, or start a new update."
  }

  private static func successor(of id: UpdateRecord.ID, _ database: GRDB.Database) throws -> UpdateRecord.ID? {
    try Int64.fetchOne(
      database, sql: "SELECT max(id) FROM updates WHERE id > ? AND coalesce(outcome, '') <> 'rolledBack'",
      arguments: [id.rawValue]
    ).map(UpdateRecord.ID.init(rawValue:))
  }
}
