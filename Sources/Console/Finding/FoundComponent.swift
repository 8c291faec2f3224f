import Delivery
import PKI
import Rotation

/// What a found server proposes for the form of a new component.
struct FoundComponent {
  let place: Place
  let found: PlaceSighting.Found

  /// The component that the form begins with, with the files and the activation of the preset where the kind is known.
  var component: Component {
    var component =
      found.kind.flatMap(Preset.named)?.component(name: name, names: names)
      ?? Component(id: Component.ID(rawValue: 0), name: name, names: names, files: FileLayout())
    component.endpoints = [endpoint]
    return component
  }

  /// The names that the certificate carries and that a component can have: what else stands in it, or is no name at all,
  /// is left out.
  var names: [SubjectName] {
    var names: [SubjectName] = []
    for text in found.leaf.subjectAlternativeNames.prefix(Component.Limits.names.upperBound) {
      guard let value = text.split(separator: ":", maxSplits: 1).last,
        text.hasPrefix("DNS:") || text.hasPrefix("IP:")
      else { continue }
      let name = SubjectName(text: String(value))
      let check = Component(id: Component.ID(rawValue: 0), name: "x", names: [name], files: FileLayout())
      if !check.problems().contains(where: { $0.field == "names" }), !names.contains(name) { names.append(name) }
    }
    if names.isEmpty { names = [SubjectName(text: place.host)] }
    return names
  }

  /// Where it was seen, asked for a name that its certificate carries.
  private var endpoint: Endpoint {
    let host = SubjectName(text: place.host)
    let other = names.first { !$0.text.hasPrefix("*") }
    let isNamed = names.contains { $0.covers(host.text) }
    return Endpoint(
      host: place.host, port: place.port, serverName: isNamed ? nil : other?.text, transport: found.transport)
  }

  /// A name that says what it is: the kind and the host, otherwise the first name.
  private var name: String {
    let host = names.first { !$0.text.hasPrefix("*") }?.text ?? place.host
    let name = [found.kind, host].compactMap { $0 }.joined(separator: " ")
    return String(name.prefix(Component.Limits.name.upperBound))
  }
}
