import Delivery
import Foundation
import PKI
import Rotation
import Store

/// The roots that every trust bundle must hold during an update: those that components present certificates of, and
/// the new one.
actor RootsInForce {
  private let planID: Plan.ID
  private let plan: Plan
  private let root: Certificate
  private let store: Store
  private let access: @Sendable (Component) -> TargetAccess
  private var known: [Certificate]?

  init(
    planID: Plan.ID, plan: Plan, root: Certificate, store: Store,
    access: @escaping @Sendable (Component) -> TargetAccess
  ) {
    self.planID = planID
    self.plan = plan
    self.root = root
    self.store = store
    self.access = access
  }

  /// A bundle that accepts whom it accepted, whoever is in force, and whoever comes: each root once.
  func bundle(adding found: [Certificate]) async throws -> [Certificate] {
    var seen: Set<Fingerprint> = []
    return (found + (try await presented()) + [root]).filter { seen.insert($0.fingerprint).inserted }
  }

  /// The roots that components presented certificates of when the update was planned.
  func presented() async throws -> [Certificate] {
    if let known { return known }
    let imported = try await store.roots().map(\.certificate)
    var roots: [Certificate] = []
    var missing: [RootKey: PlannedComponent] = [:]
    for planned in plan.components {
      guard let key = planned.findings.presents, missing[key] == nil, !roots.contains(where: { key.names($0) }) else {
        continue
      }
      if let root = imported.first(where: { key.names($0) }) { roots.append(root) } else { missing[key] = planned }
    }
    for (key, planned) in missing.sorted(by: { $0.value.id < $1.value.id }) {
      roots += try await keptBundle(of: planned).filter { key.names($0) }.prefix(1)
    }
    known = roots
    return roots
  }

  /// A root that was never imported is known from the bundle of a component that presents a certificate of it.
  private func keptBundle(of planned: PlannedComponent) async throws -> [Certificate] {
    let kept = try await store.keptFiles(planID, component: planned.id).first { $0.file.role.isTrust }
    guard let kept else { return [] }
    let delivery = ComponentDelivery(component: planned.component, access: access(planned.component))
    return (try? await delivery.bundle(in: SnapshotFile(file: kept.file, content: kept.content))) ?? []
  }
}

extension RootKey {
  fileprivate func names(_ certificate: Certificate) -> Bool { certificate.fingerprint.hex == fingerprint }
}
