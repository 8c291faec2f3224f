import Delivery
import PKI
import Rotation
import Store

/// What is done to components, by whichever way it was asked for: a form, the API.
enum ComponentDesk {
  /// Adds a component.
  ///
  /// - Parameter found: what is known to be wrong with it already.
  /// - Throws: ``InputRefusal``, also for what does not fit together with the others.
  static func add(_ component: Component, found: [FieldProblem] = [], _ visit: Visit) async throws -> Component {
    try check(
      component, found + (try await places(component, visit)), others: try await visit.services.store.components())
    return try await visit.audit(
      .componentAdded, on: component.name, ComponentChange.details(of: component)
    ) { try await visit.services.store.addComponent(component) }
  }

  /// Puts a component in the place of the former one.
  ///
  /// - Parameter isStill: whether the former one must not have been changed since it was read.
  /// - Throws: ``InputRefusal``; `CHANGED_MEANWHILE`.
  static func replace(
    _ former: Component, with component: Component, found: [FieldProblem] = [], isStill: Bool = false, _ visit: Visit
  ) async throws {
    let store = visit.services.store
    try check(
      component, found + (try await places(component, visit)),
      others: try await store.components().filter { $0.id != former.id })
    try await visit.audit(
      .componentChanged, on: component.name, ComponentChange.details(from: former, to: component)
    ) { try await store.replaceComponent(component, expecting: isStill ? former : nil) }
  }

  /// Removes a component. Its files are not touched.
  ///
  /// - Parameter reason: why, checked already.
  static func remove(
    _ component: Component, reason: String, isStill: Bool = false, _ visit: Visit
  ) async throws {
    try await visit.audit(
      .componentRemoved, on: component.name, ComponentChange.details(of: component), reason: reason
    ) { try await visit.services.store.removeComponent(component.id, expecting: isStill ? component : nil) }
  }

  /// Adds and changes the components of a text, by their names.
  ///
  /// - Returns: what was done, and what it has changed of what was there at that moment.
  /// - Throws: ``YAMLRefusal``.
  static func apply(
    _ text: String, _ visit: Visit
  ) async throws -> (applied: AppliedComponents, difference: [ComponentDifference]) {
    let (existing, components) = try await read(text, visit)
    let applied = try await visit.audit(
      .componentsImported, on: Display.list(components.prefix(20).map(\.name)),
      ComponentChange.details(from: existing, to: components)
    ) { try await visit.services.store.applyComponents(components) }
    return (applied, ComponentDifference.all(from: applied.former, to: components))
  }

  /// What a text of components would change; nothing is changed.
  ///
  /// - Throws: ``YAMLRefusal``.
  static func difference(_ text: String, _ visit: Visit) async throws -> [ComponentDifference] {
    let (existing, components) = try await read(text, visit)
    return ComponentDifference.all(from: existing, to: components)
  }

  private static func read(
    _ text: String, _ visit: Visit
  ) async throws -> (existing: [Component], components: [Component]) {
    let store = visit.services.store
    let (existing, own) = (try await store.components(), Belongings(of: store))
    return (
      existing,
      try await visit.services.workThreads.run {
        try ComponentReader.components(in: text, existing: existing, own: own)
      }
    )
  }

  /// What of a component would replace Reroot's own files.
  private static func places(_ component: Component, _ visit: Visit) async throws -> [FieldProblem] {
    let own = Belongings(of: visit.services.store)
    return try await visit.services.workThreads.run { component.placeProblems(own) }
  }

  /// Throws what is wrong with a component by itself, and with the others.
  private static func check(_ component: Component, _ found: [FieldProblem], others: [Component]) throws {
    let all = others + [component]
    let clashes = (Component.problems(among: all) + Component.unknownPeers(among: all))
      .filter { $0.index == others.count }.map(\.problem)
    let problems = found + clashes
    guard problems.isEmpty else {
      throw InputRefusal(problems.map { InputProblem(field: $0.field, sentence: $0.sentence) })
    }
  }
}

extension InputRefusal {
  /// The same for the form of a component.
  var fieldProblems: [FieldProblem] { problems.map { FieldProblem(field: $0.field, sentence: $0.sentence) } }
}

/// What a list would change of one component.
public struct ComponentDifference: Sendable {
  /// What becomes of it.
  public enum Kind: String, Sendable, CaseIterable { case added, changed, unchanged }

  /// The component's name.
  public let name: String
  /// What becomes of it.
  public let kind: Kind
  /// The values that would go, each with the path to it in its YAML: `endpoints[1].port: 22`.
  public let removed: [String]
  /// Those that would come.
  public let added: [String]

  /// Of every component of a list, in the order of the list. Those that are not in it stay as they are.
  static func all(from existing: [Component], to components: [Component]) -> [ComponentDifference] {
    let known = Dictionary(existing.map { ($0.name, $0) }) { first, _ in first }
    return components.map { component in
      let new = ComponentChange.lines(component)
      guard let former = known[component.name] else {
        return ComponentDifference(name: component.name, kind: .added, removed: [], added: new)
      }
      let old = ComponentChange.lines(former)
      return ComponentDifference(
        name: component.name, kind: old == new ? .unchanged : .changed, removed: old.filter { !new.contains($0) },
        added: new.filter { !old.contains($0) })
    }
  }
}
