import Foundation
import GRDB
import Rotation

/// What the page of an update shows of its plan. A plan of thousands of components takes seconds to be read; this is kept
/// beside it.
public struct PlanSummary: Sendable, Hashable, Codable {
  /// The root that signs, or that stays in force when another one is retired.
  public let root: PlannedRoot
  /// The root that a retirement takes out of the trust bundles; nil for every other update.
  public let retires: RetiredRoot?
  /// What happens to the rest when an action fails.
  public let policy: FailurePolicy
  /// What is to be thought of before a component is updated, where something was written down.
  public let maintenance: [Component.ID: String]
  /// Since when every certificate that Abort would put back is valid; nil where there is none, or it is not known.
  private let previousNotBefore: Date?
  /// Until when; nil where there is none.
  private let previousNotAfter: Date?
  /// The components that keep their keys themselves, by their names.
  let keyKeepers: [Component.ID: String]

  /// Sums a plan up.
  init(_ plan: Plan) {
    (root, retires, policy) = (plan.root, plan.retires, plan.policy)
    var maintenance: [Component.ID: String] = [:]
    var keyKeepers: [Component.ID: String] = [:]
    var (notBefore, notAfter): (Date?, Date?)
    for index in plan.components.indices {
      let findings = plan.components[index].findings
      notBefore = [notBefore, findings.previousNotBefore].compactMap(\.self).max()
      notAfter = [notAfter, findings.previousNotAfter].compactMap(\.self).min()
      let id = plan.components[index].id
      maintenance[id] = plan.components[index].component.maintenance
      if plan.components[index].component.keepsKey { keyKeepers[id] = plan.components[index].component.name }
    }
    (self.maintenance, self.keyKeepers) = (maintenance, keyKeepers)
    (previousNotBefore, previousNotAfter) = (notBefore, notAfter)
  }

  /// Whether every certificate that Abort would put back is valid at a moment, as far as is known.
  public func isEveryPreviousValid(at moment: Date) -> Bool {
    previousNotBefore.map { $0 <= moment } ?? true && previousNotAfter.map { moment <= $0 } ?? true
  }
}

extension Store {
  /// What is kept in memory of a summary: a plan is never changed, but one that was thrown away may leave its number to
  /// another, a day younger.
  struct KnownSummary: Sendable {
    let madeAt: Int64
    let summary: PlanSummary
  }

  /// What the page of an update shows of its plan.
  public func planSummary(_ id: Plan.ID) async throws -> PlanSummary {
    try await read { try self.planSummary(id, $0) }
  }

  func planSummary(_ id: Plan.ID, _ database: GRDB.Database) throws -> PlanSummary {
    guard
      let madeAt = try Int64.fetchOne(
        database, often: "SELECT made_at FROM plans WHERE id = ?", arguments: [id.rawValue])
    else { throw StoreError.noPlan }
    if let known = summaries.withLock({ $0[id] }), known.madeAt == madeAt { return known.summary }
    // Plans of older versions have none beside them.
    let text = try String.fetchOne(database, sql: "SELECT summary FROM plans WHERE id = ?", arguments: [id.rawValue])
    let summary: PlanSummary = try text.map { try JSON.value($0) } ?? PlanSummary(plan(id, database))
    remember(KnownSummary(madeAt: madeAt, summary: summary), of: id)
    return summary
  }

  func remember(_ known: KnownSummary, of id: Plan.ID) {
    summaries.withLock { summaries in
      summaries[id] = known
      while summaries.count > Self.knownSummaries, let oldest = summaries.keys.filter({ $0 != id }).min() {
        summaries[oldest] = nil
      }
    }
  }

  /// Few are asked for again and again.
  private static let knownSummaries = 4
}
