import Delivery
import HTTP
import Rotation

/// The page of the kinds that components can have, where adding one begins.
enum KindPages {
  static let path = "/components/kinds"

  static func list(_ visit: Visit) throws -> Response {
    try visit.page(
      "components/kinds",
      [
        "header": Part.header(
          "Add a component", breadcrumbs: ComponentPages.crumbs,
          lead:
            "Choose what it is. Its form is filled with what is usual for it, as Debian 12 packages it; every value "
            + "can be changed. Anything else is described from nothing.",
          more: [(label: "Another kind of component", href: "/components/new")]),
        "kinds": Preset.all.map(model),
      ])
  }

  /// What stands over a form that was filled from a preset.
  static func banner(_ preset: Preset) -> PageModel {
    var banner = Part.banner(
      "note", "Filled with what is usual for \(preset.title)",
      text: preset.files.keyStore == nil
        ? "From Debian 12’s package. Its own configuration has to name these files, as in:"
        : "The folder is an example. Its own configuration has to name these files, as with Spring Boot in:",
      items: preset.configuration.map { ["text": $0] })
    banner["more"] = Part.link("All kinds, and what is usual for each", path)
    return banner
  }

  private static func model(_ preset: Preset) -> PageModel {
    let files = preset.files
    let owner = "Owner \(files.owner ?? "as found"), group \(files.group ?? "as found")"
    return [
      "title": preset.title,
      "add": Part.link("Add \(preset.title)", "/components/new?kind=\(preset.kind)"),
      "facts": Part.definitions([
        Part.row("Kind", code: preset.kind),
        Part.row(
          "Files",
          lines: files.paths.map { "\(ComponentPages.role($0.role)): \($0.path), mode \(files.mode(of: $0.role))" },
          note: owner),
        Part.row(
          "Trust bundle", "None, unless you give one",
          note: "Where it verifies its clients, usually \(preset.usualTrustBundle)"
        ),
        preset.activation.check.map { Part.row("Check", code: $0.joined(separator: " ")) }
          ?? Part.row("Check", "None: what it cannot use is refused by the activation itself"),
        Part.row("Activation", code: words(preset.activation.naming(preset.files))),
        Part.row(
          "Answers at", lines: preset.ports.map { "Port \($0.number), \(words($0.transport))" },
          note: "Verified for up to \(preset.verificationTimeLimit) seconds"),
        Part.row("In its configuration", codeLines: preset.configuration),
      ]),
    ]
  }

  private static func words(_ activation: Activation) -> String {
    guard case .command(let words) = activation.method else { return activation.sentence }
    return words.joined(separator: " ")
  }

  private static func words(_ transport: Endpoint.Transport) -> String {
    transport == .tls ? "TLS at once" : "STARTTLS of \(transport.label)"
  }
}
