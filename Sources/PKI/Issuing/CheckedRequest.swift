import Foundation

/// A request that the profile allows under one root. Only the check makes one, and signing consumes it, so that nothing is
/// signed unchecked, nor twice.
public struct CheckedRequest: ~Copyable {
  let request: ChildRequest
  let root: Certificate

  /// Holds a request against the profile. Throws a sentence about the first rule that it breaks; codes begin with `ROOT_`
  /// where the root cannot sign at all, with `PROFILE_` where it cannot sign this.
  public init(_ request: ChildRequest, root: Certificate, now: Date) throws {
    try RootCheck.check(root, usage: request.usage, now: now)
    try ProfileCheck.checkDates(request, root: root, now: now)
    try ProfileCheck.checkNames(request.names)
    try ProfileCheck.checkKey(request.publicKeyOf, root: root)
    self.request = request
    self.root = root
  }
}
