import Foundation
import GRDB
import PKI
import Rotation

/// A file as it was found when a plan was made, kept so that it can be put back byte for byte.
public struct KeptFile: Sendable {
  /// Where it was, what it held, its owner and mode; without a state there was no such file.
  public let file: FoundFile
  /// Its content; nil when there was no such file.
  public let content: SecretBytes?

  /// Describes a kept file.
  public init(file: FoundFile, content: SecretBytes?) {
    self.file = file
    self.content = content
  }
}

extension Store {
  /// For how long a plan that is not started is kept, in seconds.
  public static let planLifetime: TimeInterval = 24 * 3600

  /// Keeps a plan with the files that were found, sealed. Plans of yesterday that were never started go.
  public func savePlan(_ plan: Plan, files: [Component.ID: [KeptFile]]) async throws -> Plan.ID {
    let oldest = plan.madeAt.addingTimeInterval(-Self.planLifetime)
    let (packed, summary) = (try Self.packed(plan), PlanSummary(plan))
    let summaryText = try JSON.text(summary)
    let id = try await write { database in
      try database.execute(
        sql: "DELETE FROM plans WHERE made_at < ? AND id NOT IN (SELECT plan FROM updates)",
        arguments: [oldest.milliseconds])
      try database.execute(
        sql: "INSERT INTO plans (body, made_at, summary, packed) VALUES ('{}', ?, ?, ?)",
        arguments: [plan.madeAt.milliseconds, summaryText, packed])
      let id = database.lastInsertedRowID
      self.amendAct { $0.add("plan", "\(id)") }
      for (component, kept) in files.sorted(by: { $0.key < $1.key }) {
        for file in kept { try self.keep(file, of: component, plan: id, database) }
      }
      return Plan.ID(rawValue: id)
    }
    // It is read soon, and to take it apart again takes long.
    remember(KnownPlan(madeAt: plan.madeAt.milliseconds, plan: plan), id)
    remember(KnownSummary(madeAt: plan.madeAt.milliseconds, summary: summary), of: id)
    return id
  }

  private func keep(_ kept: KeptFile, of component: Component.ID, plan: Int64, _ database: GRDB.Database) throws {
    try database.execute(
      sql: "INSERT INTO kept_files (plan, component, file) VALUES (?, ?, ?)",
      arguments: [plan, component.rawValue, try JSON.text(kept.file)])
    guard let content = kept.content else { return }
    try seals.put(content, into: "kept_files", "sealed_content", row: database.lastInsertedRowID, database)
  }

  /// The text of a plan, compressed, made component by component: the encoder makes a tree of all that it is given, which for
  /// thousands of components takes hundreds of megabytes.
  static func packed(_ plan: Plan) throws -> Data {
    var rest = plan
    rest.components = []
    let around = try JSON.text(rest)
    let packer = try TextPacker()
    // It is the first: the names are in order, and in a value each quotation mark has a backslash before it.
    if let place = around.range(of: #""components":[]"#) {
      try packer.add(#"\#(around[..<place.lowerBound])"components":["#)
      for index in plan.components.indices {
        try packer.add((index > 0 ? "," : "") + JSON.text(plan.components[index]))
      }
      try packer.add("]\(around[place.upperBound...])")
    } else {
      try packer.add(JSON.text(plan))
    }
    return try packer.packed()
  }

  /// The text of a plan as it was saved. Those of earlier versions are not compressed.
  static func text(of id: Plan.ID, _ database: GRDB.Database) throws -> String {
    let row = try Row.fetchOne(
      database, sql: "SELECT packed, CASE WHEN packed IS NULL THEN body END AS body FROM plans WHERE id = ?",
      arguments: [id.rawValue])
    guard let row else { throw StoreError.noPlan }
    let packed: Data? = row["packed"]
    return if let packed { try PackedText.text(in: packed) } else { row["body"] }
  }

  /// One plan.
  public func plan(_ id: Plan.ID) async throws -> Plan {
    try await read { try self.plan(id, $0) }
  }

  /// A plan, from memory when it was read before: one of thousands of components takes long to be taken apart, and is
  /// asked for each time that its update is drawn.
  func plan(_ id: Plan.ID, _ database: GRDB.Database) throws -> Plan {
    // A plan is never changed, but one that was thrown away may leave its number to another, a day younger.
    guard
      let madeAt = try Int64.fetchOne(
        database, often: "SELECT made_at FROM plans WHERE id = ?", arguments: [id.rawValue])
    else { throw StoreError.noPlan }
    if let known = plans.withLock({ $0[id] }), known.madeAt == madeAt { return known.plan }
    let known = KnownPlan(madeAt: madeAt, plan: try Self.readPlan(id, database))
    remember(known, id)
    return known.plan
  }

  private func remember(_ known: KnownPlan, _ id: Plan.ID) {
    plans.withLock { plans in
      plans[id] = known
      // Few are asked for again and again, and one of thousands of components takes tens of megabytes.
      func isTooMuch() -> Bool {
        plans.count > 4 || plans.values.reduce(0) { $0 + $1.plan.components.count } > Self.knownComponents
      }
      while isTooMuch(), let oldest = plans.keys.filter({ $0 != id }).min() { plans[oldest] = nil }
    }
    if known.plan.components.count > Self.largePlan { HeapMemory.giveBack() }
  }

  /// So many components the plans have together that are kept in memory, unless one alone has more.
  private static let knownComponents = 12_000
  /// What of a plan with more than so many components is free after it was read is worth to be given back.
  private static let largePlan = 500

  static func readPlan(_ id: Plan.ID, _ database: GRDB.Database) throws -> Plan {
    try JSON.value(text(of: id, database))
  }

  struct KnownPlan: Sendable {
    let madeAt: Int64
    let plan: Plan
  }

  /// The files of a component as they were when a plan was made.
  public func keptFiles(_ plan: Plan.ID, component: Component.ID) async throws -> [KeptFile] {
    try await read { try self.keptFiles(plan, component, $0) }
  }

  /// The files of a component as they were before an update.
  public func keptFiles(_ update: UpdateRecord.ID, component: Component.ID) async throws -> [KeptFile] {
    try await keptFiles(self.update(update).plan, component: component)
  }

  private func keptFiles(_ plan: Plan.ID, _ component: Component.ID, _ database: GRDB.Database) throws -> [KeptFile] {
    try Row.fetchAll(
      database, sql: "SELECT * FROM kept_files WHERE plan = ? AND component = ? ORDER BY id",
      arguments: [plan.rawValue, component.rawValue]
    ).map { row in
      let sealed: Data? = row["sealed_content"]
      return KeptFile(
        file: try JSON.value(row["file"]),
        content: sealed == nil ? nil : try seals.take("sealed_content", of: row, "kept_files"))
    }
  }
}
