import Foundation

/// How it can be proven on the wire that a component accepts a new root, as far as that can be seen beforehand.
public enum TrustEvidence: Sendable, Hashable, Codable {
  /// The endpoint refuses a client certificate of a root that nobody knows, so accepting one of the new root proves it.
  case handshake(endpoint: String)
  /// The endpoint names the roots of the trust bundle when it asks for a certificate, and will have to name the new one.
  case announcement(endpoint: String)
  /// It cannot be seen, for this reason, which reads on after a colon.
  case notProvable(reason: String)

  /// Whether nothing on the wire can prove it.
  public var isMissing: Bool {
    if case .notProvable = self { true } else { false }
  }

  /// The same where another root has the name of the new one: then what a server names proves nothing.
  public var withoutNames: TrustEvidence {
    guard case .announcement(let endpoint) = self else { return self }
    return .notProvable(reason: "\(endpoint) only names whom it accepts, and another root has the new one's name")
  }

  /// Why nothing can prove it; empty where something can.
  public var reason: String {
    if case .notProvable(let reason) = self { reason } else { "" }
  }

  /// What the plan says of it.
  public var sentence: String {
    switch self {
    case .handshake(let endpoint):
      "Acceptance of the new root is provable: \(endpoint) refuses client certificates of unknown roots, and will be "
        + "shown one of the new root."
    case .announcement(let endpoint):
      "Acceptance of the new root is provable: \(endpoint) names the roots that it accepts, and will have to name the "
        + "new one."
    case .notProvable(let reason): "Acceptance of the new root is not provable on the wire: \(reason)."
    }
  }
}

/// A root certificate with the name of the new root and another key, which somebody trusts or presents already.
public struct Namesake: Sendable, Hashable, Codable {
  /// SHA-256 of its DER, hexadecimal.
  public var fingerprint: String
  /// When it ends.
  public var notAfter: Date

  /// Describes a root by what tells it from the new one.
  public init(fingerprint: String, notAfter: Date) {
    self.fingerprint = fingerprint
    self.notAfter = notAfter
  }
}
