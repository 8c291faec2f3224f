import Foundation

/// Something that stands in the way of taking a root out of the trust bundles: a peer would be refused without it, or
/// nobody knows whether one would be.
public struct Dependency: Sendable, Hashable, Codable {
  /// The component; nil for the console itself.
  public var component: Component.ID?
  /// The component's name.
  public var name: String
  /// In what way.
  public var kind: Kind
  /// Where that was seen: `host:port`, or the path of a file.
  public var place: String
  /// What was seen there.
  public var sentence: String
  /// When.
  public var seenAt: Date

  /// Describes what stands in the way.
  public init(
    component: Component.ID?, name: String, kind: Kind, place: String, sentence: String, seenAt: Date
  ) {
    self.component = component
    self.name = name
    self.kind = kind
    self.place = place
    self.sentence = sentence
    self.seenAt = seenAt
  }

  /// The ways in which a root may still be needed.
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// It presents a certificate that leads to the root.
    case presents
    /// It does so because an administrator set it aside by Override.
    case setAside
    /// What it presents could not be seen, or leads to no root that is known.
    case unseen
  }
}

/// The certificate that was seen at one place, as far as roots are concerned.
public struct RootSighting: Sendable, Hashable, Codable {
  /// `host:port`, or the path of a file.
  public var place: String
  /// What was seen there.
  public var content: Content
  /// When.
  public var seenAt: Date

  /// Describes what was seen at a place.
  public init(place: String, content: Content, seenAt: Date) {
    self.place = place
    self.content = content
    self.seenAt = seenAt
  }

  /// What a place can show.
  public enum Content: Sendable, Hashable, Codable {
    /// A certificate served on the wire, with the roots that its chain leads to; none where they are not known.
    case served(subject: String, roots: Set<RootKey>)
    /// The same in a file.
    case deployed(subject: String, roots: Set<RootKey>)
    /// There is no such file.
    case missing
    /// It could not be seen; why, in a sentence.
    case unseen(String)
  }
}

/// A component, or the console itself, with everything that was seen of it.
public struct RootHolder: Sendable, Hashable {
  /// The component; nil for the console itself.
  public var component: Component.ID?
  /// Its name.
  public var name: String
  /// What was seen of it, place by place.
  public var sightings: [RootSighting]
  /// Whether it was set aside by Override in the update that made the current certificate set.
  public var isSetAside: Bool

  /// Describes what was seen of a component.
  public init(component: Component.ID?, name: String, sightings: [RootSighting], isSetAside: Bool = false) {
    self.component = component
    self.name = name
    self.sightings = sightings
    self.isSetAside = isSetAside
  }

  /// Why a root cannot be taken away as far as this one is concerned.
  ///
  /// - Parameter kept: the root that stays; a certificate that leads to it as well does not need the other one.
  public func dependencies(on root: RootKey, keeping kept: RootKey) -> [Dependency] {
    guard !sightings.isEmpty else {
      return [
        dependency(
          .unseen, "–", "It has neither an endpoint nor a certificate file, so it cannot be seen.", .distantPast)
      ]
    }
    return sightings.compactMap { dependency($0, on: root, keeping: kept) }
  }

  private func dependency(_ seen: RootSighting, on root: RootKey, keeping kept: RootKey) -> Dependency? {
    func about(_ subject: String, _ roots: Set<RootKey>, _ verb: String) -> Dependency? {
      if roots.contains(kept) { return nil }
      if roots.contains(root) {
        return dependency(.presents, seen.place, "\(seen.place) \(verb) “\(subject)” of this root.", seen.seenAt)
      }
      guard roots.isEmpty else { return nil }
      let sentence = "\(seen.place) \(verb) “\(subject)”, which leads to no root that is known."
      return dependency(.unseen, seen.place, sentence, seen.seenAt)
    }
    switch seen.content {
    case .served(let subject, let roots): return about(subject, roots, "serves")
    case .deployed(let subject, let roots): return about(subject, roots, "holds")
    case .missing:
      guard !isSeenOnTheWire else { return nil }
      return dependency(.unseen, seen.place, "There is no file \(seen.place).", seen.seenAt)
    case .unseen(let reason): return dependency(.unseen, seen.place, reason, seen.seenAt)
    }
  }

  private var isSeenOnTheWire: Bool {
    sightings.contains { if case .served = $0.content { true } else { false } }
  }

  private func dependency(_ kind: Dependency.Kind, _ place: String, _ sentence: String, _ at: Date) -> Dependency {
    Dependency(
      component: component, name: name, kind: isSetAside ? .setAside : kind, place: place, sentence: sentence,
      seenAt: at)
  }
}
