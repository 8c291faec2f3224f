import Delivery
import Foundation
import HTTP
import Rotation
import Store

/// The pages of the components.
enum ComponentPages {
  static let crumbs = [(label: "Components", href: "/components")]

  /// - Parameter watching: what watching says of all; nil where there is nothing to watch.
  static func list(
    _ standings: [ComponentStanding], watching: PageModel? = nil, _ visit: Visit
  ) throws -> Response {
    var model: PageModel = [
      "header": Part.header(
        "Components", lead: "The parts of the system whose certificates Reroot exchanges.",
        action: visit.only(.administrator, (label: "Add component", href: KindPages.path)),
        more: visit.only(
          .administrator,
          [(label: "Find", href: "/components/find"), (label: "Import", href: "/components/import")])
          + [(label: "Export as YAML", href: "/components/export")])
    ]
    if standings.isEmpty {
      model["empty"] = Part.empty(
        "No component yet",
        visit.may(.administrator)
          ? "Add the servers, brokers and databases that use certificates, find them on the network, or import a list of "
            + "them."
          : "An administrator has to add the servers, brokers and databases that use certificates.",
        action: visit.only(.administrator, (label: "Add component", href: KindPages.path)))
    } else {
      model["table"] = Part.table(
        "Components", columns: ["Name", "Stage", "Certificate", "Valid until", "Last seen", "State"],
        rows: standings.map { row($0, visit) })
    }
    if standings.contains(where: { !$0.component.endpoints.isEmpty }) { model["watching"] = watching }
    return try visit.page("components/list", model)
  }

  private static func row(_ standing: ComponentStanding, _ visit: Visit) -> (cells: [PageModel], menu: PageModel?) {
    let component = standing.component
    let home = "/components/\(component.id)"
    return (
      cells: [
        Part.cell(
          component.name, href: home, note: component.description.isEmpty ? nil : component.description, isHeading: true
        ),
        Part.cell(String(component.stage)),
        Part.cell(standing.rootName ?? "None by Reroot", note: standing.member.map { "Serial number \($0.serial)" }),
        Part.cell(standing.notAfter.map(Display.day) ?? "–", note: standing.ending, isWhole: true),
        seen(standing.seenAt), Part.cell(status: standing.status),
      ],
      menu: Part.menu(
        component.name,
        links: [("Details", home)] + visit.only(.administrator, [("Edit", "\(home)/edit")])
          + visit.only(.operator, [("Test connection", "\(home)/test")])
          + visit.only(.administrator, [("Remove", "\(home)/remove")]))
    )
  }

  /// The day, and the time below it.
  private static func seen(_ at: Date?) -> PageModel {
    guard let at else { return Part.cell("Never") }
    let day = Display.day(at)
    return Part.cell(day, note: String(Display.moment(at).dropFirst(day.count + 2)), isWhole: true)
  }

  static func details(
    _ standing: ComponentStanding, restored: RestorationLook? = nil, _ visit: Visit
  ) throws -> Response {
    let component = standing.component
    let home = "/components/\(component.id)"
    var model: PageModel = [
      "header": Part.header(
        component.name, breadcrumbs: crumbs, lead: component.description.isEmpty ? nil : component.description,
        action: visit.only(.administrator, (label: "Edit", href: "\(home)/edit")),
        more: visit.only(.operator, [(label: "Test connection", href: "\(home)/test")])
          + visit.only(.administrator, [(label: "Remove", href: "\(home)/remove")]),
        status: standing.status),
      "facts": Part.definitions(rows(component, standing)),
    ]
    model["banner"] = RestorationPages.banner(of: restored) ?? WatchPages.banner(of: standing)
    if !standing.seen.isEmpty {
      model["table"] = Part.table(
        "Last seen on the wire", columns: ["Endpoint", "Subject", "Issuer", "Valid until", "Seen"],
        rows: standing.seen.map { seen in
          (
            cells: [
              Part.cell(seen.endpoint, isHeading: true), Part.cell(code: seen.subject), Part.cell(code: seen.issuer),
              Part.cell(Display.day(seen.notAfter), isWhole: true), Part.cell(Display.moment(seen.seenAt)),
            ], menu: nil
          )
        })
    }
    return try visit.page("components/details", model)
  }

  private static func rows(_ component: Component, _ standing: ComponentStanding) -> [PageModel?] {
    let files = component.files
    let owner = [files.owner ?? "as found", files.group ?? "as found"].joined(separator: ", group ")
    return [
      standing.rootName.map { Part.row("Root certificate", $0) },
      standing.member.map { Part.row("Serial number", code: $0.serial) },
      standing.notAfter.map { Part.row("Valid until", Display.moment($0), note: standing.ending) },
      standing.watched?.rightAt.map { Part.row("Last seen with it", Display.moment($0)) },
      component.kind.map { Part.row("Kind", Preset.named($0)?.title ?? $0) },
      component.maintenance.map { Part.row("Maintenance note", $0) },
      Part.row(
        "Stage", String(component.stage),
        note: component.rollingGroup.map { "One at a time of the group “\($0)”" }),
      Part.row("Names", lines: component.names.map(\.text)), Part.row("Usage", usage(component.usage)),
      Part.row(
        "Key", component.key.rawValue, note: component.keepsKey ? "made on the target, which it never leaves" : nil),
      target(component.target),
      Part.row("Files", lines: files.paths.map { "\(role($0.role)): \($0.path), mode \(files.mode(of: $0.role))" }),
      files.storePasswordFile.map { Part.row("Password of the stores", "read from \($0)") },
      Part.row("Owner", owner), Part.row("Activation", component.activation.sentence + "."),
      component.endpoints.isEmpty
        ? Part.row("Endpoints", "None: it cannot be seen on the wire.")
        : Part.row("Endpoints", lines: component.endpoints.map(endpoint)),
      Part.row("Connects to", component.peers.map { $0.isEmpty ? "No other" : Display.list($0) } ?? "Any server"),
    ]
  }

  static func role(_ role: FileLayout.Role) -> String {
    switch role {
    case .certificateChain: "Certificate"
    case .key: "Key"
    case .combined: "Certificate and key"
    case .trustBundle: "Trust bundle"
    case .keyStore: "Key store"
    case .trustStore: "Trust store"
    }
  }

  private static func target(_ target: Target) -> PageModel {
    guard let ssh = target.ssh else { return Part.row("Target", "This machine") }
    let fingerprint = SSHFingerprint.text(of: ssh.hostKey) ?? "of a kind that is not known"
    return Part.row(
      "Target",
      lines: [
        "\(ssh.address), by SSH as \(ssh.user)\(ssh.sudo ? ", with the rights of root through sudo" : "")",
        "Signs in with \(ssh.identityFile)", "Host key \(fingerprint)",
      ])
  }

  private static func usage(_ usage: Component.Usage) -> String {
    switch usage {
    case .server: "Server"
    case .client: "Client"
    case .both: "Server and client"
    }
  }

  private static func endpoint(_ endpoint: Endpoint) -> String {
    let name = endpoint.serverName.map { ", as \($0)" } ?? ""
    let addresses = endpoint.host.isEmpty ? [] : endpoint.addresses ?? []
    let places = addresses.isEmpty ? "" : " at " + Display.list(addresses)
    return endpoint.address + places + name + (endpoint.transport == .tls ? "" : ", \(endpoint.transport.label)")
  }

  static func remove(
    _ standing: ComponentStanding, peersOf: [String], _ reason: ReasonField, _ visit: Visit
  ) throws -> Response {
    let component = standing.component
    var text = ["Its files stay as they are, and it goes on with the certificate that it has. Reroot forgets it."]
    if !peersOf.isEmpty {
      text.append("It is taken out of the connections of \(Display.list(peersOf)).")
    }
    var model: PageModel = [
      "header": Part.header("Remove “\(component.name)”?", breadcrumbs: crumbs), "text": text,
      "form": [
        "path": "/components/\(component.id)/remove", "reason": reason.field,
        "buttons": Part.buttons("Remove", isDanger: true, cancel: "/components"),
      ] as PageModel,
    ]
    model["banner"] = reason.banner
    return try visit.page("confirm", model, status: reason.status)
  }
}
