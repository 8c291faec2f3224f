import Foundation
import GRDB
import Rotation

/// What applying a list of components did.
public struct AppliedComponents: Sendable, Hashable {
  /// The names of the components that were added.
  public var added: [String] = []
  /// The names of those that were changed.
  public var changed: [String] = []
  /// The names of those that were as given already.
  public var unchanged: [String] = []
  /// What was there of the components of the list, before.
  public var former: [Component] = []
}

extension Store {
  /// All components, by stage and name.
  public func components() async throws -> [Component] {
    try await read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM components").map(Self.component)
        .sorted { ($0.stage, $0.name) < ($1.stage, $1.name) }
    }
  }

  /// The names of all components.
  public func componentNames() async throws -> [Component.ID: String] {
    try await read { database in
      let rows = try Row.fetchAll(database, sql: "SELECT id, name FROM components")
      return Dictionary(rows.map { (Component.ID(rawValue: $0["id"]), $0["name"]) }) { first, _ in first }
    }
  }

  /// One component.
  public func component(_ id: Component.ID) async throws -> Component {
    try await read { try Self.component(id, $0) }
  }

  /// Adds a component; its number is given by the store.
  ///
  /// - Throws: `NAME_TAKEN`, or `UPDATE_RUNS` while an update is under way.
  public func addComponent(_ component: Component) async throws -> Component {
    try await changingComponents { database in
      try Self.checkNoUpdate(database)
      return try Self.insert(component, database)
    }
  }

  /// Replaces a component, found by its number. Where it gets another name, those that connect to it follow.
  ///
  /// - Parameter expected: what must be there still; nil replaces whatever is.
  /// - Throws: `CHANGED_MEANWHILE`.
  public func replaceComponent(_ component: Component, expecting expected: Component? = nil) async throws {
    try await changingComponents { database in
      try Self.checkNoUpdate(database)
      try Self.check(component.id, isStill: expected, database)
      let former = try Self.component(component.id, database).name
      try Self.replace(component, database)
      if former != component.name { try Self.renamePeer(former, to: component.name, database) }
    }
  }

  private static func check(_ id: Component.ID, isStill expected: Component?, _ database: GRDB.Database) throws {
    guard let expected, try component(id, database) != expected else { return }
    throw StoreError.changedMeanwhile
  }

  /// Removes a component, also from among those that others connect to. Its files are not touched.
  ///
  /// - Parameter expected: what must be there still; nil removes whatever is.
  /// - Throws: `CHANGED_MEANWHILE`.
  public func removeComponent(_ id: Component.ID, expecting expected: Component? = nil) async throws {
    try await changingComponents { database in
      try Self.checkNoUpdate(database)
      try Self.check(id, isStill: expected, database)
      try Self.renamePeer(try Self.component(id, database).name, to: nil, database)
      try database.execute(sql: "DELETE FROM components WHERE id = ?", arguments: [id.rawValue])
      guard database.changesCount == 1 else { throw StoreError.notFound("component") }
      try database.execute(sql: "DELETE FROM sightings WHERE component = ?", arguments: [id.rawValue])
      try database.execute(sql: "DELETE FROM watched WHERE component = ?", arguments: [id.rawValue])
      try database.execute(
        sql: """
          DELETE FROM set_members WHERE component = ?
          AND number IN (SELECT number FROM certificate_sets WHERE is_current = 1)
          """, arguments: [id.rawValue])
    }
  }

  /// Adds or changes components by their names, in one transaction. Those that are not in the list stay.
  public func applyComponents(_ components: [Component]) async throws -> AppliedComponents {
    try await changingComponents { database in
      var applied = AppliedComponents()
      for component in components {
        let row = try Row.fetchOne(
          database, sql: "SELECT * FROM components WHERE name = ?", arguments: [component.name])
        if let found = try row.map(Self.component) {
          applied.former.append(found)
          var wanted = component
          wanted.id = found.id
          if wanted == found {
            applied.unchanged.append(component.name)
            continue
          }
          try Self.replace(wanted, database)
          applied.changed.append(component.name)
        } else {
          _ = try Self.insert(component, database)
          applied.added.append(component.name)
        }
      }
      if !applied.added.isEmpty || !applied.changed.isEmpty { try Self.checkNoUpdate(database) }
      let (added, changed) = (applied.added, applied.changed)
      self.amendAct { act in
        if !added.isEmpty { act.add("added", added.joined(separator: ", ")) }
        if !changed.isEmpty { act.add("changed", changed.joined(separator: ", ")) }
      }
      return applied
    }
  }

  /// A transaction that changes components: agreements to plans that do not fit them any more are void with it.
  private func changingComponents<Result: Sendable>(
    _ body: @escaping @Sendable (GRDB.Database) throws -> Result
  ) async throws -> Result {
    let now = clock()
    return try await write { database in
      let result = try body(database)
      try Self.voidOutdatedStarts(now, database)
      return result
    }
  }

  // MARK: What was seen on the wire

  /// Remembers what the endpoints of a component served when they were last looked at.
  public func recordSightings(_ id: Component.ID, _ seen: [ServedCertificate]) async throws {
    // Most components of a large system have no endpoint, and nothing is to be flushed for them.
    guard !seen.isEmpty else { return }
    try await writeAside { database in
      try Self.insertSightings(id, seen, database)
      try Self.noteRight(id, database)
    }
  }

  static func insertSightings(
    _ id: Component.ID, _ seen: [ServedCertificate], _ database: GRDB.Database
  ) throws {
    for served in seen {
      try database.execute(
        often: "INSERT OR REPLACE INTO sightings (component, endpoint, body) VALUES (?, ?, ?)",
        arguments: [id.rawValue, served.endpoint, try JSON.text(served)])
    }
  }

  /// What every endpoint served when it was last looked at, by component.
  public func sightings() async throws -> [Component.ID: [ServedCertificate]] {
    try await read { database in
      var found: [Component.ID: [ServedCertificate]] = [:]
      for row in try Row.fetchAll(database, sql: "SELECT * FROM sightings ORDER BY component, endpoint") {
        found[Component.ID(rawValue: row["component"]), default: []].append(try JSON.value(row["body"]))
      }
      return found
    }
  }

  // MARK: Rows

  private static func component(_ id: Component.ID, _ database: GRDB.Database) throws -> Component {
    guard let row = try Row.fetchOne(database, sql: "SELECT * FROM components WHERE id = ?", arguments: [id.rawValue])
    else { throw StoreError.notFound("component") }
    return try component(row)
  }

  /// Changes a name among the peers of every component; nil takes it out.
  private static func renamePeer(_ name: String, to other: String?, _ database: GRDB.Database) throws {
    for row in try Row.fetchAll(database, sql: "SELECT * FROM components") {
      var component = try component(row)
      guard component.peers?.contains(name) == true else { continue }
      component.peers = component.peers?.compactMap { $0 == name ? other : $0 }
      try replace(component, database)
    }
  }

  static func component(_ row: Row) throws -> Component {
    var component = try JSON.value(Component.self, row["body"])
    component.id = Component.ID(rawValue: row["id"])
    return component
  }

  private static func insert(_ component: Component, _ database: GRDB.Database) throws -> Component {
    try checkName(component.name, ofAnotherThan: nil, database)
    try database.execute(
      sql: "INSERT INTO components (name, body) VALUES (?, ?)", arguments: [component.name, try JSON.text(component)])
    var added = component
    added.id = Component.ID(rawValue: database.lastInsertedRowID)
    return added
  }

  private static func replace(_ component: Component, _ database: GRDB.Database) throws {
    try checkName(component.name, ofAnotherThan: component.id, database)
    try database.execute(
      sql: "UPDATE components SET name = ?, body = ? WHERE id = ?",
      arguments: [component.name, try JSON.text(component), component.id.rawValue])
    guard database.changesCount == 1 else { throw StoreError.notFound("component") }
    // What was seen at an address that it has no more says nothing of it any more.
    let known = Set(component.endpoints.map(\.address))
    let seen = try String.fetchAll(
      database, sql: "SELECT endpoint FROM sightings WHERE component = ?", arguments: [component.id.rawValue])
    for endpoint in seen where !known.contains(endpoint) {
      try database.execute(
        sql: "DELETE FROM sightings WHERE component = ? AND endpoint = ?",
        arguments: [component.id.rawValue, endpoint])
    }
    try forgetFindings(of: component, database)
  }

  private static func checkName(
    _ name: String, ofAnotherThan id: Component.ID?, _ database: GRDB.Database
  ) throws {
    let holder = try Int64.fetchOne(database, sql: "SELECT id FROM components WHERE name = ?", arguments: [name])
    guard let holder, holder != id?.rawValue else { return }
    throw StoreError(
      code: "NAME_TAKEN", sentence: "There is a component named “\(name)” already. Choose another name.")
  }

  /// Throws unless the components are exactly those that a plan was made for.
  static func checkSameComponents(as plan: Plan, _ database: GRDB.Database) throws {
    let now = try Row.fetchAll(database, sql: "SELECT * FROM components").map(component)
    guard Set(now) == Set(plan.components.map(\.component)) else {
      throw StoreError(
        code: "COMPONENTS_CHANGED",
        sentence: "The list of components has changed since the plan was made. Make a new plan.")
    }
  }

  /// - Parameter what: what can be done once the update that is under way has ended.
  static func checkNoUpdate(_ database: GRDB.Database, before what: String = "components can be changed") throws {
    guard let id = try Int64.fetchOne(database, sql: "SELECT id FROM updates WHERE outcome IS NULL") else { return }
    throw StoreError(
      code: "UPDATE_RUNS",
      sentence: "Update \(id) is under way; \(what) once it has ended.")
  }
}
