import Foundation
import GRDB
import PKI
import Rotation

extension Store {
  /// Uses up the agreement that the start of a plan needs, in the transaction that starts it. Nothing while the setting is
  /// off.
  ///
  /// - Parameter user: who starts; must be who has asked.
  ///
  /// - Returns: the agreement; nil while the setting is off.
  func useAgreement(
    on plan: Plan.ID, by user: UserRecord.ID?, _ now: Date, _ database: GRDB.Database
  ) throws -> Agreement? {
    guard try Self.isSecondPersonOn(database) else { return nil }
    let subject = Agreement.Subject.start(plan, hash: try Self.planHash(plan, database))
    let found = try openAgreements(now, database).first { $0.subject == subject && $0.standing == .agreed }
    guard let user, let found, found.asker == user else { throw StoreError.agreementNeeded }
    try Self.close(found.id, "used", now, database)
    return found
  }

  /// Answers the request that Abort needs, in the transaction that decides it. Every other request to abort the update is
  /// void with this decision, whichever it is.
  ///
  /// - Returns: the agreement; nil for a decision that needs none.
  func useAgreement(
    for decision: Decision, on update: UpdateRecord.ID, _ consent: AgreementAnswer?, _ now: Date,
    _ database: GRDB.Database
  ) throws -> Agreement? {
    var used: Agreement?
    if let consent {
      let asked = try checked(consent, now, database)
      guard decision.kind == .abort, case .abort(update, decision.question, _) = asked.subject else {
        throw StoreError.agreementOver
      }
      try Self.record(consent, "agreed", now, database)
      try Self.close(consent.id, "used", now, database)
      used = try agreement(consent.id, now, database)
    } else if decision.kind == .abort, try Self.isSecondPersonOn(database) {
      throw StoreError.agreementNeeded
    }
    try Self.closeAll("void", where: "what = 'abort' AND update_id = \(update.rawValue)", now, database)
    return used
  }

  /// Lets the open requests to abort an update go along to the question that an interruption asks: to put everything back
  /// is the same as before it.
  static func moveRequests(
    of update: UpdateRecord.ID, from question: Int, to next: Int, _ database: GRDB.Database
  ) throws {
    try database.execute(
      sql: """
        UPDATE agreements SET question = ? WHERE what = 'abort' AND update_id = ? AND question = ? AND ended_at IS NULL
        """, arguments: [next, update.rawValue, question])
  }

  /// Makes the requests to start a plan void, because what it was made from has changed.
  public func voidAgreements(on plan: Plan.ID) async throws {
    let now = clock()
    // No act of anybody's: what is refused because of it leaves no audit entry.
    try await writeAside { try Self.closeAll("void", where: "what = 'start' AND plan = \(plan.rawValue)", now, $0) }
  }

  /// Makes void, for good, the requests to start plans that do not fit the components any more: a change that is taken back
  /// does not bring an agreement back. To be called in the transaction that changes them.
  static func voidOutdatedStarts(_ now: Date, _ database: GRDB.Database) throws {
    let plans = try Int64.fetchAll(
      database, sql: "SELECT DISTINCT plan FROM agreements WHERE what = 'start' AND ended_at IS NULL")
    for plan in plans.map(Plan.ID.init(rawValue:)) where try !isStartable(plan, database) {
      try closeAll("void", where: "what = 'start' AND plan = \(plan.rawValue)", now, database)
    }
  }

  /// Whether a plan could be started as far as the store knows: its root is there, its components are as they were.
  static func isStartable(_ id: Plan.ID, _ database: GRDB.Database) throws -> Bool {
    do {
      let plan = try readPlan(id, database)
      try checkStartable(id, plan, database)
      try checkSameComponents(as: plan, database)
      return true
    } catch is StoreError {
      return false
    }
  }

  /// Makes void what a user has asked for or agreed to and may not any more, for good: a role that is given back does not
  /// bring it back.
  ///
  /// - Parameter role: what the user still may do; nil for nothing.
  static func voidAgreements(
    of user: UserRecord.ID, left role: Role?, _ now: Date, _ database: GRDB.Database
  ) throws {
    let lost =
      switch role {
      case .administrator: "FALSE"
      case .operator: "what = 'switchOff'"
      case .viewer, nil: "TRUE"
      }
    let number = user.rawValue
    try closeAll("void", where: "(asker = \(number) OR answerer = \(number)) AND \(lost)", now, database)
  }

  static func close(_ id: Agreement.ID, _ ending: String, _ now: Date, _ database: GRDB.Database) throws {
    try closeAll(ending, where: "id = \(id.rawValue)", now, database)
  }

  static func closeAll(
    _ ending: String, where condition: String, _ now: Date, _ database: GRDB.Database
  ) throws {
    try database.execute(
      sql: "UPDATE agreements SET ending = ?, ended_at = ? WHERE ended_at IS NULL AND (\(condition))",
      arguments: [ending, now.milliseconds])
  }
}
