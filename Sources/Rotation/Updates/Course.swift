/// What stays the same throughout an update: its members and their order, its root, its limits.
public struct Course: Sendable, Hashable, Codable {
  /// The components, ordered by stage and then as given.
  public let members: [Member]
  /// The root that the update brings, or that stays when another one is retired.
  public let root: RootKey
  /// The root that leaves every trust bundle; nil unless the update is a retirement.
  public let retires: RootKey?
  /// What happens to the rest when an action fails, as chosen before the start.
  public let policy: FailurePolicy
  /// Whether the console's own HTTPS certificate is exchanged.
  public let changesHTTPS: Bool
  /// How many actions may be in flight at once; at least 1.
  public let parallel: Int
  /// With how many a part of the update begins where that is fewer: with each component that is seen to be well there may be
  /// one more, and after a failure it begins with so many again. Absent in courses of earlier versions, which begin with all.
  public let first: Int?
  /// How many certificates may be made at once where that is more: it touches no component. Absent in courses of earlier
  /// versions.
  let generating: Int?
  /// How many further actions may be in flight beside those whose result has been seen and only has to last. Absent in
  /// courses of earlier versions.
  public let settling: Int?
  /// Whether the trust bundles stay as they are, because nobody presents a certificate of a root that was not presented
  /// before, and every bundle holds it. Absent in courses of earlier versions, which lay every bundle anew.
  let keepsTrust: Bool?

  /// Orders the members by stage and fixes the rest.
  public init(
    members: [Member], root: RootKey, retires: RootKey? = nil, policy: FailurePolicy, changesHTTPS: Bool,
    parallel: Int = 8, first: Int? = nil, generating: Int? = nil, settling: Int? = nil, keepsTrust: Bool = false
  ) {
    let ordered = members.enumerated().sorted { ($0.element.stage, $0.offset) < ($1.element.stage, $1.offset) }
    self.members = ordered.map(\.element)
    self.root = root
    self.retires = retires
    self.policy = policy
    self.changesHTTPS = changesHTTPS
    self.parallel = max(1, parallel)
    self.first = first.map { max(1, $0) }
    self.generating = generating
    self.settling = settling
    self.keepsTrust = keepsTrust ? true : nil
  }

  /// With how many components a part of an update begins, unless fewer are allowed at once.
  public static let usuallyFirst = 16

  /// A component's part in an update.
  public struct Member: Sendable, Hashable, Codable, Identifiable {
    /// The component's number.
    public var id: Component.ID
    /// The component's name.
    public var name: String
    /// The stage in which it is replaced.
    public var stage: Int
    /// Whether it is a server, a client, or both.
    public var usage: Component.Usage
    /// Whether it has a trust bundle, and so a trust action.
    public var hasTrustBundle: Bool
    /// The root that its certificate chains to before the update; nil when that is not known.
    public var presentsBefore: RootKey?
    /// The roots that it accepts before the update; nil when it has no trust bundle.
    public var acceptsBefore: Set<RootKey>?
    /// The components that it connects to; nil for every server.
    public var peers: [Component.ID]?
    /// Its rolling group, of which one component at a time is worked on; nil when it need not wait for others.
    public var group: String?

    /// Describes a component's part.
    public init(
      id: Component.ID, name: String, stage: Int = 1, usage: Component.Usage = .both, hasTrustBundle: Bool = true,
      presentsBefore: RootKey? = nil, acceptsBefore: Set<RootKey>? = nil, peers: [Component.ID]? = nil,
      group: String? = nil
    ) {
      self.id = id
      self.name = name
      self.stage = stage
      self.usage = usage
      self.hasTrustBundle = hasTrustBundle
      self.presentsBefore = presentsBefore
      self.acceptsBefore = acceptsBefore
      self.peers = peers
      self.group = group
    }
  }

  /// The members of each stage as ranges of ``members``, lowest stage first.
  var stages: [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    for index in members.indices where index + 1 == members.count || members[index + 1].stage != members[index].stage {
      ranges.append(start..<index + 1)
      start = index + 1
    }
    return ranges
  }
}

/// A part of an update that ends before the next one begins.
public enum Phase: Sendable, Hashable {
  /// Keys and certificates are made.
  case generate
  /// The members in a range get the bundle of old and new roots, or the one without the root that is retired.
  case trust(Range<Int>)
  /// The members in a range are deployed, activated and verified.
  case replace(Range<Int>)
  /// The console's own certificate is exchanged.
  case https
  /// The console's own certificate is put back.
  case restoreHTTPS
  /// The members in a range get their previous certificate and key back.
  case restore(Range<Int>)
  /// The members in a range get their previous trust bundle back.
  case restoreTrust(Range<Int>)
}

extension Course {
  /// The way forward: nothing is deployed before everything trusts the new root. A retirement changes trust only.
  var forwardPhases: [Phase] {
    if purpose == .retirement { return stages.map(Phase.trust) }
    return [.generate] + stages.map(Phase.trust) + stages.map(Phase.replace) + (changesHTTPS ? [.https] : [])
  }

  /// The way back: the reverse, so that the new root is trusted until nothing presents it any more.
  var backwardPhases: [Phase] {
    [.restoreHTTPS] + stages.reversed().map(Phase.restore) + stages.reversed().map(Phase.restoreTrust)
  }
}
