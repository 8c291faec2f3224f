import Foundation

/// What a look at a component's target and endpoints showed.
public struct Findings: Sendable, Hashable, Codable {
  /// The configured files, as they were found.
  public var files: [FoundFile]
  /// What each endpoint served.
  public var served: [ServedCertificate]
  /// The root that the served (or, without an endpoint, the deployed) certificate chains to, where it is known.
  public var presents: RootKey?
  /// The roots in the trust bundle that was found; nil when no trust bundle is configured.
  public var accepts: Set<RootKey>?
  /// When the certificate that Abort would put back expires; nil where none was found.
  public var previousNotAfter: Date?
  /// When it begins to be valid; nil where none was found, and in plans of older versions.
  public var previousNotBefore: Date?
  /// What would make a step fail.
  public var problems: [Problem]
  /// How its acceptance of the new root can be proven; nil where it has no trust bundle, or in plans of older versions.
  public var trustEvidence: TrustEvidence?
  /// Roots of the new root's name and another key that it trusts or presents; nil in plans of older versions.
  public var namesakes: [Namesake]?

  /// Collects what was found.
  public init(
    files: [FoundFile] = [], served: [ServedCertificate] = [], presents: RootKey? = nil,
    accepts: Set<RootKey>? = nil, previousNotAfter: Date? = nil, problems: [Problem] = [],
    trustEvidence: TrustEvidence? = nil, namesakes: [Namesake]? = nil
  ) {
    self.files = files
    self.served = served
    self.presents = presents
    self.accepts = accepts
    self.previousNotAfter = previousNotAfter
    self.problems = problems
    self.trustEvidence = trustEvidence
    self.namesakes = namesakes
  }
}

/// A configured file as it was found; its content is kept apart from this, sealed.
public struct FoundFile: Sendable, Hashable, Codable {
  /// What it holds.
  public var role: FileLayout.Role
  /// Its absolute path.
  public var path: String
  /// What was found; nil when there is no such file yet.
  public var state: State?

  /// Describes a file.
  public init(role: FileLayout.Role, path: String, state: State?) {
    self.role = role
    self.path = path
    self.state = state
  }

  /// The properties of a file that exists.
  public struct State: Sendable, Hashable, Codable {
    /// SHA-256 of the content, hexadecimal.
    public var sha256: String
    /// Length in bytes.
    public var size: Int
    /// Owner's number.
    public var owner: UInt32
    /// Group's number.
    public var group: UInt32
    /// Permission bits.
    public var mode: FileMode

    /// Describes a file that exists.
    public init(sha256: String, size: Int, owner: UInt32, group: UInt32, mode: FileMode) {
      self.sha256 = sha256
      self.size = size
      self.owner = owner
      self.group = group
      self.mode = mode
    }
  }
}

/// The certificate that an endpoint served when it was looked at.
public struct ServedCertificate: Sendable, Hashable, Codable {
  /// `host:port`.
  public var endpoint: String
  /// SHA-256 of the certificate's DER, hexadecimal.
  public var fingerprint: String
  /// Its subject (RFC 4514).
  public var subject: String
  /// Its issuer (RFC 4514).
  public var issuer: String
  /// When it ends.
  public var notAfter: Date
  /// When it was seen.
  public var seenAt: Date

  /// Describes a served certificate.
  public init(
    endpoint: String, fingerprint: String, subject: String, issuer: String, notAfter: Date, seenAt: Date
  ) {
    self.endpoint = endpoint
    self.fingerprint = fingerprint
    self.subject = subject
    self.issuer = issuer
    self.notAfter = notAfter
    self.seenAt = seenAt
  }
}

/// A connection that one side would refuse, and when.
public struct RefusedConnection: Sendable, Hashable, Codable {
  /// The name of the component that connects.
  public var client: String
  /// The name of the component that answers.
  public var server: String
  /// Who refuses.
  public var refusedBy: Side
  /// When: `before the update`, `from stage 2 on`, `after Override`, …
  public var moment: String
  /// Why.
  public var reason: String

  /// Describes a refused connection.
  public init(client: String, server: String, refusedBy: Side, moment: String, reason: String) {
    self.client = client
    self.server = server
    self.refusedBy = refusedBy
    self.moment = moment
    self.reason = reason
  }

  /// The two ends of a connection.
  public enum Side: String, Sendable, Hashable, Codable {
    case client, server
  }
}
