/// What an update is for.
public enum Purpose: String, Sendable, Hashable, Codable, CaseIterable {
  /// Every component gets a certificate of another root, or a new one of the same.
  case renewal
  /// A root leaves every trust bundle. No certificate is touched.
  case retirement
}

extension Course {
  /// What the update is for.
  public var purpose: Purpose { retires == nil ? .renewal : .retirement }

  /// Whether a member has a trust action: with a retirement only one whose bundle holds the root that goes, and nobody
  /// where the trust bundles stay as they are.
  public func changesTrust(of member: Member) -> Bool {
    guard member.hasTrustBundle, keepsTrust != true else { return false }
    guard let retires else { return true }
    return member.acceptsBefore?.contains(retires) ?? false
  }

  /// What a member accepts once its trust action has ended well; nil for one without a bundle.
  func acceptsAfter(_ member: Member) -> Set<RootKey>? {
    guard member.hasTrustBundle else { return nil }
    let before = member.acceptsBefore ?? []
    if let retires { return before.subtracting([retires]) }
    return before.union(members.compactMap(\.presentsBefore)).union([root])
  }

  /// What a member presents once the update has moved it.
  func presentsAfter(_ member: Member) -> Set<RootKey> {
    purpose == .renewal ? [root] : Set([member.presentsBefore].compactMap { $0 })
  }
}
