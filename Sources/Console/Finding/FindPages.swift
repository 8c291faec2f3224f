import Delivery
import HTTP
import PKI
import Rotation

/// The pages of the search for components.
enum FindPages {
  static func form(_ visit: Visit, text: String, what: String, problem: String?, status: Int = 422) throws -> Response {
    let ports = KindGuess.usualPorts.map(String.init).joined(separator: ", ")
    let fields = [
      FieldPart.radios(
        "what", "Where to look",
        choices: [
          ("hosts", "At these hosts", nil),
          ("machine", "On this machine", "At every port on which a program of this machine listens."),
        ], chosen: what == "machine" ? "machine" : "hosts"),
      FieldPart.text(
        "places", "Hosts and ports", value: text, rows: 6,
        hint:
          "One to a line: web.example.net, 192.0.2.7:8443, web.example.net:8443-8450, 192.0.2.0/28:443. Without a port "
          + "the usual ones are tried (\(ports)). At most 1,024 addresses and ports.",
        error: problem, isCode: true),
    ]
    var model: PageModel = [
      "header": Part.header(
        "Find components", breadcrumbs: ComponentPages.crumbs,
        lead: "Reroot connects to what you name here, and to nothing else, and shows the certificates that it meets. "
          + "Nothing is stored until you save a component."),
      "form": [
        "path": "/components/find", "fields": fields.map(\.fields),
        "buttons": Part.buttons("Find", cancel: "/components"),
      ] as PageModel,
    ]
    if let problem { model["banner"] = Part.errors([("places", problem)]) }
    return try visit.page("form", model, status: problem == nil ? 200 : status)
  }

  static func page(_ token: String, _ search: Searches.Search, _ known: KnownPlaces) -> PageModel {
    var model: PageModel = [
      "header": Part.header(
        "Found components", breadcrumbs: ComponentPages.crumbs + [(label: "Find", href: "/components/find")],
        lead: "Add those that Reroot is to manage, one by one. Nothing is stored until you save a component."),
      "finding": finding(token, search, known),
    ]
    if search.standing == .running {
      model["eventsPath"] = "/components/find/\(token)/events"
      model["refreshSeconds"] = 2
    }
    return model
  }

  /// How many rows, and how many places without an answer, are sent over a stream: all of them, several times a second,
  /// would fill its buffer, and it would be dropped.
  static let liveLimit = 200

  /// What was found so far, as the page shows it.
  ///
  /// - Parameter isLive: whether it is sent over the page's stream, with the first rows only.
  static func finding(
    _ token: String, _ search: Searches.Search, _ known: KnownPlaces, isLive: Bool = false
  ) -> PageModel {
    let sightings = search.results.enumerated().compactMap { index, sighting in sighting.map { (index, $0) } }
    let found = sightings.filter { $0.1.found != nil }
    let others = sightings.filter { if case .noTLS = $0.1.result { true } else { false } }
    let limit = isLive ? liveLimit : .max
    let rows = (found + others).prefix(limit).map { index, sighting in
      (cells: cells(index, sighting, token, known), menu: nil as PageModel?)
    }
    var model: PageModel = [
      "token": token, "isRunning": search.standing == .running, "status": status(search),
      "summary": summary(search, found: found.count, others: others.count),
      "done": search.done, "total": max(1, search.places.count), "hasRows": !rows.isEmpty,
      "isEmpty": rows.isEmpty && search.standing != .running,
      "table": Part.table(
        "What was found", columns: ["Where", "Kind", "Certificate", "Valid until", "Component"], rows: rows),
    ]
    let silent = silences(sightings)
    model["hasSilent"] = !silent.isEmpty
    model["silent"] = Array(silent.prefix(limit))
    let isCut = found.count + others.count > limit || silent.count > limit
    model["hasMore"] = isCut
    model["more"] =
      "The first \(limit) are shown. "
      + (search.standing == .running
        ? "The rest is shown once the search has ended." : "Reload the page to see the rest.")
    model["silentHeading"] = Display.count(silent.count, "place") + " without an answer"
    return model
  }

  private static func status(_ search: Searches.Search) -> PageModel {
    switch search.standing {
    case .running: Part.status("busy", "Looking")
    case .ended: Part.status("ok", "Finished")
    case .cancelled: Part.status("off", "Cancelled")
    }
  }

  private static func summary(_ search: Searches.Search, found: Int, others: Int) -> String {
    let looked = "\(search.done) of \(Display.count(search.places.count, "place")) looked at"
    return "\(looked): \(Display.count(found, "certificate")) found"
      + (others > 0 ? ", \(Display.count(others, "server")) without TLS" : "") + "."
  }

  private static func cells(
    _ index: Int, _ sighting: PlaceSighting, _ token: String, _ known: KnownPlaces
  ) -> [PageModel] {
    guard let found = sighting.found else { return cells(sighting) }
    let leaf = found.leaf
    let names = leaf.subjectAlternativeNames.prefix(4).joined(separator: ", ")
    let more = leaf.subjectAlternativeNames.count - 4
    let certificate = Part.cell(
      code: VisibleText.of(leaf.subject, limit: 200),
      note: "Issued by \(VisibleText.of(leaf.issuer, limit: 200))"
        + (names.isEmpty ? "" : ". Names: \(VisibleText.of(names, limit: 300))\(more > 0 ? " and \(more) more" : "")")
        + (found.differs ? ". The addresses of this host serve different certificates" : ""))
    return [
      place(sighting),
      Part.cell(found.kind.flatMap(Preset.named)?.title ?? "Not known", note: transport(found.transport)), certificate,
      Part.cell(Display.day(leaf.notAfter), isWhole: true),
      component(index, sighting.place, leaf, token, known),
    ]
  }

  /// Of a server that shows no certificate.
  private static func cells(_ sighting: PlaceSighting) -> [PageModel] {
    var reason = ""
    if case .noTLS(let text) = sighting.result { reason = text }
    return [
      place(sighting), Part.cell("–"), Part.cell("None", note: VisibleText.of(reason, limit: 300)), Part.cell("–"),
      Part.cell("–"),
    ]
  }

  private static func place(_ sighting: PlaceSighting) -> PageModel {
    Part.cell(
      sighting.place.address, note: sighting.place.process.map { "Program: \(VisibleText.of($0, limit: 64))" },
      isHeading: true)
  }

  private static func transport(_ transport: Endpoint.Transport) -> String? {
    transport == .tls ? nil : transport.label
  }

  private static func component(
    _ index: Int, _ place: Place, _ leaf: Certificate, _ token: String, _ known: KnownPlaces
  ) -> PageModel {
    if let name = known.component(at: place) {
      return Part.cell(status: Part.status("ok", "Known"), note: VisibleText.of(name))
    }
    if known.isConsole(at: place, serving: leaf.fingerprint.hex) {
      return Part.cell(status: Part.status("off", "This console"))
    }
    let twin = known.component(serving: leaf.fingerprint.hex)
    return Part.cell(
      "Add as component…", href: "/components/new?found=\(token)&place=\(index)",
      note: twin.map { "Serves the certificate of \(VisibleText.of($0))" })
  }

  private static func silences(_ sightings: [(Int, PlaceSighting)]) -> [PageModel] {
    sightings.compactMap { _, sighting in
      switch sighting.result {
      case .silent(let reason):
        ["place": sighting.place.address, "reason": VisibleText.of(reason, limit: 200)] as PageModel
      case .notLooked: ["place": sighting.place.address, "reason": "not looked at"] as PageModel
      case .serves, .noTLS: nil
      }
    }
  }
}
