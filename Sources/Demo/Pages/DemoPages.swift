import Console
import Foundation
import HTTP
import Rotation

/// The demo's own page: the sample system, live, and the faults that can be put in the way of an update.
struct DemoPages: Sendable {
  let fleet: SampleFleet
  let faults: Faults
  let second: SecondRoot
  let live: DemoLive

  /// What the demo adds to the console.
  var `extension`: ConsoleExtension {
    ConsoleExtension(
      title: "Demo", path: "/demo", eventsPath: "/demo/events", addRoutes: addRoutes,
      strip: { DemoModels.strip(fleet.members) }, join: { live.join($0) })
  }

  @Sendable private func addRoutes(_ router: inout Router<Visit>) {
    router.on(.get, "/demo") { _, _, visit in try page(visit) }
    router.on(.get, "/demo/second-root") { _, _, _ in
      let bytes = try Data(contentsOf: URL(fileURLWithPath: second.path))
      return Response(
        status: 200,
        headers: [
          ("Content-Type", "application/x-pkcs12"),
          ("Content-Disposition", "attachment; filename=\"\(second.fileName)\""),
        ], body: .bytes(Array(bytes)))
    }
    router.on(.get, "/demo/events") { _, _, visit in
      let stream = EventStream()
      try await visit.services.register(stream, of: visit)
      live.join(stream)
      return .events(stream)
    }
    router.on(.post, "/demo/faults") { request, _, visit in try arm(request, visit) }
  }

  private func page(_ visit: Visit) throws -> Response {
    let members = fleet.members
    return try visit.page(
      "demo/show",
      [
        "header": Part.header(
          "Demo", lead: "A small real system: six processes that call each other by mutual TLS ten times a second."),
        "text":
          "Choose where the next update shall fail. Each fault happens once, and is then used up: Retry succeeds.",
        "secondRoot": [
          "name": second.name, "path": second.path, "password": second.password, "href": "/demo/second-root",
        ] as PageModel,
        "members": members.map { DemoModels.member($0, armed: faults.armed[$0.name] ?? []) },
      ])
  }

  private func arm(_ request: Request, _ visit: Visit) throws -> Response {
    guard let name = request.form["component"], let fault = request.form["fault"].flatMap(Fault.init(rawValue:)),
      fleet.members.contains(where: { $0.name == name })
    else { throw PageError(400, "The form names no component of the sample system, or no fault. Open the page again.") }
    let isArmed = request.form["armed"] == "1"
    if isArmed { faults.arm(fault, at: name) } else { faults.cancel(fault, at: name) }
    visit.log(isArmed ? "fault armed" : "fault cancelled", ["component": name, "fault": fault.rawValue])
    return visit.redirect(to: "/demo")
  }
}
