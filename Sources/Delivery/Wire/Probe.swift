import Foundation
import PKI
import Rotation

/// One handshake with one address of an endpoint. Blocking, for at most the time limit.
struct Probe: Sendable {
  /// The certificates that were served, the leaf first; throws ``ProbeProblem``.
  var perform: @Sendable (_ endpoint: Endpoint, _ address: String, _ timeLimit: Duration) throws -> [Certificate]
}

/// Why an address showed no certificate.
enum ProbeProblem: Error, Sendable, Hashable {
  /// Nobody listens there, or no way leads there.
  case nobody(String)
  /// Not within the time.
  case tooSlow
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
