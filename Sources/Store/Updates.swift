import Foundation
import GRDB
import PKI
import Rotation
import Synchronization

/// An update that has been started.
public struct UpdateRecord: Sendable, Hashable, Identifiable {
  /// The number of an update in the store.
  public typealias ID = Identifier<UpdateRecord>

  /// Its number.
  public let id: ID
  /// The plan that was started.
  public let plan: Plan.ID
  /// The root that it brings, or that stays when another one is retired.
  public let root: RootRecord.ID
  /// The root that it takes out of the trust bundles; nil unless it is a retirement.
  public let retires: RootKey?
  /// What that root was called then.
  public let retiresName: String?
  /// When it was started.
  public let startedAt: Date
  /// Who started it.
  public let startedBy: String
  /// When it ended; nil while it has not.
  public let endedAt: Date?
  /// How it ended; nil while it has not.
  public let outcome: Outcome?
  /// When what was observed on the way was removed from its journal; nil while it is there.
  public let observationsRemovedAt: Date?
}

/// What a transition brought: the new state, what must be done, what was journaled. All of it is on disk.
public struct Advance: Sendable {
  /// The state after the transition.
  public let state: UpdateState
  /// What the caller must do now; the attempts among it are claimed for it.
  public let effects: [Effect]
  /// What was written into the journal.
  public internal(set) var entries: [JournalEntry]
}

struct FoldedState {
  var sequence: Int
  var state: UpdateState
}

extension Store {
  /// Starts a plan: one update at a time.
  ///
  /// - Parameters:
  ///   - presented: the certificates of the roots that components presented certificates of when the plan was made, so
  ///     that those that were never imported are known while they retire.
  ///   - starter: who starts it; with the setting “Second person”, whoever has asked for the agreement that is used up.
  /// - Throws: `AGREEMENT_NEEDED` with that setting when nobody else has agreed, `UPDATE_RUNS` when another one has not ended, `PLAN_USED` when the plan was started before,
  ///   `ROOT_REMOVED` when its root is not there any more, `COMPONENTS_CHANGED` when the list of components is another.
  public func startUpdate(
    plan: Plan.ID, course: Course, presented: [Certificate] = [], by user: String, starter: UserRecord.ID? = nil,
    worker: String
  ) async throws -> (update: UpdateRecord, advance: Advance) {
    let now = clock()
    return try await write { database in
      try Self.checkNoUpdate(database, before: "another one can be started")
      try Self.checkRestorationSeen(database)
      let planned = try self.plan(plan, database)
      try Self.checkStartable(plan, planned, database)
      try Self.checkSameComponents(as: planned, database)
      let agreement = try self.useAgreement(on: plan, by: starter, now, database)
      try database.execute(
        sql: """
          INSERT INTO updates (plan, root, started_at, started_by, retires, retires_name) VALUES (?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          plan.rawValue, planned.root.id, now.milliseconds, user, planned.retires?.key.fingerprint,
          planned.retires?.name,
        ])
      let id = UpdateRecord.ID(rawValue: database.lastInsertedRowID)
      try database.execute(
        sql: "INSERT INTO courses (update_id, course) VALUES (?, ?)",
        arguments: [id.rawValue, try JSON.text(course)])
      self.amendAct { $0.concern(Self.auditSubject(of: id)) }
      try Self.recordFormerRoots(of: id, planned, presented, database)
      try Self.dropEarlyKeys(butOf: plan, database)
      var advance = try self.advance(id, [.started(by: user)], nil, worker, now, database)
      if let agreement {
        advance.entries.append(try Self.journal(.note(nil, agreement.record), of: id, at: now, database))
      }
      return (try Self.update(id, database), advance)
    }
  }

  /// Says early what ``startUpdate(plan:course:presented:by:starter:worker:)`` would refuse whatever the components show.
  ///
  /// - Throws: `UPDATE_RUNS`, `PLAN_USED`, `ROOT_REMOVED`.
  public func checkStart(of plan: Plan.ID) async throws {
    try await read { database in
      let planned = try self.plan(plan, database)
      try Self.checkNoUpdate(database, before: "another one can be started")
      try Self.checkStartable(plan, planned, database)
    }
  }

  static func checkStartable(_ id: Plan.ID, _ plan: Plan, _ database: GRDB.Database) throws {
    // The kept files of a plan are those from before its first start, so a second one could not be rolled back.
    let user = try Int64.fetchOne(database, sql: "SELECT id FROM updates WHERE plan = ?", arguments: [id.rawValue])
    if let user {
      throw StoreError(
        code: "PLAN_USED", sentence: "Update \(user) was started with this plan already. Make a new plan.")
    }
    let isThere = try Bool.fetchOne(
      database, sql: "SELECT EXISTS (SELECT 1 FROM roots WHERE id = ? AND removed_at IS NULL)",
      arguments: [plan.root.id])
    guard isThere == true else {
      throw StoreError(
        code: "ROOT_REMOVED",
        sentence: "The root certificate “\(plan.root.name)” of this plan has been removed. Make a plan with another.")
    }
  }

  /// Updates, the newest first.
  ///
  /// - Parameters:
  ///   - before: only those that were started before this one; nil for all.
  ///   - limit: how many at most; nil for no limit.
  public func updates(before: UpdateRecord.ID? = nil, limit: Int? = nil) async throws -> [UpdateRecord] {
    try await read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM updates WHERE id < ? ORDER BY id DESC LIMIT ?",
        arguments: [before?.rawValue ?? .max, limit ?? -1]
      ).map(Self.update)
    }
  }

  /// One update.
  public func update(_ id: UpdateRecord.ID) async throws -> UpdateRecord {
    try await read { try Self.update(id, $0) }
  }

  /// The update that was started with a plan, if one was.
  public func update(startedWith plan: Plan.ID) async throws -> UpdateRecord? {
    try await read { database in
      try Row.fetchOne(database, sql: "SELECT * FROM updates WHERE plan = ?", arguments: [plan.rawValue])
        .map(Self.update)
    }
  }

  /// The update that has not ended, if there is one.
  public func unfinishedUpdate() async throws -> UpdateRecord? {
    try await read { database in
      try Row.fetchOne(database, sql: "SELECT * FROM updates WHERE outcome IS NULL").map(Self.update)
    }
  }

  /// Where an update stands.
  public func state(_ id: UpdateRecord.ID) async throws -> UpdateState {
    try await read { try self.folded(id, $0).state }
  }

  /// Takes events, all or none: journals them and what follows from them, and returns what must be done. What is
  /// returned is on disk.
  ///
  /// - Parameters:
  ///   - consent: the answer of the second person who agrees to Abort; with it in the same transaction.
  ///   - worker: names the process that will perform the effects; their attempts are claimed for it.
  /// - Throws: ``Refusal`` when the state does not take one of the events, `AGREEMENT_NEEDED` for Abort with the setting
  ///   “Second person”, and what is wrong with an answer, as ``agree(_:)`` does, `UPDATE_RUNS` or `UPDATE_SUPERSEDED` when
  ///   an ended update cannot be taken up again, `RESTORED_NOT_SEEN` for a decision over a restored database that nobody
  ///   has compared with the world; nothing has changed then.
  public func advance(
    _ id: UpdateRecord.ID, _ events: [Event], consent: AgreementAnswer? = nil, worker: String
  ) async throws -> Advance {
    let now = clock()
    return try await write { try self.advance(id, events, consent, worker, now, $0) }
  }

  private func advance(
    _ id: UpdateRecord.ID, _ events: [Event], _ consent: AgreementAnswer?, _ worker: String, _ now: Date,
    _ database: GRDB.Database
  ) throws -> Advance {
    var folded = try folded(id, database)
    let (before, standing) = (folded.state.outcome, folded.state.standing)
    var effects: [Effect] = []
    var entries: [JournalEntry] = []
    for event in events {
      if case .decided(let decision) = event {
        try Self.checkRestorationSeen(database)
        // Before the event, which stays the last entry that moves the state.
        let agreement = try useAgreement(for: decision, on: id, consent, now, database)
        if let agreement { entries.append(try Self.journal(.note(nil, agreement.record), of: id, at: now, database)) }
      }
      let question = folded.state.question
      let next = try folded.state.apply(event)
      if case .interrupted = event {
        try Self.moveRequests(of: id, from: question, to: folded.state.question, database)
      }
      entries.append(try Self.journal(.event(event), of: id, at: now, database))
      try Self.closeAttempts(event, of: id, now, database)
      try Self.claim(next, of: id, worker, now, database)
      effects += next
    }
    if before != nil, !events.isEmpty { try checkReopening(id, database) }
    folded.sequence = entries.last?.sequence ?? folded.sequence
    try recordOutcome(of: id, folded.state, before: before, now, database)
    try recordCourse(of: id, events, folded.state, before: standing, database)
    keep(folded, of: id, database)
    return Advance(state: folded.state, effects: effects, entries: entries)
  }

  /// The state, from memory when nobody else has journaled an event since, from the journal otherwise.
  func folded(_ id: UpdateRecord.ID, _ database: GRDB.Database) throws -> FoldedState {
    guard
      let last = try Int.fetchOne(
        database, often: "SELECT last_event FROM updates WHERE id = ?", arguments: [id.rawValue])
    else { throw StoreError.noUpdate }
    if let known = writes.attempt(on: database)?.folded(id), known.sequence == last { return known }
    if let known = states.withLock({ $0[id] }), known.sequence == last { return known }
    // Only then: of thousands of components it has megabytes.
    let course = try String.fetchOne(
      database, sql: "SELECT course FROM courses WHERE update_id = ?", arguments: [id.rawValue])
    guard let course else { throw StoreError.noUpdate }
    var state = UpdateState(course: try JSON.value(course))
    let events = try String.fetchCursor(
      database, sql: "SELECT event FROM journal WHERE update_id = ? AND event IS NOT NULL ORDER BY sequence",
      arguments: [id.rawValue])
    while let text = try events.next() { _ = try state.apply(try JSON.value(Event.self, text)) }
    let folded = FoldedState(sequence: last, state: state)
    keep(folded, of: id, database)
    return folded
  }

  /// Keeps a state for whoever asks next. What a transaction sees of its own may yet be rolled back, and another event, or
  /// even another update, get its number: so it is for the writes of that transaction alone until it is committed.
  private func keep(_ folded: FoldedState, of id: UpdateRecord.ID, _ database: GRDB.Database) {
    guard let attempt = writes.attempt(on: database) else { return remember(folded, of: id) }
    attempt.keep(folded, of: id)
    attempt.whenCommitted { [self] in remember(folded, of: id) }
  }

  private func remember(_ folded: FoldedState, of id: UpdateRecord.ID) {
    states.withLock { states in
      if let known = states[id], known.sequence > folded.sequence { return }
      states[id] = folded
      // Only a few are looked at any more; a big one takes megabytes. One that goes on is asked for all the time.
      func isTooMuch() -> Bool {
        states.count > 8 || states.values.reduce(0) { $0 + $1.state.course.members.count } > Self.knownMembers
      }
      while isTooMuch(), let oldest = states.filter({ $0.key != id && $0.value.state.outcome != nil }).keys.min() {
        states[oldest] = nil
      }
    }
  }

  /// So many components the updates have together whose states are kept in memory, unless one alone has more.
  private static let knownMembers = 24_000

  // MARK: The end

  private func recordOutcome(
    of id: UpdateRecord.ID, _ state: UpdateState, before: Outcome?, _ now: Date, _ database: GRDB.Database
  ) throws {
    if let outcome = state.outcome {
      try database.execute(
        sql: "UPDATE updates SET outcome = ?, ended_at = ? WHERE id = ?",
        arguments: [outcome.rawValue, now.milliseconds, id.rawValue])
      try Self.dropEarlyKeys(of: id, database)
      try Self.closeSet(of: id, state, outcome, now, database)
    } else if before != nil {
      try database.execute(
        sql: "UPDATE updates SET outcome = NULL, ended_at = NULL WHERE id = ?", arguments: [id.rawValue])
    }
  }

  static func update(_ id: UpdateRecord.ID, _ database: GRDB.Database) throws -> UpdateRecord {
    guard let row = try Row.fetchOne(database, sql: "SELECT * FROM updates WHERE id = ?", arguments: [id.rawValue])
    else { throw StoreError.noUpdate }
    return update(row)
  }

  private static func update(_ row: Row) -> UpdateRecord {
    let ended: Int64? = row["ended_at"]
    let outcome: String? = row["outcome"]
    let retires: String? = row["retires"]
    let removed: Int64? = row["observations_removed_at"]
    return UpdateRecord(
      id: UpdateRecord.ID(rawValue: row["id"]), plan: Plan.ID(rawValue: row["plan"]),
      root: RootRecord.ID(rawValue: row["root"]), retires: retires.map { RootKey($0) },
      retiresName: row["retires_name"], startedAt: Date(milliseconds: row["started_at"]),
      startedBy: row["started_by"], endedAt: ended.map(Date.init(milliseconds:)),
      outcome: outcome.flatMap(Outcome.init(rawValue:)),
      observationsRemovedAt: removed.map(Date.init(milliseconds:)))
  }
}
