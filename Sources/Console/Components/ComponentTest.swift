import Delivery
import Foundation
import HTTP
import Rotation
import Store

/// Test connection: one look at every endpoint and at the files. Nothing is changed on the target.
enum ComponentTest {
  static func ask(_ component: Component, _ visit: Visit) throws -> Response {
    try visit.page(
      "confirm",
      [
        "header": Part.header("Test the connection to “\(component.name)”", breadcrumbs: ComponentPages.crumbs),
        "text": [
          "Reroot reads the files, looks whether their folders can be written, and connects to each endpoint. Nothing is "
            + "changed."
        ],
        "form": [
          "path": "/components/\(component.id)/test",
          "buttons": Part.buttons("Test connection", cancel: "/components/\(component.id)"),
        ] as PageModel,
      ])
  }

  /// What was seen.
  struct Look: Sendable {
    let seen: [(Endpoint, Result<ServedCertificate, DeliveryFailure>)]
    let findings: Findings
  }

  /// Looks at a component. What its endpoints serve is remembered.
  static func look(_ component: Component, _ visit: Visit) async throws -> Look {
    let services = visit.services
    try await visit.audit(.connectionTested, on: component.name)
    let now = services.clock()
    let roots = try await services.store.roots().map(\.certificate)
    let delivery = services.delivery(component)
    async let looks = delivery.look()
    async let inspection = delivery.inspect(knownRoots: roots, now: now)
    let look = Look(seen: await looks, findings: await inspection.findings)
    await services.targets.closeIdle()
    try await services.store.recordSightings(component.id, look.seen.compactMap { try? $0.1.get() })
    return look
  }

  static func run(_ component: Component, _ visit: Visit) async throws -> Response {
    let look = try await look(component, visit)
    return try page(component, look.seen, look.findings, visit)
  }

  private static func page(
    _ component: Component, _ seen: [(Endpoint, Result<ServedCertificate, DeliveryFailure>)], _ findings: Findings,
    _ visit: Visit
  ) throws -> Response {
    var model: PageModel = [
      "header": Part.header(
        "Connection to “\(component.name)”", breadcrumbs: ComponentPages.crumbs,
        more: [(label: "Back to the component", href: "/components/\(component.id)")])
    ]
    model["banner"] =
      findings.problems.isEmpty
      ? Part.banner("ok", "Nothing stands in the way of an update of this component")
      : Part.banner(
        "warn", Display.count(findings.problems.count, "problem was", "problems were") + " found",
        items: findings.problems.map { ["text": "\($0.sentence) \($0.advice)"] })
    if seen.isEmpty {
      model["text"] = "The component has no endpoint, so it cannot be seen on the wire."
    } else {
      model["endpoints"] = Part.table(
        "Endpoints", columns: ["Endpoint", "State", "Subject", "Issuer", "Valid until", "Fingerprint"],
        rows: seen.map { (cells: cells($0.0, $0.1), menu: nil) })
    }
    if !findings.files.isEmpty {
      model["files"] = Part.table(
        "Files", columns: ["File", "What", "State"], rows: findings.files.map { (cells: cells($0), menu: nil) })
    }
    return try visit.page("components/test", model)
  }

  private static func cells(_ endpoint: Endpoint, _ result: Result<ServedCertificate, DeliveryFailure>) -> [PageModel] {
    let name = Part.cell(endpoint.address, isHeading: true)
    switch result {
    case .success(let seen):
      return [
        name, Part.cell(status: Part.status("ok", "Answers")), Part.cell(code: seen.subject),
        Part.cell(code: seen.issuer), Part.cell(Display.moment(seen.notAfter)),
        Part.cell(code: String(seen.fingerprint.prefix(16)) + "…"),
      ]
    case .failure(let failure):
      let sentence = "\(failure.failure.sentence) \(failure.failure.advice)"
      return [
        name, Part.cell(status: Part.status("error", "No answer"), note: sentence), Part.cell("–"), Part.cell("–"),
        Part.cell("–"), Part.cell("–"),
      ]
    }
  }

  private static func cells(_ file: FoundFile) -> [PageModel] {
    let state =
      file.state.map { "\(Display.count($0.size, "byte")), owner \($0.owner), group \($0.group), mode \($0.mode)" }
      ?? "Not there yet"
    return [Part.cell(file.path, isHeading: true), Part.cell(ComponentPages.role(file.role)), Part.cell(state)]
  }
}
