import Foundation
import GRDB
import PKI
import Rotation

/// What one person asks another one to agree to, and what came of it.
public struct Agreement: Sendable, Hashable, Identifiable {
  /// The number of an agreement in the store.
  public typealias ID = Identifier<Agreement>

  /// What is agreed to.
  public enum Subject: Sendable, Hashable {
    /// The start of a plan with this content.
    case start(Plan.ID, hash: String)
    /// Abort, as the answer to this question of an update that was started with a plan of this content.
    case abort(UpdateRecord.ID, question: Int, hash: String)
    /// That from now on nobody has to agree any more.
    case switchOff

    /// What both who ask and who answer must be allowed to do.
    public var role: Role { self == .switchOff ? .administrator : .operator }

    /// The SHA-256 of the plan, which the answer must name; empty where there is none.
    public var hash: String {
      switch self {
      case .start(_, let hash), .abort(_, _, let hash): hash
      case .switchOff: ""
      }
    }
  }

  /// How an agreement stands.
  public enum Standing: String, Sendable, Hashable, CaseIterable {
    /// It waits for an answer.
    case waiting
    /// Somebody else has agreed, and what was asked for may be done.
    case agreed
    /// Somebody else has declined.
    case declined
    /// Its time is over.
    case expired
    /// What it was about has changed, or one of the two may not do it any more.
    case void
    /// Who asked has taken it back.
    case withdrawn
    /// What was asked for has been done.
    case used

    /// Whether anything can still come of it.
    public var isOpen: Bool { self == .waiting || self == .agreed }
  }

  /// Its number.
  public let id: ID
  /// What is agreed to.
  public let subject: Subject
  /// Who asked.
  public let asker: UserRecord.ID
  /// What that person was called then.
  public let askerName: String
  /// When.
  public let askedAt: Date
  /// Until when it can be answered and used.
  public let expiresAt: Date
  /// Who answered, and is never who asked; nil while nobody has.
  public let answerer: UserRecord.ID?
  /// What that person was called then.
  public let answererName: String?
  /// When it was answered.
  public let answeredAt: Date?
  /// Why it was declined, or what else the answer says.
  public let reason: String
  /// Whether who asked has accepted the problems that the plan names.
  public let acceptsProblems: Bool
  /// Whether who asked has accepted a root with the name of another one.
  public let acceptsNamesake: Bool
  /// How it stands.
  public let standing: Standing

  /// What the journal of the update says of it.
  var record: String {
    "\(answererName ?? "") agreed to what \(askerName) asked for (plan with the SHA-256 \(subject.hash))"
  }
}

/// The answer of the second person.
public struct AgreementAnswer: Sendable {
  /// What is answered.
  public var id: Agreement.ID
  /// Who answers.
  public var user: UserRecord.ID
  /// The hash of the plan that was read.
  public var hash: String
  /// What is said with it.
  public var reason: String

  /// Describes an answer.
  public init(_ id: Agreement.ID, by user: UserRecord.ID, hash: String, reason: String = "") {
    self.id = id
    self.user = user
    self.hash = hash
    self.reason = reason
  }
}

extension StoreError {
  static let agreementNeeded = StoreError(
    code: "AGREEMENT_NEEDED",
    sentence: "Another operator or administrator must agree first, since the setting “Second person” is on. Ask for "
      + "that, and wait for the answer.")
  static let samePerson = StoreError(
    code: "SAME_PERSON",
    sentence: "You have asked for this yourself, so somebody else must answer it. Nothing was changed.")
  static let agreementOver = StoreError(
    code: "AGREEMENT_OVER",
    sentence:
      "There is nothing to answer any more: the request was answered or taken back, its time is over, or what it "
      + "was about has changed. Nothing was changed.")

  static func mayNot(_ role: Role) -> StoreError {
    StoreError(
      code: "ROLE_NEEDED",
      sentence: "This takes \(role == .administrator ? "an administrator" : "an operator or an administrator") with a "
        + "password. Nothing was changed.")
  }
}
