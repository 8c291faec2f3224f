import Foundation
import GRDB
import PKI
import Synchronization

/// An act that waits for the transaction that carries it out.
final class AuditScope: Sendable {
  /// Of the task that is doing something.
  @TaskLocal static var current: AuditScope?

  private let act: AuditAct
  private let isRecorded = Mutex(false)

  init(_ act: AuditAct) { self.act = act }

  /// The act, unless it has been recorded.
  var waiting: AuditAct? { isRecorded.withLock(\.self) ? nil : act }

  /// Says that it is in the log, for good.
  func markRecorded() { isRecorded.withLock { $0 = true } }
}

/// What the store needs to write the audit log.
final class AuditDesk: Sendable {
  private struct State {
    var key: AuditKey?
    var waiting: Waiting?
    var whenRecorded: [String: @Sendable () -> Void] = [:]
  }

  private let state = Mutex(State())

  /// Set before the store is handed out.
  var key: AuditKey? {
    get { state.withLock { $0.key } }
    set { state.withLock { $0.key = newValue } }
  }

  /// The act of the write that is being carried out. There is one at a time, as SQLite has one writer.
  var waiting: Waiting? {
    get { state.withLock { $0.waiting } }
    set { state.withLock { $0.waiting = newValue } }
  }

  /// Completes that act.
  func amend(_ change: (inout AuditAct) -> Void) {
    state.withLock { state in
      guard var waiting = state.waiting else { return }
      change(&waiting.act)
      state.waiting = waiting
    }
  }

  /// An act that waits to be recorded by the write that is being carried out: a copy, so that a write which is carried out
  /// anew, because its transaction failed, begins with the act as it was.
  struct Waiting: Sendable {
    let scope: AuditScope
    var act: AuditAct
  }

  /// Called after entries were committed, on the thread of the database: none must block.
  func recorded() {
    for call in state.withLock({ $0.whenRecorded.values }) { call() }
  }

  func call(_ name: String, _ call: (@Sendable () -> Void)?) { state.withLock { $0.whenRecorded[name] = call } }
}

extension Store {
  /// Does something and records it. The entry is part of the first transaction in which the store is changed by it, so
  /// neither is there without the other; what is refused leaves no entry. Where the store is not changed at all, the
  /// entry is written afterwards.
  public func recording<Value>(
    _ act: AuditAct, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
  ) async throws -> Value {
    let scope = AuditScope(act)
    let value = try await AuditScope.$current.withValue(scope, operation: body)
    if let unrecorded = scope.waiting { try await record(unrecorded) }
    return value
  }

  /// Records something by itself: for what does not change the store, before it is done.
  public func record(_ act: AuditAct) async throws {
    try await writeAside { database in _ = try self.append(act, database) }
  }

  /// Calls back after entries were written; it must not block.
  ///
  /// - Parameter name: whose call it is; a later one under the same name takes its place, and nil ends it.
  public func whenAuditEntriesAreWritten(_ name: String, _ call: (@Sendable () -> Void)?) { audit.call(name, call) }

  // MARK: In a transaction

  /// Carries out a write and puts the entry of its act into its transaction.
  func audited<Value>(
    _ scope: AuditScope?, _ database: GRDB.Database, _ body: (GRDB.Database) throws -> Value
  ) throws -> Value {
    if let scope, writes.attempt(on: database)?.hasRecorded(scope) != true {
      audit.waiting = scope.waiting.map { AuditDesk.Waiting(scope: scope, act: $0) }
    }
    defer { audit.waiting = nil }
    let value = try body(database)
    try recordWaitingAct(database)
    return value
  }

  /// Completes the entry of the write's act with what is known only in it.
  func amendAct(_ change: (inout AuditAct) -> Void) { audit.amend(change) }

  /// Records what Reroot itself did in a transaction, after the act that it follows from.
  func recordOwn(
    _ event: AuditEvent, on subject: String?, _ details: [String: String] = [:], _ database: GRDB.Database
  ) throws {
    try recordWaitingAct(database)
    try append(AuditAct(event, by: .reroot, on: subject, details), database)
  }

  private func recordWaitingAct(_ database: GRDB.Database) throws {
    guard let waiting = audit.waiting else { return }
    try append(waiting.act, database)
    audit.waiting = nil
    writes.attempt(on: database)?.note(recorded: waiting.scope)
  }

  /// Writes an entry in a transaction, for what waits for no act.
  func append(_ act: AuditAct, _ database: GRDB.Database) throws {
    let key = try auditKey()
    var head = try AuditHead.read(database) ?? AuditHead(number: 0, hash: AuditEntry.noHash)
    let last = try Row.fetchOne(database, sql: "SELECT * FROM audit ORDER BY number DESC LIMIT 1").map(AuditEntry.init)
    if !AuditHead.fits(head, last, key) {
      // What is missing stays visible: the log goes on above every number that it had.
      let above = max(head.number, last?.number ?? 0)
      let note = AuditAct(
        .auditBroken, by: .reroot, on: "the end of the audit log",
        ["last entry found": "\(last?.number ?? 0)", "last entry written": "\(head.number)"])
      head = try append(note, after: AuditHead(number: above, hash: last?.hash ?? AuditEntry.noHash), key, database)
    }
    _ = try append(act, after: head, key, database)
    if let attempt = writes.attempt(on: database) {
      attempt.whenCommitted { [audit] in audit.recorded() }
    } else {
      database.afterNextTransaction { [audit] _ in audit.recorded() }
    }
  }

  private func append(
    _ act: AuditAct, after head: AuditHead, _ key: AuditKey, _ database: GRDB.Database
  ) throws -> AuditHead {
    // Nobody does so much; whoever has written it into the database must not be able to end the program with it.
    guard head.number < AuditChecker.beyond else { throw StoreError.unreadableAudit }
    let entry = AuditEntry(
      number: head.number + 1, milliseconds: clock().milliseconds, author: act.author,
      event: act.event.rawValue, subject: act.subject, details: act.details, reason: act.reason, previous: head.hash
    ).sealed(key)
    try database.execute(
      sql: """
        INSERT INTO audit (number, at, kind, who, user, address, event, subject, details, reason, previous, hash, seal)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        entry.number, entry.milliseconds, entry.author.kind.rawValue, entry.author.name, entry.author.user,
        entry.author.address, entry.event, entry.subject, try JSON.text(entry.details), entry.reason,
        Data(entry.previous), Data(entry.hash), Data(entry.seal),
      ])
    let next = AuditHead(number: entry.number, hash: entry.hash).sealed(key)
    try next.write(database)
    return next
  }

  // MARK: The key

  static let auditKeyName = "audit_key"

  func auditKey() throws -> AuditKey {
    guard let key = audit.key else {
      throw StoreError(code: "AUDIT_KEY_MISSING", sentence: "The audit log cannot be written. Start Reroot again.")
    }
    return key
  }

  /// Opens the key of the audit log, or makes it at the first start. A log whose key is gone does not fit the new one,
  /// which is told by whoever verifies it.
  func readAuditKey() throws {
    let name = Self.auditKeyName
    try database.write { database in
      if let key = try Self.auditKey(self.seals, database) {
        self.audit.key = key
        return
      }
      let made = try AuditKey.generate()
      let sealed = try self.seals.seal(made, "settings", "sealed_value", name)
      try database.execute(
        sql: "INSERT INTO settings (key, sealed_value) VALUES (?, ?)", arguments: [name, Data(sealed)])
      let key = AuditKey(made)
      self.audit.key = key
      // The mark of the end is there from the beginning, so that a log which is taken away as a whole is missed.
      let isNew = try Bool.fetchOne(database, sql: "SELECT NOT EXISTS (SELECT 1 FROM audit)")
      if isNew == true { try AuditHead(number: 0, hash: AuditEntry.noHash).sealed(key).write(database) }
    }
  }

  static func auditKey(_ seals: Seals, _ database: GRDB.Database) throws -> AuditKey? {
    let sealed = try Data.fetchOne(
      database, sql: "SELECT sealed_value FROM settings WHERE key = ?", arguments: [auditKeyName])
    return try sealed.map { AuditKey(try seals.open(Array($0), "settings", "sealed_value", auditKeyName)) }
  }
}

extension StoreError {
  static let unreadableAudit = StoreError(
    code: "DATABASE_BROKEN",
    sentence: "The audit log in Reroot's database cannot be continued. Restore the data folder from a backup.")
}

/// Where the log ends.
struct AuditHead {
  let number: Int64
  let hash: [UInt8]
  var seal: [UInt8] = []

  static func read(_ database: GRDB.Database) throws -> AuditHead? {
    try Row.fetchOne(database, sql: "SELECT * FROM audit_head").map { row in
      let hash: Data = row["hash"]
      let seal: Data = row["seal"]
      return AuditHead(number: row["number"], hash: Array(hash), seal: Array(seal))
    }
  }

  /// Whether the head is ours, and the last entry the one that it names.
  static func fits(_ head: AuditHead?, _ last: AuditEntry?, _ key: AuditKey) -> Bool {
    guard let head else { return false }
    return (last?.number ?? 0) == head.number && (last?.hash ?? AuditEntry.noHash) == head.hash
      && head.isSealed(by: key)
  }

  func isSealed(by key: AuditKey) -> Bool {
    MessageAuthentication.areEqual(seal, key.sealOfHead(number, hash))
  }

  func sealed(_ key: AuditKey) -> AuditHead {
    AuditHead(number: number, hash: hash, seal: key.sealOfHead(number, hash))
  }

  func write(_ database: GRDB.Database) throws {
    try database.execute(
      sql: "INSERT OR REPLACE INTO audit_head (only, number, hash, seal) VALUES (1, ?, ?, ?)",
      arguments: [number, Data(hash), Data(seal)])
  }
}
