import Foundation
import GRDB
import PKI
import Rotation

extension Store {
  /// Agrees to the start of a plan, which who asked may then start, or to switching the setting off, which is done at
  /// once.
  ///
  /// - Throws: `SAME_PERSON`, `AGREEMENT_OVER`, `ROLE_NEEDED`, `PLAN_CHANGED` when another plan was read than is asked for.
  public func agree(_ answer: AgreementAnswer) async throws -> Agreement {
    let now = clock()
    return try await write { database in
      let agreement = try self.checked(answer, now, database)
      if case .abort = agreement.subject { throw StoreError.agreementOver }
      try Self.record(answer, "agreed", now, database)
      if agreement.subject == .switchOff {
        try database.execute(sql: "DELETE FROM settings WHERE key = ?", arguments: [Self.secondPersonKey])
        try Self.close(answer.id, "used", now, database)
        // With the setting off nobody has to be asked.
        try Self.closeAll("void", where: "TRUE", now, database)
      }
      return try self.agreement(answer.id, now, database)
    }
  }

  /// Declines, which ends the request.
  public func decline(_ answer: AgreementAnswer) async throws -> Agreement {
    let now = clock()
    return try await write { database in
      _ = try self.checked(answer, now, database)
      try Self.record(answer, "declined", now, database)
      try Self.close(answer.id, "declined", now, database)
      return try self.agreement(answer.id, now, database)
    }
  }

  /// Takes a request back, which only who has asked may do.
  public func withdrawAgreement(_ id: Agreement.ID, by user: UserRecord.ID) async throws -> Agreement {
    let now = clock()
    return try await write { database in
      let agreement = try self.agreement(id, now, database)
      guard agreement.asker == user, agreement.standing.isOpen else { throw StoreError.agreementOver }
      try Self.close(id, "withdrawn", now, database)
      return try self.agreement(id, now, database)
    }
  }

  func checked(_ answer: AgreementAnswer, _ now: Date, _ database: GRDB.Database) throws -> Agreement {
    let agreement = try agreement(answer.id, now, database)
    guard agreement.asker != answer.user else { throw StoreError.samePerson }
    guard agreement.standing == .waiting else { throw StoreError.agreementOver }
    _ = try Self.person(answer.user, agreement.subject.role, database)
    guard agreement.subject.hash == answer.hash else {
      throw StoreError(
        code: "PLAN_CHANGED",
        sentence:
          "You have read another plan than the one that is asked for. Read the request and its plan again.")
    }
    return agreement
  }

  static func record(
    _ answer: AgreementAnswer, _ word: String, _ now: Date, _ database: GRDB.Database
  ) throws {
    try database.execute(
      sql: """
        UPDATE agreements SET answer = ?, answerer = ?, answered_at = ?, reason = ?,
          answerer_name = (SELECT name FROM users WHERE id = ?)
        WHERE id = ?
        """,
      arguments: [
        word, answer.user.rawValue, now.milliseconds, answer.reason, answer.user.rawValue, answer.id.rawValue,
      ])
  }
}
