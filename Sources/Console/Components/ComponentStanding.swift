import Foundation
import Rotation
import Store

/// Where a component stands: what it should have, and what was last seen of it.
struct ComponentStanding {
  let component: Component
  /// Its certificate in the current set; nil when Reroot has given it none.
  let member: CertificateSet.Member?
  /// The name of the root of that certificate.
  let rootName: String?
  /// What its endpoints served when they were last looked at.
  let seen: [ServedCertificate]
  /// What watching knows of it; nil before it was looked at.
  var watched: WatchRecord?
  let notice: EndNotice

  /// Of all components, in their order.
  static func all(_ store: Store, now: Date) async throws -> [ComponentStanding] {
    let set = try await store.currentSet()
    let sightings = try await store.sightings()
    let watched = try await store.watchRecords()
    let roots = Dictionary(try await store.roots().map { ($0.id, $0.name) }) { first, _ in first }
    let notice = try await EndNotice.read(store, now: now)
    return try await store.components().map { component in
      let member = set?.members[component.id]
      return ComponentStanding(
        component: component, member: member, rootName: member.map { roots[$0.root] ?? "A root that was removed" },
        seen: sightings[component.id] ?? [], watched: watched[component.id], notice: notice)
    }
  }

  /// When its certificate ends: the one in force, or the one that was seen.
  var notAfter: Date? { member?.notAfter ?? seen.map(\.notAfter).min() }

  /// When an endpoint was last seen.
  var seenAt: Date? { seen.map(\.seenAt).max() }

  /// That the end is near or past; nil when it is far away.
  var ending: String? { notAfter.flatMap { CertificateText.ending($0, notice) } }

  /// What can be said of a component at a glance.
  enum State: String, CaseIterable {
    /// Its certificate has ended.
    case expired
    /// No update has given it a certificate.
    case unmanaged
    /// An endpoint served another certificate than the one in force.
    case servesAnother
    /// An endpoint showed no certificate when it was last looked at.
    case noAnswer
    /// An endpoint served a certificate that leads to a retired root.
    case retiredRoot
    /// It has its certificate, and nobody has looked at its endpoints since.
    case notSeen
    /// It has its certificate, and no endpoint to look at.
    case deployed
    /// It served exactly its certificate when it was last looked at.
    case inUse
  }

  /// How it stands.
  var state: State {
    if let notAfter, notAfter < notice.now { return .expired }
    guard let member else { return .unmanaged }
    if seen.contains(where: { $0.fingerprint != member.fingerprint }) { return .servesAnother }
    // What was seen since in another way, by an update or a test, is newer.
    if !hasAnsweredSince {
      if finds(.noAnswer) { return .noAnswer }
      if finds(.anotherCertificate) { return .servesAnother }
    }
    if finds(.retiredRoot) { return .retiredRoot }
    if seen.isEmpty { return component.endpoints.isEmpty ? .deployed : .notSeen }
    return .inUse
  }

  /// Whether watching found something of a kind.
  func finds(_ kind: WatchFinding.Kind) -> Bool { watched?.findings.contains { $0.kind == kind } == true }

  /// Whether every endpoint has been seen since watching looked.
  private var hasAnsweredSince: Bool {
    guard let lookedAt = watched?.lookedAt, let first = seen.map(\.seenAt).min() else { return false }
    return first > lookedAt
  }

  /// In words, colour and shape.
  var status: PageModel {
    switch state {
    case .expired: Part.status("error", "Expired")
    case .unmanaged where seen.isEmpty:
      Part.status("wait", "Not managed yet", title: "No update has given it a certificate.")
    case .unmanaged:
      Part.status("wait", "Not managed yet", title: "It serves a certificate that is not from Reroot.")
    case .servesAnother: Part.status("error", "Serves another certificate")
    case .noAnswer:
      Part.status("error", "No answer", title: "An endpoint showed no certificate when it was last looked at.")
    case .retiredRoot: Part.status("error", "Leads to a retired root")
    case .deployed: Part.status("ok", "Deployed", title: "It has no endpoint, so it cannot be seen on the wire.")
    case .notSeen: Part.status("wait", "Not seen yet")
    case .inUse:
      Part.status("ok", "In use", title: "It served exactly this certificate when it was last looked at.")
    }
  }
}

/// The words for how a component can stand, for whoever asks for those that do.
public enum ComponentStateWords {
  /// All of them.
  public static let all = ComponentStanding.State.allCases.map(\.rawValue)
}
