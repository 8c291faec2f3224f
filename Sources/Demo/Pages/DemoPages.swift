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
      strip: { DemoModels.strip(fleet.members) }, join: { live.join($0, mayArm: $1.may(.operator)) })
  }

  @Sendable private func addRoutes(_ router: inout ConsoleRouter) {
    router.on(.get, "/demo", for: .viewer) { _, _, visit in try page(visit) }
    router.on(.get, "/demo/second-root", for: .administrator(to: "download a root with its key")) { _, _, _ in
      let bytes = try Data(contentsOf: URL(fileURLWithPath: second.path))
      return Response(
        status: 200,
        headers: [
          ("Content-Type", "application/x-pkcs12"),
          ("Content-Disposition", "attachment; filename=\"\(second.fileName)\""),
        ], body: .bytes(Array(bytes)))
    }
    router.on(.get, "/demo/events", for: .viewer) { _, _, visit in
      let stream = EventStream()
      try await visit.services.register(stream, of: visit)
      live.join(stream, mayArm: visit.may(.operator))
      return .events(stream)
    }
    router.on(.post, "/demo/faults", for: .operator(to: "let something fail")) { request, _, visit in
      try await arm(request, visit)
    }
  }

  private func page(_ visit: Visit) throws -> Response {
    let members = fleet.members
    var model: PageModel = [
      "header": Part.header(
        "Demo", lead: "A small real system: six processes that call each other by mutual TLS ten times a second."),
      "text":
        visit.may(.operator)
        ? "Choose where the next update shall fail. Each fault happens once, and is then used up: Retry succeeds."
        : "Operators can let the next update fail here.",
      "members": members.map {
        DemoModels.member($0, armed: faults.armed[$0.name] ?? [], mayArm: visit.may(.operator))
      },
    ]
    // The file holds a key, which only an administrator may have.
    if visit.may(.administrator) {
      model["secondRoot"] =
        [
          "name": second.name, "path": second.path, "password": second.password, "href": "/demo/second-root",
        ] as PageModel
    }
    return try visit.page("demo/show", model)
  }

  private func arm(_ request: Request, _ visit: Visit) async throws -> Response {
    guard let name = request.form["component"], let fault = request.form["fault"].flatMap(Fault.init(rawValue:)),
      fleet.members.contains(where: { $0.name == name })
    else { throw PageError(400, "The form names no component of the sample system, or no fault. Open the page again.") }
    let isArmed = request.form["armed"] == "1"
    try await visit.audit(.demoFault, on: name, ["fault": fault.rawValue, "armed": isArmed ? "yes" : "no"])
    if isArmed { faults.arm(fault, at: name) } else { faults.cancel(fault, at: name) }
    return visit.redirect(to: "/demo")
  }
}
