import Foundation
import GRDB
import PKI
import Rotation

extension Store {
  /// For how long a request for an agreement, and the agreement, is good, in seconds.
  public static let agreementLifetime: TimeInterval = 24 * 3600

  /// The SHA-256 of a plan's content as it was journaled, in hexadecimal digits: two plans with the same one do the same.
  public func planHash(_ id: Plan.ID) async throws -> String {
    try await read { try Self.planHash(id, $0) }
  }

  static func planHash(_ id: Plan.ID, _ database: GRDB.Database) throws -> String {
    Digest.sha256Hex(Array(try text(of: id, database).utf8))
  }

  /// Asks for the agreement of another person to start a plan. Asking again while it is open changes nothing.
  ///
  /// - Throws: `ROLE_NEEDED`, `PLAN_USED`, `UPDATE_RUNS`, `COMPONENTS_CHANGED`, `ASKED_ALREADY` by somebody else, `NOT_NEEDED` while the setting
  ///   is off.
  public func askToStart(
    _ plan: Plan.ID, acceptsProblems: Bool, acceptsNamesake: Bool, by user: UserRecord.ID
  ) async throws -> Agreement {
    let now = clock()
    return try await write { database in
      try Self.checkSecondPerson(database)
      try Self.checkNoUpdate(database, before: "another one can be started")
      let planned = try self.plan(plan, database)
      try Self.checkStartable(plan, planned, database)
      try Self.checkSameComponents(as: planned, database)
      let subject = Agreement.Subject.start(plan, hash: try Self.planHash(plan, database))
      return try self.ask(subject, acceptsProblems, acceptsNamesake, user, now, database)
    }
  }

  /// Asks for the agreement of another person to abort an update. Until it is given the update stays as it is, and every
  /// other decision makes it void.
  ///
  /// - Throws: as ``askToStart(_:acceptsProblems:acceptsNamesake:by:)``, and ``Refusal`` when the question is another one
  ///   now, or Abort is not on offer, `RESTORED_NOT_SEEN` as for the decision itself.
  public func askToAbort(_ update: UpdateRecord.ID, question: Int, by user: UserRecord.ID) async throws -> Agreement {
    let now = clock()
    return try await write { database in
      try Self.checkSecondPerson(database)
      try Self.checkRestorationSeen(database)
      // The state itself says whether it takes the decision; what comes of it is thrown away.
      var state = try self.folded(update, database).state
      let isOver = state.outcome != nil
      _ = try state.apply(.decided(Decision(.abort, question: question, by: "")))
      if isOver { try self.checkReopening(update, database) }
      let plan = try Self.update(update, database).plan
      let subject = Agreement.Subject.abort(update, question: question, hash: try Self.planHash(plan, database))
      return try self.ask(subject, false, false, user, now, database)
    }
  }

  /// Asks another administrator to agree that the setting is switched off.
  public func askToSwitchOff(
    by user: UserRecord.ID, expecting expected: ReadSettings? = nil
  ) async throws -> Agreement {
    let now = clock()
    return try await write { database in
      try Self.check(expected, database)
      try Self.checkSecondPerson(database)
      return try self.ask(.switchOff, false, false, user, now, database)
    }
  }

  private func ask(
    _ subject: Agreement.Subject, _ acceptsProblems: Bool, _ acceptsNamesake: Bool, _ user: UserRecord.ID, _ now: Date,
    _ database: GRDB.Database
  ) throws -> Agreement {
    let asker = try Self.person(user, subject.role, database)
    try Self.closeAll("expired", where: "expires_at <= \(now.milliseconds)", now, database)
    if let open = try openAgreements(now, database).first(where: { $0.subject == subject }) {
      guard open.asker == user else {
        throw StoreError(
          code: "ASKED_ALREADY",
          sentence: "\(open.askerName) has asked for this already. Answer that request instead.")
      }
      return open
    }
    let (what, plan, update, question) = Self.columns(subject)
    try database.execute(
      sql: """
        INSERT INTO agreements (what, plan, update_id, question, hash, asker, asker_name, asked_at, expires_at,
          accepts_problems, accepts_namesake)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        what, plan, update, question, subject.hash, user.rawValue, asker.name, now.milliseconds,
        now.addingTimeInterval(Self.agreementLifetime).milliseconds, acceptsProblems, acceptsNamesake,
      ])
    return try agreement(Agreement.ID(rawValue: database.lastInsertedRowID), now, database)
  }

  private static func columns(_ subject: Agreement.Subject) -> (String, Int64?, Int64?, Int?) {
    switch subject {
    case .start(let plan, _): ("start", plan.rawValue, nil, nil)
    case .abort(let update, let question, _): ("abort", nil, update.rawValue, question)
    case .switchOff: ("switchOff", nil, nil, nil)
    }
  }

  /// A user who may take part, as the user is at this moment.
  static func person(_ id: UserRecord.ID, _ role: Role, _ database: GRDB.Database) throws -> UserRecord {
    guard let row = try Row.fetchOne(database, sql: "SELECT * FROM users WHERE id = ?", arguments: [id.rawValue]),
      case let user = try user(row), user.role >= role, user.hasPassword
    else { throw StoreError.mayNot(role) }
    return user
  }
}
