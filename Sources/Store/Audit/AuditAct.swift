import PKI

/// Who does something, and from where. The name stays readable when the user is gone.
public struct AuditAuthor: Sendable, Hashable {
  /// Whom the name is of: a user may be called like one of the others.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// A user with a session.
    case user
    /// Somebody who is not signed in; the name is whom that one claims to be.
    case stranger
    /// Whoever may run the program on the data folder.
    case commandLine = "command-line"
    /// Reroot itself.
    case reroot
  }

  /// Whom the name is of.
  public let kind: Kind
  /// The name.
  public let name: String
  /// The user's number; nil for anybody else.
  public let user: Int64?
  /// The numeric address that the request came from; nil for what came over no network.
  public let address: String?

  init(kind: Kind, name: String, user: Int64? = nil, address: String? = nil) {
    self.init(
      storedKind: kind, name: VisibleText.of(name, limit: 200), user: user,
      address: address.map { VisibleText.of($0, limit: 64) })
  }

  /// As it stands in an entry, which is shown as it was written.
  init(storedKind kind: Kind, name: String, user: Int64?, address: String?) {
    self.kind = kind
    self.name = name
    self.user = user
    self.address = address
  }

  /// A user with a session.
  public static func user(_ name: String, id: UserRecord.ID, from address: String?) -> AuditAuthor {
    AuditAuthor(kind: .user, name: name, user: id.rawValue, address: address)
  }

  /// Somebody without a session.
  ///
  /// - Parameter user: whom that one claims to be, where there is such a user. Any other name must not be kept: it may
  ///   be a password that was typed into the wrong field.
  public static func stranger(claiming user: UserRecord? = nil, from address: String?) -> AuditAuthor {
    AuditAuthor(
      kind: .stranger, name: user?.name ?? "unknown name", user: user?.id.rawValue, address: address)
  }

  /// Whoever ran a command on the data folder, by the number of the user in the system.
  public static func commandLine(uid: UInt32) -> AuditAuthor {
    AuditAuthor(kind: .commandLine, name: "command line (user \(uid))")
  }

  /// Reroot itself.
  public static let reroot = AuditAuthor(kind: .reroot, name: "Reroot")
}

/// Something that is done and is to be recorded. Holds no secret: it is shown to everybody who may read the audit log.
public struct AuditAct: Sendable, Hashable {
  /// What is done.
  public let event: AuditEvent
  /// Who does it.
  public let author: AuditAuthor
  /// To what, as people call it; nil for the whole.
  public private(set) var subject: String?
  /// More of it, by stable names.
  public private(set) var details: [String: String]
  /// Why, where that was asked for.
  public let reason: String?

  /// The most characters of a reason.
  public static let longestReason = 500
  private static let longestSubject = 500
  private static let longestDetail = 2000

  /// Describes an act. Characters that could change what surrounds them are made visible, and long texts are cut.
  public init(
    _ event: AuditEvent, by author: AuditAuthor, on subject: String? = nil, _ details: [String: String] = [:],
    reason: String? = nil
  ) {
    self.event = event
    self.author = author
    self.subject = subject.map { VisibleText.of($0, limit: Self.longestSubject) }
    self.details = details.mapValues { VisibleText.of($0, limit: Self.longestDetail) }
    self.reason = reason.map { VisibleText.of($0, limit: Self.longestReason) }
  }

  /// Says to what it is done, once that has a number.
  mutating func concern(_ subject: String) { self.subject = VisibleText.of(subject, limit: Self.longestSubject) }

  /// Adds what is known only when it is done, unless whoever described it said more.
  mutating func add(_ name: String, _ value: String) {
    if details[name] == nil { details[name] = VisibleText.of(value, limit: Self.longestDetail) }
  }
}
