import HTTP
import Rotation
import Store

extension ConsoleRouter {
  /// The way of a root out of the trust bundles: what depends on it, looking again, the plan.
  mutating func addRetirementRoutes() {
    on(.get, "/retiring/:fingerprint", for: .viewer) { _, path, visit in
      let root = try await RetirementRoutes.root(path, visit)
      let services = visit.services
      return try RetirementPages.dependents(
        root, try await services.dependencies.report(on: root.key),
        updateRuns: try await services.store.unfinishedUpdate(), visit)
    }
    on(.post, "/retiring/:fingerprint/looks", for: .operator(to: "look again")) { _, path, visit in
      let root = try await RetirementRoutes.root(path, visit)
      try await visit.services.dependencies.lookAgain(at: root.key)
      return visit.redirect(to: RetirementPages.path(root.key))
    }
    on(.post, "/retiring/:fingerprint/plans", for: .operator(to: "plan a retirement")) { _, path, visit in
      let plan = try await RetirementRoutes.plan(path["fingerprint"], visit)
      return visit.redirect(to: "/plans/\(plan)")
    }
  }
}

enum RetirementRoutes {
  /// The root of a path's fingerprint; 404 unless it is retiring.
  static func root(_ path: PathParameters, _ visit: Visit) async throws -> RetiringRoot {
    try await root(path["fingerprint"], visit)
  }

  /// Plans the retirement of the root of a fingerprint; 404 unless it is retiring.
  static func plan(_ fingerprint: String?, _ visit: Visit) async throws -> Plan.ID {
    let root = try await root(fingerprint, visit)
    return try await visit.audit(
      .planMade, on: "retirement of “\(root.name)”", ["fingerprint": root.key.fingerprint]
    ) { try await visit.services.updates.plan(retiring: root.key) }
  }

  private static func root(_ fingerprint: String?, _ visit: Visit) async throws -> RetiringRoot {
    guard let fingerprint,
      let root = try await visit.services.store.retiringRoots().first(where: { $0.key.fingerprint == fingerprint })
    else {
      throw PageError(
        404, "This root is not retiring: it is in force, or not in use, or has left the trust bundles already.",
        back: (label: "Certificate Management", href: "/roots"))
    }
    return root
  }
}
