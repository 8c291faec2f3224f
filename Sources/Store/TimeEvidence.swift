import Foundation
import GRDB

/// What the store knows of time, to hold a machine's clock against.
public struct TimeEvidence: Sendable, Hashable {
  /// The moment of the newest thing that an update wrote down, by the clock of then; nil before the first update.
  public var lastWrittenAt: Date?
  /// How many component certificates the current set has.
  public var memberCount = 0
  /// When the last of them ends; nil without any.
  public var lastMemberEnds: Date?

  /// Collects what is known.
  public init(lastWrittenAt: Date? = nil, memberCount: Int = 0, lastMemberEnds: Date? = nil) {
    self.lastWrittenAt = lastWrittenAt
    self.memberCount = memberCount
    self.lastMemberEnds = lastMemberEnds
  }
}

extension Store {
  /// The root of the current set; nil before the first one.
  public func rootInForce() async throws -> RootRecord? {
    try await read {
      try Self.roots($0, sql: "WHERE id = (SELECT root FROM certificate_sets WHERE is_current = 1)").first
    }
  }

  /// What is known of time.
  ///
  /// The newest thing is the last one in order, not the latest one: a clock that was far ahead for a while and was then
  /// set right is believed again from the next update on.
  public func timeEvidence() async throws -> TimeEvidence {
    try await read { database in
      let written = try [
        "SELECT at FROM journal ORDER BY update_id DESC, sequence DESC LIMIT 1",
        "SELECT begun_at FROM issuances ORDER BY id DESC LIMIT 1",
      ].compactMap { try Int64.fetchOne(database, sql: $0) }
      let members = try Row.fetchOne(
        database,
        sql: """
          SELECT count(*) AS count, max(not_after) AS ends FROM set_members
          WHERE number = (SELECT number FROM certificate_sets WHERE is_current = 1)
          """)
      let ends: Int64? = members?["ends"]
      return TimeEvidence(
        lastWrittenAt: written.max().map(Date.init(milliseconds:)), memberCount: members?["count"] ?? 0,
        lastMemberEnds: ends.map(Date.init(milliseconds:)))
    }
  }
}
