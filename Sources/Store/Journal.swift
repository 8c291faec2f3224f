import Foundation
import GRDB
import Rotation

/// One entry of an update's journal: what happened, or what was observed.
public struct JournalEntry: Sendable, Hashable {
  /// 1, 2, 3, … within an update.
  public let sequence: Int
  /// When it was written.
  public let at: Date
  /// What it says.
  public let content: Content

  /// Describes an entry.
  public init(sequence: Int, at: Date, content: Content) {
    self.sequence = sequence
    self.at = at
    self.content = content
  }

  /// What an entry says.
  public enum Content: Sendable, Hashable {
    /// An event that moved the state.
    case event(Event)
    /// An observation in words, of an action unless it is of the whole.
    case note(ActionID?, String)
  }
}

extension Store {
  /// Journals an observation. It moves nothing.
  public func note(_ update: UpdateRecord.ID, action: ActionID?, text: String) async throws -> JournalEntry {
    let now = clock()
    return try await writeAside { try Self.journal(.note(action, text), of: update, at: now, $0) }
  }

  /// Journals an observation without waiting until it is on disk: it is there no later than anything that is written
  /// afterwards. It moves nothing.
  ///
  /// - Parameter written: told what came of it; it must not block.
  public func note(
    _ update: UpdateRecord.ID, action: ActionID, text: String,
    written: @escaping @Sendable (Result<JournalEntry, any Error>) -> Void
  ) {
    let now = clock()
    writes.begin({ try Self.journal(.note(action, text), of: update, at: now, $0) }, written)
  }

  /// The entries after one, in their order.
  ///
  /// - Parameters:
  ///   - after: the sequence of an entry; 0 begins with the first.
  ///   - limit: the most entries that are wanted.
  public func journal(_ update: UpdateRecord.ID, after: Int, limit: Int) async throws -> [JournalEntry] {
    try await read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM journal WHERE update_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
        arguments: [update.rawValue, after, limit]
      ).map(Self.entry)
    }
  }

  /// The sequence of the newest entry; 0 for none.
  public func lastSequence(_ update: UpdateRecord.ID) async throws -> Int {
    try await read { database in
      try Int.fetchOne(
        database, sql: "SELECT last_sequence FROM updates WHERE id = ?", arguments: [update.rawValue]) ?? 0
    }
  }

  /// The last entries, in their order.
  public func journalTail(_ update: UpdateRecord.ID, limit: Int) async throws -> [JournalEntry] {
    try await read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM journal WHERE update_id = ? ORDER BY sequence DESC LIMIT ?",
        arguments: [update.rawValue, limit]
      ).reversed().map(Self.entry)
    }
  }

  static func journal(
    _ content: JournalEntry.Content, of update: UpdateRecord.ID, at now: Date, _ database: GRDB.Database
  ) throws -> JournalEntry {
    let last = try Int.fetchOne(
      database, often: "SELECT last_sequence FROM updates WHERE id = ?", arguments: [update.rawValue])
    guard let last else { throw StoreError.noUpdate }
    let sequence = last + 1
    switch content {
    case .event(let event):
      try database.execute(
        often: "INSERT INTO journal (update_id, sequence, at, event) VALUES (?, ?, ?, ?)",
        arguments: [update.rawValue, sequence, now.milliseconds, try JSON.text(event)])
      try database.execute(
        often: "UPDATE updates SET last_sequence = ?1, last_event = ?1 WHERE id = ?2",
        arguments: [sequence, update.rawValue])
    case .note(let action, let text):
      try database.execute(
        often: "INSERT INTO journal (update_id, sequence, at, action, note) VALUES (?, ?, ?, ?, ?)",
        arguments: [update.rawValue, sequence, now.milliseconds, action?.description, text])
      try database.execute(
        often: "UPDATE updates SET last_sequence = ? WHERE id = ?", arguments: [sequence, update.rawValue])
    }
    return JournalEntry(sequence: sequence, at: now, content: content)
  }

  private static func entry(_ row: Row) throws -> JournalEntry {
    let event: String? = row["event"]
    let action: String? = row["action"]
    let content: JournalEntry.Content =
      if let event {
        .event(try JSON.value(event))
      } else {
        .note(action.flatMap { ActionID($0) }, row["note"])
      }
    return JournalEntry(sequence: row["sequence"], at: Date(milliseconds: row["at"]), content: content)
  }
}
