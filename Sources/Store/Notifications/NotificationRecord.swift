import Foundation
import GRDB
import Rotation

/// By which way somebody is told something.
public enum NotificationChannel: String, Sendable, Hashable, CaseIterable {
  /// A request to an address of the administrator's.
  case webhook
  /// A message to mailboxes.
  case email
}

/// What somebody is to be told. Holds no secret.
public struct NotificationMessage: Sendable, Hashable {
  /// What it is about; the raw value is the `type` of a webhook.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// An action of an update has failed, and the update waits for a decision.
    case failureWaiting = "update.failure-waiting"
    /// An update is over, and every component is on the new certificate set.
    case completed = "update.completed"
    /// An update is over, and some components are not.
    case completedWithErrors = "update.completed-with-errors"
    /// An update was rolled back.
    case rolledBack = "update.rolled-back"
    /// A certificate ends soon.
    case expiring = "certificate.expiring"
    /// An endpoint shows something else than was deployed.
    case endpointDiffers = "endpoint.differs"
    /// A renewal is due and cannot start by itself.
    case renewalHeld = "renewal.held"
    /// An administrator wants to see whether it arrives.
    case test = "test"
  }

  /// What it is about.
  public var kind: Kind
  /// One line: “web: the certificate ends in 9 days”.
  public var subject: String
  /// What, to what, and what to do, in sentences.
  public var text: String
  /// The update that it concerns.
  public var update: UpdateRecord.ID?
  /// The name of the component that it concerns.
  public var component: String?
  /// The page of the console to open, such as `/updates/7`.
  public var path: String?
  /// Tells notifications apart: with the same key one is queued once on each channel.
  public var key: String

  /// Describes what somebody is to be told.
  public init(
    _ kind: Kind, subject: String, text: String, update: UpdateRecord.ID? = nil, component: String? = nil,
    path: String? = nil, key: String
  ) {
    self.kind = kind
    self.subject = subject
    self.text = text
    self.update = update
    self.component = component
    self.path = path
    self.key = key
  }
}

/// A notification on its way over one channel, and what has become of it.
public struct NotificationRecord: Sendable, Hashable, Identifiable {
  /// The number of a notification in the store.
  public typealias ID = Identifier<NotificationRecord>

  /// How it ended.
  public enum Ending: String, Sendable, Hashable, CaseIterable {
    /// The other end has taken it.
    case sent
    /// It was tried for as long as it is worth, or was no longer wanted.
    case givenUp
  }

  /// Its number in this database; after a restore another one may have it.
  public let id: ID
  /// What a receiver knows it by when it comes a second time: random and kept with it, so that no other notification has it,
  /// of this database, of a restored one or of another console.
  public let messageID: String
  /// Over which channel.
  public let channel: NotificationChannel
  /// What is told.
  public let notification: NotificationMessage
  /// Since when it waits.
  public let madeAt: Date
  /// How often it was tried.
  public let attempts: Int
  /// When it is tried next; nil once it has ended.
  public let dueAt: Date?
  /// Why the last attempt failed; nil where none has.
  public let problem: String?
  /// When it ended.
  public let endedAt: Date?
  /// How it ended; nil while it waits.
  public let ending: Ending?

  init(_ row: Row) throws {
    guard let channel = NotificationChannel(rawValue: row["channel"]),
      let kind = NotificationMessage.Kind(rawValue: row["kind"])
    else {
      throw StoreError(
        code: "DATABASE_BROKEN",
        sentence: "A notification in Reroot's database is of a kind that this version does not know. Start the version "
          + "that wrote it, or restore the data folder from a backup.")
    }
    let update: Int64? = row["update_id"]
    let (due, ended): (Int64?, Int64?) = (row["due_at"], row["ended_at"])
    let number: Int64 = row["id"]
    let mark: String = row["mark"]
    id = ID(rawValue: number)
    messageID = "reroot-\(number)-\(mark)"
    self.channel = channel
    notification = NotificationMessage(
      kind, subject: row["subject"], text: row["text"], update: update.map(UpdateRecord.ID.init(rawValue:)),
      component: row["component"], path: row["path"], key: row["key"])
    madeAt = Date(milliseconds: row["made_at"])
    attempts = row["attempts"]
    dueAt = due.map(Date.init(milliseconds:))
    problem = row["problem"]
    endedAt = ended.map(Date.init(milliseconds:))
    ending = (row["ending"] as String?).flatMap(Ending.init(rawValue:))
  }
}
