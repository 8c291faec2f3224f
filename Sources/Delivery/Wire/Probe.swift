import Foundation
import PKI
import Rotation

/// Handshakes with one address of an endpoint. Blocking, for at most the time limit.
struct Probe: Sendable {
  /// The certificates that were served, the leaf first; throws ``ProbeProblem``.
  var perform: @Sendable (_ endpoint: Endpoint, _ address: String, _ timeLimit: Duration) throws -> [Certificate]
  /// What the server does with a client certificate, and which of the authorities it names; throws ``ProbeProblem``.
  var offer:
    @Sendable (
      _ endpoint: Endpoint, _ address: String, _ identity: Identity, _ authorities: [Certificate], _ timeLimit: Duration
    ) throws -> ClientOffer.Answer = Probe.realOffer
}

/// Why an address showed no certificate.
enum ProbeProblem: Error, Sendable, Hashable {
  /// Nobody listens there, or no way leads there.
  case nobody(String)
  /// No connection within the time.
  case tooSlow
  /// A connection was made, but nothing came over it within the time.
  case mute
  /// Something answers, but not with TLS.
  case notTLS(String)
  /// The server answered in its own protocol that it does not do TLS.
  case noTLSOffered(String)
  /// TLS broke off.
  case broken(String)
}

/// What one address showed.
struct AddressSighting: Sendable {
  let address: String
  let result: Result<[Certificate], ProbeProblem>

  var isIPv6: Bool { address.contains(":") }
  var isSilent: Bool {
    if case .failure(.nobody) = result { return true }
    return false
  }
}
