import PKI
import Rotation

/// Finds every root that a chain can be followed to; with certificates of one authority under two roots, there are
/// several.
public enum RootPaths {
  /// How many certificates are followed at most: a chain from outside may be made to branch without end.
  private static let limit = 64

  /// The roots that a chain leads to, over the certificates served with it and those that are known.
  ///
  /// - Parameter known: roots, and whatever else trust bundles hold; one of these that has no issuer among them counts as
  ///   a root too.
  /// - Returns: none where every path ends at a certificate whose issuer is not known.
  public static func roots(of chain: [Certificate], among known: [Certificate]) -> Set<RootKey> {
    guard let leaf = chain.first else { return [] }
    let candidates = Array(chain.dropFirst()) + known
    let trusted = Set(known.map(\.fingerprint))
    var roots: Set<RootKey> = []
    var seen: Set<Fingerprint> = [leaf.fingerprint]
    var open = [leaf]
    while let current = open.popLast(), seen.count < limit {
      let issuers =
        current.isSelfIssued
        ? [] : candidates.filter { $0.subject == current.issuer && current.isSigned(by: $0) }
      if issuers.isEmpty, current.isSelfIssued || trusted.contains(current.fingerprint) {
        roots.insert(RootKey(current.fingerprint.hex))
      }
      for issuer in issuers where seen.insert(issuer.fingerprint).inserted { open.append(issuer) }
    }
    return roots
  }
}
