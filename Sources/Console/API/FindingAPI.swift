import Delivery
import HTTP
import PKI
import Rotation
import Store

extension APITable {
  /// Finding components: a search, what it has found, and its end. What is found is proposed; adding is the components'.
  mutating func addFinding() {
    let tag = "Finding components"
    let access = RouteAccess.administrator(to: "look for components")
    on(
      .post, "/component-searches", tag,
      .init(
        id: "findComponents", summary: "Look for components",
        text:
          "Reroot connects to what is named here, and to nothing else. Searches are kept in memory, and only the latest.",
        access: access,
        body: .json(
          .object(
            .must("where", .oneOf(["hosts", "machine"]), "At these places, or where programs of this machine listen."),
            .may(
              "places", .array(.string(1...1024), 0...1024),
              "Such as `web.example.net`, `192.0.2.7:8443-8450` or `192.0.2.0/28:443`."))),
        result: .json(FindingAPI.search, "The search, which goes on by itself.", status: 201).located,
        problems: [409], isRepeatable: true
      ) { call in
        let places = call.body["places"]?.elements?.compactMap(\.text) ?? []
        do {
          let what = call.body["where"]?.text ?? ""
          let token = try await FindRoutes.begin(places.joined(separator: "\n"), what, call.visit)
          return .json(try await FindingAPI.json(token, call), location: "\(APIPath.root)/component-searches/\(token)")
        } catch let problem as PlaceProblem {
          throw InputRefusal("/places", problem.sentence)
        }
      })
    on(
      .get, "/component-searches/:token", tag,
      .init(
        id: "readSearch", summary: "Read what a search has found", access: access,
        result: .json(FindingAPI.search, "How far it has come, and what was found.")
      ) { call in
        .json(try await FindingAPI.json(try await FindRoutes.search(call.path, call.visit).token, call))
      })
    on(
      .delete, "/component-searches/:token", tag,
      .init(id: "cancelSearch", summary: "End a search early", access: access, result: .done) { call in
        await call.services.searches.cancel(try await FindRoutes.search(call.path, call.visit).token)
        return .nothing
      })
  }
}

enum FindingAPI {
  static let search = Schema.object(
    .must("token", .string, "What names it in paths."),
    .must("standing", .oneOf(["running", "ended", "cancelled"]), "How it stands."),
    .must("done", .number, "At how many places it has looked."), .must("total", .number, "At how many it looks."),
    .must("places", .array(place), "The places that it has looked at, in their order."))

  private static let place = Schema.object(
    .must("place", .string, "`host:port`."),
    .must("program", Schema.string.orNull, "The program that listens there, where it is known."),
    .must(
      "result", .oneOf(["serves", "noTLS", "silent", "notLooked"]),
      "`serves`: a certificate. `noTLS`: an answer without one. `silent`: no answer."),
    .must("reason", Schema.string.orNull, "Why no certificate was seen."),
    .must("certificate", Shape<Certificate>.certificate.schema.orNull, "The certificate that it serves."),
    .must("component", Schema.string.orNull, "The component that is there already, by its name."),
    .must("isConsole", .boolean, "Whether it is this console."),
    .must("proposal", ComponentJSON.schema.orNull, "What could be added, once its files are named where they are not."))

  static func json(_ token: String, _ call: APICall) async throws -> JSONValue {
    guard let search = await call.services.searches.search(token) else { throw PageError.notFound("search") }
    let known = try await KnownPlaces(call.services)
    return [
      "token": .string(token), "standing": .string("\(search.standing)"), "done": .integer(Int64(search.done)),
      "total": .integer(Int64(search.places.count)),
      "places": .array(try search.results.compactMap(\.self).map { try json($0, known) }),
    ]
  }

  private static func json(_ sighting: PlaceSighting, _ known: KnownPlaces) throws -> JSONValue {
    let (place, found) = (sighting.place, sighting.found)
    let component = known.component(at: place)
    let isConsole = found.map { known.isConsole(at: place, serving: $0.leaf.fingerprint.hex) } ?? false
    var members: [String: JSONValue] = [
      "place": .string(place.address), "program": .text(place.process), "reason": .null, "certificate": .null,
      "component": .text(component), "isConsole": .bool(isConsole), "proposal": .null,
    ]
    switch sighting.result {
    case .serves(let found):
      members["result"] = "serves"
      members["certificate"] = Shape.certificate.json(found.leaf)
      if component == nil, !isConsole {
        members["proposal"] = try ComponentJSON.value(FoundComponent(place: place, found: found).component)
      }
    case .noTLS(let reason): members.merge(["result": "noTLS", "reason": .string(reason)]) { _, new in new }
    case .silent(let reason): members.merge(["result": "silent", "reason": .string(reason)]) { _, new in new }
    case .notLooked: members["result"] = "notLooked"
    }
    return .object(members)
  }
}
