import Foundation
import GRDB
import PKI
import Rotation

/// A private key that was made before its certificate was wanted, while a plan was read.
public struct EarlyKey: Sendable {
  /// The number of such a key in the store.
  public typealias ID = Identifier<EarlyKey>

  /// Its number, by which it is used up.
  public let id: ID
  /// The key, PKCS#8 in PEM.
  public let key: SecretBytes
}

extension Store {
  /// Keeps a key for a component of a plan, sealed, unless it has one already or nobody will want it: the plan is gone, or
  /// was started.
  public func keepEarlyKey(_ key: SecretBytes, _ kind: KeyKind, of component: Component.ID, plan: Plan.ID) async throws
  {
    try await write { database in
      try database.execute(
        often: """
          INSERT OR IGNORE INTO early_keys (plan, component, kind)
          SELECT id, ?, ? FROM plans WHERE id = ? AND id NOT IN (SELECT plan FROM updates)
          """, arguments: [component.rawValue, kind.rawValue, plan.rawValue])
      guard database.changesCount == 1 else { return }
      try self.seals.put(key, into: "early_keys", "sealed_key", row: database.lastInsertedRowID, database)
    }
  }

  /// The components of a plan that have such a key.
  public func componentsWithEarlyKeys(_ plan: Plan.ID) async throws -> Set<Component.ID> {
    try await read { database in
      let found = try Int64.fetchAll(
        database, sql: "SELECT component FROM early_keys WHERE plan = ?", arguments: [plan.rawValue])
      return Set(found.map(Component.ID.init(rawValue:)))
    }
  }

  /// The key that was made for a component of an update; nil where there is none of that kind.
  public func earlyKey(_ kind: KeyKind, of component: Component.ID, in update: UpdateRecord.ID) async throws
    -> EarlyKey?
  {
    try await read { database in
      let row = try Row.fetchOne(
        database,
        often: """
          SELECT early_keys.* FROM early_keys JOIN updates ON updates.plan = early_keys.plan
          WHERE updates.id = ? AND early_keys.component = ? AND early_keys.kind = ?
          """, arguments: [update.rawValue, component.rawValue, kind.rawValue])
      return try row.map {
        EarlyKey(id: EarlyKey.ID(rawValue: $0["id"]), key: try self.seals.take("sealed_key", of: $0, "early_keys"))
      }
    }
  }

  /// Takes a key away for its certificate, in the transaction that begins the issuance: no key gets two certificates.
  static func useUp(_ key: EarlyKey.ID, _ database: GRDB.Database) throws {
    try database.execute(often: "DELETE FROM early_keys WHERE id = ?", arguments: [key.rawValue])
    guard database.changesCount == 1 else { throw StoreError.notFound("key that was made ahead") }
  }

  /// Throws away the keys of all plans but one, which is started: the others can be started no more.
  static func dropEarlyKeys(butOf plan: Plan.ID, _ database: GRDB.Database) throws {
    try database.execute(sql: "DELETE FROM early_keys WHERE plan <> ?", arguments: [plan.rawValue])
  }

  /// Throws away what an update that has ended has not used.
  static func dropEarlyKeys(of update: UpdateRecord.ID, _ database: GRDB.Database) throws {
    try database.execute(
      sql: "DELETE FROM early_keys WHERE plan = (SELECT plan FROM updates WHERE id = ?)", arguments: [update.rawValue])
  }
}
