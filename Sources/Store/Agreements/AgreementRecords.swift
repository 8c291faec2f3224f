import Foundation
import GRDB
import PKI
import Rotation

extension Store {
  /// One request.
  public func agreement(_ id: Agreement.ID) async throws -> Agreement {
    let now = clock()
    return try await read { try self.agreement(id, now, $0) }
  }

  /// The requests from which something can still come, the oldest first.
  public func openAgreements() async throws -> [Agreement] {
    let now = clock()
    return try await read { try self.openAgreements(now, $0) }
  }

  /// The last request to start a plan, however it stands; nil when nobody has asked.
  public func lastAgreement(on plan: Plan.ID) async throws -> Agreement? {
    let now = clock()
    return try await read { database in
      let number = try Int64.fetchOne(
        database, sql: "SELECT max(id) FROM agreements WHERE what = 'start' AND plan = ?", arguments: [plan.rawValue])
      return try number.map { try self.agreement(Agreement.ID(rawValue: $0), now, database) }
    }
  }

  func openAgreements(_ now: Date, _ database: GRDB.Database) throws -> [Agreement] {
    // Those whose time is over are closed when somebody asks again; until then they are passed over.
    try Row.fetchAll(
      database,
      sql: "SELECT * FROM agreements WHERE ended_at IS NULL AND asked_at <= ?1 AND expires_at > ?1 ORDER BY id",
      arguments: [now.milliseconds]
    ).map { try agreement($0, now, database) }.filter(\.standing.isOpen)
  }

  func agreement(_ id: Agreement.ID, _ now: Date, _ database: GRDB.Database) throws -> Agreement {
    let row = try Row.fetchOne(database, sql: "SELECT * FROM agreements WHERE id = ?", arguments: [id.rawValue])
    guard let row else { throw StoreError.notFound("request for an agreement") }
    return try agreement(row, now, database)
  }

  func agreement(_ row: Row, _ now: Date, _ database: GRDB.Database) throws -> Agreement {
    let (answerer, answered): (Int64?, Int64?) = (row["answerer"], row["answered_at"])
    let subject = try Self.subject(row)
    return Agreement(
      id: Agreement.ID(rawValue: row["id"]), subject: subject, asker: UserRecord.ID(rawValue: row["asker"]),
      askerName: row["asker_name"], askedAt: Date(milliseconds: row["asked_at"]),
      expiresAt: Date(milliseconds: row["expires_at"]),
      answerer: answerer.map(UserRecord.ID.init(rawValue:)), answererName: row["answerer_name"],
      answeredAt: answered.map(Date.init(milliseconds:)), reason: row["reason"] ?? "",
      acceptsProblems: row["accepts_problems"], acceptsNamesake: row["accepts_namesake"],
      standing: try standing(row, subject, now, database))
  }

  private static func subject(_ row: Row) throws -> Agreement.Subject {
    let (what, hash): (String, String) = (row["what"], row["hash"])
    switch what {
    case "start": return .start(Plan.ID(rawValue: row["plan"]), hash: hash)
    case "abort": return .abort(UpdateRecord.ID(rawValue: row["update_id"]), question: row["question"], hash: hash)
    default: return .switchOff
    }
  }

  /// How a request stands at a moment. Nothing of it is remembered that could be looked at again: who the two are now, what
  /// they may do, whether the plan is the same, whether the question is.
  private func standing(
    _ row: Row, _ subject: Agreement.Subject, _ now: Date, _ database: GRDB.Database
  ) throws -> Agreement.Standing {
    let (ending, answer): (String?, String?) = (row["ending"], row["answer"])
    if let ending { return Agreement.Standing(rawValue: ending) ?? .void }
    // A clock that was set back gives nobody more time.
    let (asked, expires): (Int64, Int64) = (row["asked_at"], row["expires_at"])
    guard now.milliseconds >= asked, now.milliseconds < expires else { return .expired }
    for column in ["asker", "answerer"] {
      guard let number: Int64 = row[column] else { continue }
      let user = try Row.fetchOne(database, sql: "SELECT * FROM users WHERE id = ?", arguments: [number]).map(Self.user)
      guard let user, user.role >= subject.role, user.hasPassword else { return .void }
    }
    switch subject {
    case .start(let plan, let hash):
      guard (try? Self.planHash(plan, database)) == hash, try Self.isStartable(plan, database) else { return .void }
    case .abort(let update, let question, _):
      guard try folded(update, database).state.question == question else { return .void }
    case .switchOff: break
    }
    return answer == nil ? .waiting : .agreed
  }
}
