import Foundation

/// A request that the profile allows under one root. Only the check makes one, and signing consumes it, so that nothing is
/// signed unchecked, nor twice.
public struct CheckedRequest: ~Copyable {
  let request: ChildRequest
  let root: Certificate

  /// Holds a request against the profile. Throws a sentence about the first rule that it breaks; codes begin with `ROOT_`
  /// where the root cannot sign at all, with `PROFILE_` where it cannot sign this, with `REQUEST_` where a signing request is not
  /// what was asked for.
  public init(_ request: ChildRequest, root: Certificate, now: Date) throws {
    try RootCheck.check(root, usage: request.usage, now: now)
    try ProfileCheck.checkDates(request, root: root, now: now)
    try ProfileCheck.checkNames(request.names)
    try Self.checkProof(request)
    try ProfileCheck.checkKey(request.publicKeyOf, root: root)
    self.request = request
    self.root = root
  }

  /// A key that was not made here must be proved to be there, and to be what was asked for.
  private static func checkProof(_ request: ChildRequest) throws {
    guard !(request.publicKeyOf is PrivateKey) else { return }
    guard let signing = request.publicKeyOf as? SigningRequest, let algorithm = request.requestedKey else {
      throw PKIError(code: "REQUEST_MALFORMED", sentence: "The key comes without a signing request.")
    }
    try signing.check(names: request.names, algorithm: algorithm)
  }
}
