import Foundation
import GRDB
import Rotation

/// One time that Reroot set out to renew the child certificates by itself.
public struct RenewalRecord: Sendable, Hashable, Identifiable {
  /// The number of a renewal in the store.
  public typealias ID = Identifier<RenewalRecord>

  /// Its number.
  public let id: ID
  /// When it was begun.
  public let begunAt: Date
  /// What came of it, a stable word for programs; nil while it goes on, or when it was cut short.
  public let code: String?
  /// The same for people.
  public let sentence: String?
  /// The update that was started; nil where none was.
  public let update: UpdateRecord.ID?
}

/// What decides when a component's certificate is to be renewed.
public struct CertificateLife: Sendable, Hashable {
  /// The component.
  public let component: Component.ID
  /// When the certificate was issued; when its set was made, where that is not known.
  public let begin: Date
  /// When it ends.
  public let end: Date
}

extension Store {
  /// Writes down that a renewal is begun, before anything of it is done.
  public func beginRenewal() async throws -> RenewalRecord.ID {
    let now = clock()
    return try await write { database in
      try database.execute(sql: "INSERT INTO renewals (begun_at) VALUES (?)", arguments: [now.milliseconds])
      return RenewalRecord.ID(rawValue: database.lastInsertedRowID)
    }
  }

  /// Writes down what came of a renewal.
  public func endRenewal(
    _ id: RenewalRecord.ID, code: String, sentence: String, update: UpdateRecord.ID? = nil
  ) async throws {
    try await write { database in
      try database.execute(
        sql: "UPDATE renewals SET code = ?, sentence = ?, update_id = ? WHERE id = ?",
        arguments: [code, sentence, update?.rawValue, id.rawValue])
    }
  }

  /// The last renewal that was begun; nil before the first.
  public func lastRenewal() async throws -> RenewalRecord? {
    try await read { database in
      try Row.fetchOne(database, sql: "SELECT * FROM renewals ORDER BY id DESC LIMIT 1").map { row in
        let update: Int64? = row["update_id"]
        return RenewalRecord(
          id: RenewalRecord.ID(rawValue: row["id"]), begunAt: Date(milliseconds: row["begun_at"]), code: row["code"],
          sentence: row["sentence"], update: update.map(UpdateRecord.ID.init(rawValue:)))
      }
    }
  }

  /// The lives of the certificates in force that are of the root in force, of components that are still there. What was set
  /// aside on an older root cannot be renewed under that.
  public func certificateLives() async throws -> [CertificateLife] {
    try await read { database in
      let rows = try Row.fetchAll(
        database,
        sql: """
          SELECT m.component, m.not_after, coalesce(i.begun_at, s.made_at) AS begun_at
          FROM certificate_sets s JOIN set_members m ON m.number = s.number AND m.root = s.root
          JOIN components c ON c.id = m.component
          LEFT JOIN issuances i ON i.root = m.root AND i.serial = m.serial
          WHERE s.is_current = 1
          """)
      return rows.map { row in
        CertificateLife(
          component: Component.ID(rawValue: row["component"]), begin: Date(milliseconds: row["begun_at"]),
          end: Date(milliseconds: row["not_after"]))
      }
    }
  }
}
