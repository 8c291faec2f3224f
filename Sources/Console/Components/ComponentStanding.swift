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
  let now: Date

  /// Of all components, in their order.
  static func all(_ store: Store, now: Date) async throws -> [ComponentStanding] {
    let set = try await store.currentSet()
    let sightings = try await store.sightings()
    let roots = Dictionary(try await store.roots().map { ($0.id, $0.name) }) { first, _ in first }
    return try await store.components().map { component in
      let member = set?.members[component.id]
      return ComponentStanding(
        component: component, member: member, rootName: member.map { roots[$0.root] ?? "A root that was removed" },
        seen: sightings[component.id] ?? [], now: now)
    }
  }

  /// When its certificate ends: the one in force, or the one that was seen.
  var notAfter: Date? { member?.notAfter ?? seen.map(\.notAfter).min() }

  /// When an endpoint was last seen.
  var seenAt: Date? { seen.map(\.seenAt).max() }

  /// That the end is near or past; nil when it is far away.
  var ending: String? { notAfter.flatMap { CertificateText.ending($0, now) } }

  /// In words, colour and shape.
  var status: PageModel {
    if let notAfter, notAfter < now { return Part.status("error", "Expired") }
    guard let member else {
      return seen.isEmpty
        ? Part.status("wait", "Not managed yet", title: "No update has given it a certificate.")
        : Part.status("wait", "Not managed yet", title: "It serves a certificate that is not from Reroot.")
    }
    if seen.contains(where: { $0.fingerprint != member.fingerprint }) {
      return Part.status("error", "Serves another certificate")
    }
    if seen.isEmpty {
      return component.endpoints.isEmpty
        ? Part.status("ok", "Deployed", title: "It has no endpoint, so it cannot be seen on the wire.")
        : Part.status("wait", "Not seen yet")
    }
    return Part.status("ok", "In use", title: "It served exactly this certificate when it was last looked at.")
  }
}
