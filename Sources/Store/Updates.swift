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
}

/// What a transition brought: the new state, what must be done, what was journaled. All of it is on disk.
public struct Advance: Sendable {
  /// The state after the transition.
  public let state: UpdateState
  /// What the caller must do now; the attempts among it are claimed for it.
  public let effects: [Effect]
  /// What was written into the journal.
  public let entries: [JournalEntry]
}

struct FoldedState {
  var sequence: Int
  var state: UpdateState
}

extension Store {
  /// Starts a plan: one update at a time.
  ///
  /// - Parameter presented: the certificates of the roots that components presented certificates of when the plan was
  ///   made, so that those that were never imported are known while they retire.
  /// - Throws: `UPDATE_RUNS` when another one has not ended, `PLAN_USED` when the plan was started before,
  ///   `ROOT_REMOVED` when its root is not there any more, `COMPONENTS_CHANGED` when the list of components is another.
  public func startUpdate(
    plan: Plan.ID, course: Course, presented: [Certificate] = [], by user: String, worker: String
  ) async throws -> (update: UpdateRecord, advance: Advance) {
    let now = clock()
    return try await write { database in
      try Self.checkNoUpdate(database)
      let planned = try Self.plan(plan, database)
      try Self.checkStartable(plan, planned, database)
      try Self.checkSameComponents(as: planned, database)
      try database.execute(
        sql: """
          INSERT INTO updates (plan, root, course, started_at, started_by, retires, retires_name)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          plan.rawValue, planned.root.id, try JSON.text(course), now.milliseconds, user,
          planned.retires?.key.fingerprint, planned.retires?.name,
        ])
      let id = UpdateRecord.ID(rawValue: database.lastInsertedRowID)
      try Self.recordFormerRoots(of: id, planned, presented, database)
      let advance = try self.advance(id, [.started(by: user)], worker, now, database)
      return (try Self.update(id, database), advance)
    }
  }

  private static func checkStartable(_ id: Plan.ID, _ plan: Plan, _ database: GRDB.Database) throws {
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

  /// All updates, the newest first.
  public func updates() async throws -> [UpdateRecord] {
    try await read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM updates ORDER BY id DESC").map(Self.update)
    }
  }

  /// One update.
  public func update(_ id: UpdateRecord.ID) async throws -> UpdateRecord {
    try await read { try Self.update(id, $0) }
  }

  /// The update that has not ended, if there is one.
  public func unfinishedUpdate() async throws -> UpdateRecord? {
    try await read { database in
      try Row.fetchOne(database, sql: "SELECT * FROM updates WHERE outcome IS NULL").map(Self.update)
    }
  }

  /// The update that came after this one and was not rolled back: with it, this one can be decided on no more.
  public func successor(of id: UpdateRecord.ID) async throws -> UpdateRecord.ID? {
    try await read { try Self.successor(of: id, $0) }
  }

  /// Why an update can be neither retried nor aborted any more, in a sentence; nil while nothing has come after it.
  public func supersession(of id: UpdateRecord.ID) async throws -> String? {
    try await read { try Self.supersession(of: id, $0) ?? self.lostKey(of: id, $0) }
  }

  /// Where an update stands.
  public func state(_ id: UpdateRecord.ID) async throws -> UpdateState {
    try await read { try self.folded(id, $0).state }
  }

  /// Takes events, all or none: journals them and what follows from them, and returns what must be done. What is
  /// returned is on disk.
  ///
  /// - Parameter worker: names the process that will perform the effects; their attempts are claimed for it.
  /// - Throws: ``Refusal`` when the state does not take one of the events, `UPDATE_RUNS` or `UPDATE_SUPERSEDED` when
  ///   an ended update cannot be taken up again; nothing has changed then.
  public func advance(_ id: UpdateRecord.ID, _ events: [Event], worker: String) async throws -> Advance {
    let now = clock()
    return try await write { try self.advance(id, events, worker, now, $0) }
  }

  private func advance(
    _ id: UpdateRecord.ID, _ events: [Event], _ worker: String, _ now: Date, _ database: GRDB.Database
  ) throws -> Advance {
    var folded = try folded(id, database)
    let before = folded.state.outcome
    var effects: [Effect] = []
    var entries: [JournalEntry] = []
    for event in events {
      let next = try folded.state.apply(event)
      entries.append(try Self.journal(.event(event), of: id, at: now, database))
      try Self.closeAttempts(event, of: id, now, database)
      try Self.claim(next, of: id, worker, now, database)
      effects += next
    }
    if before != nil, !events.isEmpty { try checkReopening(id, database) }
    folded.sequence = entries.last?.sequence ?? folded.sequence
    try recordOutcome(of: id, folded.state, before: before, now, database)
    let result = Advance(state: folded.state, effects: effects, entries: entries)
    // Only what is committed may be remembered.
    database.afterNextTransaction { [self, folded] _ in remember(folded, of: id) }
    return result
  }

  /// The state, from memory when nobody else has journaled an event since, from the journal otherwise.
  func folded(_ id: UpdateRecord.ID, _ database: GRDB.Database) throws -> FoldedState {
    guard
      let row = try Row.fetchOne(
        database, sql: "SELECT course, last_event FROM updates WHERE id = ?", arguments: [id.rawValue])
    else { throw StoreError.notFound("update") }
    let last: Int = row["last_event"]
    if let known = states.withLock({ $0[id] }), known.sequence == last { return known }
    var state = UpdateState(course: try JSON.value(row["course"]))
    let events = try String.fetchCursor(
      database, sql: "SELECT event FROM journal WHERE update_id = ? AND event IS NOT NULL ORDER BY sequence",
      arguments: [id.rawValue])
    while let text = try events.next() { _ = try state.apply(try JSON.value(Event.self, text)) }
    let folded = FoldedState(sequence: last, state: state)
    // An update that is only being started may yet be rolled back, and another one would get its number.
    if last > 0 { remember(folded, of: id) }
    return folded
  }

  private func remember(_ folded: FoldedState, of id: UpdateRecord.ID) {
    states.withLock { states in
      if let known = states[id], known.sequence > folded.sequence { return }
      states[id] = folded
      // Only a few are looked at any more; a big one takes megabytes.
      if states.count > 8, let oldest = states.keys.filter({ $0 != id }).min() { states[oldest] = nil }
    }
  }

  // MARK: Attempts

  private static func claim(
    _ effects: [Effect], of id: UpdateRecord.ID, _ worker: String, _ now: Date, _ database: GRDB.Database
  ) throws {
    for case .perform(let action, let attempt) in effects {
      try database.execute(
        sql: "INSERT INTO attempts (update_id, action, attempt, worker, begun_at) VALUES (?, ?, ?, ?, ?)",
        arguments: [id.rawValue, "\(action)", attempt, worker, now.milliseconds])
    }
  }

  private static func closeAttempts(
    _ event: Event, of id: UpdateRecord.ID, _ now: Date, _ database: GRDB.Database
  ) throws {
    switch event {
    case .actionSucceeded(let action, let attempt):
      try close(action, attempt, nil, of: id, now, database)
    case .actionFailed(let action, let attempt, let failure):
      try close(action, attempt, failure, of: id, now, database)
    case .interrupted(let actions):
      for lost in actions { try close(lost.action, nil, lost.failure, of: id, now, database) }
    case .started, .halted, .decided: break
    }
  }

  private static func close(
    _ action: ActionID, _ attempt: Int?, _ failure: Failure?, of id: UpdateRecord.ID, _ now: Date,
    _ database: GRDB.Database
  ) throws {
    try database.execute(
      sql: """
        UPDATE attempts SET ended_at = ?, failure = ?
        WHERE update_id = ? AND action = ? AND attempt = coalesce(?, attempt) AND ended_at IS NULL
        """,
      arguments: [now.milliseconds, try failure.map(JSON.text), id.rawValue, "\(action)", attempt])
  }

  // MARK: The end

  private func recordOutcome(
    of id: UpdateRecord.ID, _ state: UpdateState, before: Outcome?, _ now: Date, _ database: GRDB.Database
  ) throws {
    if let outcome = state.outcome {
      try database.execute(
        sql: "UPDATE updates SET outcome = ?, ended_at = ? WHERE id = ?",
        arguments: [outcome.rawValue, now.milliseconds, id.rawValue])
      try Self.closeSet(of: id, state, outcome, now, database)
    } else if before != nil {
      try database.execute(
        sql: "UPDATE updates SET outcome = NULL, ended_at = NULL WHERE id = ?", arguments: [id.rawValue])
    }
  }

  /// A decision after the end takes an update up again. No other may be under way then, and none may have come after
  /// it: its kept files are those from before, and the set in force is not its own.
  private func checkReopening(_ id: UpdateRecord.ID, _ database: GRDB.Database) throws {
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

  private static func update(_ id: UpdateRecord.ID, _ database: GRDB.Database) throws -> UpdateRecord {
    guard let row = try Row.fetchOne(database, sql: "SELECT * FROM updates WHERE id = ?", arguments: [id.rawValue])
    else { throw StoreError.notFound("update") }
    return update(row)
  }

  private static func update(_ row: Row) -> UpdateRecord {
    let ended: Int64? = row["ended_at"]
    let outcome: String? = row["outcome"]
    let retires: String? = row["retires"]
    return UpdateRecord(
      id: UpdateRecord.ID(rawValue: row["id"]), plan: Plan.ID(rawValue: row["plan"]),
      root: RootRecord.ID(rawValue: row["root"]), retires: retires.map { RootKey($0) },
      retiresName: row["retires_name"], startedAt: Date(milliseconds: row["started_at"]),
      startedBy: row["started_by"], endedAt: ended.map(Date.init(milliseconds:)),
      outcome: outcome.flatMap(Outcome.init(rawValue:)))
  }
}
