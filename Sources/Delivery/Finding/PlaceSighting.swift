import Foundation
import PKI
import Rotation

/// What a look at a place showed. Texts are whatever somebody chose to send.
public struct PlaceSighting: Sendable {
  /// The place.
  public var place: Place
  /// What was there.
  public var result: Result

  /// Describes what was there.
  public init(place: Place, result: Result) {
    self.place = place
    self.result = result
  }

  /// The ways in which a place can be.
  public enum Result: Sendable {
    /// It serves this certificate.
    case serves(Found)
    /// Somebody answers, but shows no certificate; with the reason.
    case noTLS(String)
    /// Nobody answers; with the reason.
    case silent(String)
    /// There was no time for it, or the search was ended before.
    case notLooked
  }

  /// A certificate that was found.
  public struct Found: Sendable {
    /// The certificate.
    public var leaf: Certificate
    /// How TLS begins there.
    public var transport: Endpoint.Transport
    /// The kind of server, at a guess; nil where nothing tells it.
    public var kind: String?
    /// Whether the addresses of the host serve different certificates; this is then one of them.
    public var differs: Bool

    /// Describes a certificate that was found.
    public init(leaf: Certificate, transport: Endpoint.Transport, kind: String? = nil, differs: Bool = false) {
      self.leaf = leaf
      self.transport = transport
      self.kind = kind
      self.differs = differs
    }
  }

  /// The certificate, where one was found.
  public var found: Found? {
    if case .serves(let found) = result { found } else { nil }
  }
}
