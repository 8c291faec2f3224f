import Rotation

/// What is changed of components, as the audit log keeps it: the lines of their YAML that were not there before, and those
/// that are not there any more.
enum ComponentChange {
  /// The whole of one.
  static func details(of component: Component) -> [String: String] { ["component": text(lines(component))] }

  /// What changes when one becomes another.
  static func details(from former: Component, to component: Component) -> [String: String] {
    let (old, new) = (lines(former), lines(component))
    return ["from": text(old.filter { !new.contains($0) }), "to": text(new.filter { !old.contains($0) })]
  }

  /// What a list adds and changes, by the names of the components.
  static func details(from former: [Component], to components: [Component]) -> [String: String] {
    let known = Dictionary(former.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var details: [String: String] = [:]
    let added = components.filter { known[$0.name] == nil }
    if !added.isEmpty { details["added"] = added.map(\.name).joined(separator: ", ") }
    let changed = components.compactMap { component -> String? in
      guard let old = known[component.name], lines(old) != lines(component) else { return nil }
      let change = self.details(from: old, to: component)
      return "\(component.name) (\(change["from"] ?? "") → \(change["to"] ?? ""))"
    }
    if !changed.isEmpty { details["changed"] = changed.joined(separator: ", ") }
    return details
  }

  /// Every value of a component as it stands in its YAML, with the path to it: `endpoints[1].port: 8443`. No two begin alike,
  /// so that of two components each line that differs says where.
  static func lines(_ component: Component) -> [String] { ComponentLines.of(ComponentWriter.text([component])) }

  private static func text(_ lines: [String]) -> String { lines.isEmpty ? "nothing" : lines.joined(separator: " | ") }
}
