import Foundation
import GRDB
import Rotation

/// The notifications that wait to be sent, and those that were. No entry of the audit log goes with them: nobody does it.
extension Store {
  /// For how long what has ended is kept, in seconds; for as long one with its key is not queued again.
  public static let notificationLifetime: TimeInterval = 400 * 86_400
  /// The key of the last entry of the audit log that was looked at for what is worth a notification.
  private static let followedKey = "notified_audit"

  /// Queues a notification on some channels, once for each key.
  ///
  /// - Parameter isHeld: whether whoever queues it sends it at once, and nobody else is to.
  /// - Returns: the numbers of those that are new.
  @discardableResult
  public func queue(
    _ notification: NotificationMessage, on channels: [NotificationChannel], isHeld: Bool = false
  ) async throws -> [NotificationRecord.ID] {
    let now = clock()
    return try await writeAside { try Self.queue(notification, on: channels, isHeld: isHeld, now, $0) }
  }

  /// Queues what some entries of the audit log are worth, and remembers that they were looked at: all of it or nothing.
  ///
  /// - Parameter number: the last of the entries.
  public func queue(
    _ notifications: [(message: NotificationMessage, channels: [NotificationChannel])], followingAuditTo number: Int64
  ) async throws {
    let now = clock()
    try await writeAside { database in
      for (notification, channels) in notifications {
        try Self.queue(notification, on: channels, isHeld: false, now, database)
      }
      try database.execute(
        sql: "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)",
        arguments: [Self.followedKey, "\(number)"])
    }
  }

  /// The last entry of the audit log that was looked at; nil before the first look.
  public func lastFollowedAuditNumber() async throws -> Int64? {
    try await setting(Self.followedKey).flatMap { Int64($0) }
  }

  @discardableResult
  private static func queue(
    _ notification: NotificationMessage, on channels: [NotificationChannel], isHeld: Bool, _ now: Date,
    _ database: GRDB.Database
  ) throws -> [NotificationRecord.ID] {
    var added: [NotificationRecord.ID] = []
    for channel in channels {
      try database.execute(
        sql: """
          INSERT OR IGNORE INTO notifications
            (key, channel, kind, subject, text, update_id, component, path, made_at, due_at, mark)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, lower(hex(randomblob(16))))
          """,
        arguments: [
          notification.key, channel.rawValue, notification.kind.rawValue, notification.subject, notification.text,
          notification.update?.rawValue, notification.component, notification.path, now.milliseconds,
          isHeld ? nil : now.milliseconds,
        ])
      if database.changesCount == 1 { added.append(NotificationRecord.ID(rawValue: database.lastInsertedRowID)) }
    }
    return added
  }

  /// One notification.
  public func notification(_ id: NotificationRecord.ID) async throws -> NotificationRecord {
    try await read { database in
      let row = try Row.fetchOne(database, sql: "SELECT * FROM notifications WHERE id = ?", arguments: [id.rawValue])
      guard let row else { throw StoreError.notFound("notification") }
      return try NotificationRecord(row)
    }
  }

  /// Those that are to be tried now: those that were tried least, the oldest of them first, so that one at which a receiver
  /// hangs keeps back none that was not tried yet.
  ///
  /// - Parameter longest: the longest pause, in seconds: what is due beyond it waits for a clock that was set back.
  public func dueNotifications(limit: Int, longest: TimeInterval) async throws -> [NotificationRecord] {
    let now = clock()
    return try await read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM notifications WHERE due_at <= ? OR due_at > ? ORDER BY attempts, id LIMIT ?",
        arguments: [now.milliseconds, now.addingTimeInterval(longest).milliseconds, limit]
      ).map(NotificationRecord.init)
    }
  }

  /// When the next one is to be tried; nil where none waits.
  public func nextNotificationDue() async throws -> Date? {
    try await read { database in
      try Int64.fetchOne(database, sql: "SELECT min(due_at) FROM notifications WHERE due_at IS NOT NULL")
        .map(Date.init(milliseconds:))
    }
  }

  /// The newest ones, and how many there are in all.
  public func notifications(offset: Int = 0, limit: Int) async throws -> (some: [NotificationRecord], total: Int) {
    try await read { database in
      let rows = try Row.fetchAll(
        database, sql: "SELECT * FROM notifications ORDER BY id DESC LIMIT ? OFFSET ?", arguments: [limit, offset])
      return (
        try rows.map(NotificationRecord.init),
        try Int.fetchOne(database, sql: "SELECT count(*) FROM notifications") ?? 0
      )
    }
  }

  /// Those that were tried without success and wait to be tried again, or were given up and nothing was sent over their
  /// channel since: how many, and the last one.
  public func failingNotifications() async throws -> (count: Int, last: NotificationRecord?) {
    let failing = """
      problem IS NOT NULL AND (ending IS NULL OR ending = 'givenUp') AND kind <> 'test' AND id > (
        SELECT coalesce(max(id), 0) FROM notifications sent WHERE sent.channel = notifications.channel AND ending = 'sent')
      """
    return try await read { database in
      let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM notifications WHERE \(failing)") ?? 0
      let last = try Row.fetchOne(
        database, sql: "SELECT * FROM notifications WHERE \(failing) ORDER BY id DESC LIMIT 1")
      return (count, try last.map(NotificationRecord.init))
    }
  }

  /// Notes that the other end has taken one.
  public func notificationSent(_ id: NotificationRecord.ID) async throws {
    let now = clock()
    try await writeAside { database in
      try database.execute(
        sql: """
          UPDATE notifications SET attempts = attempts + 1, due_at = NULL, problem = NULL, ended_at = ?, ending = 'sent'
          WHERE id = ?
          """, arguments: [now.milliseconds, id.rawValue])
    }
  }

  /// Notes that an attempt has failed.
  ///
  /// - Parameters:
  ///   - problem: why; nil where it is not wanted any more.
  ///   - due: when it is tried again; nil gives it up.
  ///   - others: before when the others of its channel are not tried either; nil where it alone was refused.
  public func notificationFailed(
    _ id: NotificationRecord.ID, _ problem: String?, again due: Date?, others: Date? = nil
  ) async throws {
    let now = clock()
    try await writeAside { database in
      try database.execute(
        sql: """
          UPDATE notifications SET attempts = attempts + 1, due_at = ?1, problem = ?2,
            ended_at = CASE WHEN ?1 IS NULL THEN ?3 END, ending = CASE WHEN ?1 IS NULL THEN 'givenUp' END
          WHERE id = ?4
          """, arguments: [due?.milliseconds, problem, now.milliseconds, id.rawValue])
      guard let others else { return }
      try database.execute(
        sql: """
          UPDATE notifications SET due_at = ?1
          WHERE due_at < ?1 AND id <> ?2 AND channel = (SELECT channel FROM notifications WHERE id = ?2)
          """, arguments: [others.milliseconds, id.rawValue])
    }
  }

  /// Forgets what has ended long ago.
  public func forgetOldNotifications() async throws {
    let before = clock().addingTimeInterval(-Self.notificationLifetime)
    try await writeAside { database in
      try database.execute(sql: "DELETE FROM notifications WHERE ended_at < ?", arguments: [before.milliseconds])
    }
  }
}
