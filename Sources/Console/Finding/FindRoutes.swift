import Delivery
import HTTP
import PKI
import Rotation
import Store

extension ConsoleRouter {
  /// Finding components: what is asked for, what was found. Accepting is the form of a new component.
  mutating func addFindRoutes() {
    on(.get, "/components/find", for: .administrator(to: "look for components")) { _, _, visit in
      try FindPages.form(visit, text: "", what: "hosts", problem: nil)
    }
    on(.post, "/components/find", for: .administrator(to: "look for components")) { request, _, visit in
      try await FindRoutes.begin(request, visit)
    }
    on(.get, "/components/find/:token", for: .administrator(to: "look for components")) { _, path, visit in
      try await FindRoutes.show(path, visit)
    }
    on(.get, "/components/find/:token/events", for: .administrator(to: "look for components")) { _, path, visit in
      try await FindRoutes.events(path, visit)
    }
    on(.post, "/components/find/:token/cancel", for: .administrator(to: "look for components")) { _, path, visit in
      let (token, _) = try await FindRoutes.search(path, visit)
      await visit.services.searches.cancel(token)
      return visit.redirect(to: "/components/find/\(token)")
    }
  }
}

enum FindRoutes {
  /// How often an open page is told what was found meanwhile.
  private static let interval = Duration.milliseconds(250)

  static func search(_ path: PathParameters, _ visit: Visit) async throws -> (token: String, search: Searches.Search) {
    guard let token = path["token"], let search = await visit.services.searches.search(token) else {
      throw PageError.notFound("search")
    }
    return (token, search)
  }

  static func begin(_ request: Request, _ visit: Visit) async throws -> Response {
    let text = request.form["places"] ?? ""
    let what = request.form["what"] ?? "hosts"
    do {
      return visit.redirect(to: "/components/find/\(try await begin(text, what, visit))")
    } catch let problem as PlaceProblem {
      return try FindPages.form(visit, text: text, what: what, problem: problem.sentence)
    } catch let error as PageError where error.code == busy {
      return try FindPages.form(visit, text: text, what: what, problem: error.sentence, status: error.status)
    }
  }

  private static let busy = "SEARCHES_RUN"

  /// Begins a search.
  ///
  /// - Parameters:
  ///   - text: the places, one to a line.
  ///   - what: `machine` for the places at which this machine's programs listen instead.
  /// - Returns: its token.
  /// - Throws: ``PlaceProblem``; 409 `SEARCHES_RUN`.
  static func begin(_ text: String, _ what: String, _ visit: Visit) async throws -> String {
    let services = visit.services
    let places = what == "machine" ? try await ownPlaces(services) : try await listed(text, services)
    do {
      try await visit.audit(.searchBegun, ["places": String(places.count)])
      return try await services.searches.begin(places, at: services.clock())
    } catch is Searches.Busy {
      throw PageError(
        409, "\(Searches.runningLimit) searches are running already. Wait until one has ended, or cancel it.",
        code: busy)
    }
  }

  private static func listed(_ text: String, _ services: Services) async throws -> [Place] {
    guard text.utf8.count <= 64 << 10 else { throw PlaceProblem(sentence: "The list is longer than 64 KiB.") }
    return try await services.workThreads.run { try PlaceList.places(in: text, usualPorts: KindGuess.usualPorts) }
  }

  private static func ownPlaces(_ services: Services) async throws -> [Place] {
    let listening = services.listeningSockets
    let places = ListeningSockets.places(try await services.workThreads.run { listening() })
    guard !places.isEmpty else {
      throw PlaceProblem(sentence: "Nothing listens on this machine, as far as can be seen.")
    }
    return Array(places.prefix(PlaceList.limit))
  }

  static func show(_ path: PathParameters, _ visit: Visit) async throws -> Response {
    let (token, search) = try await search(path, visit)
    let known = try await KnownPlaces(visit.services)
    return try visit.page("components/found", FindPages.page(token, search, known))
  }

  /// Sends the first of what was found whenever there is more of it, until the search has ended.
  static func events(_ path: PathParameters, _ visit: Visit) async throws -> Response {
    let services = visit.services
    let (token, _) = try await search(path, visit)
    let known = try await KnownPlaces(services)
    let stream = EventStream()
    try await services.register(stream, of: visit)
    services.extension?.join(stream, visit)
    Task {
      var drawn = -1
      while let search = await services.searches.search(token) {
        let isRunning = search.standing == .running
        if search.done != drawn || !isRunning {
          drawn = search.done
          do {
            let html = try services.renderer.render(
              "components/finding", FindPages.finding(token, search, known, isLive: true))
            let changes = LiveChanges(
              partials: [LiveChanges.Partial(id: "finding", html: html)], hasEnded: !isRunning)
            stream.send(try changes.message(id: nil))
          } catch {
            services.logger.error("search not drawn", metadata: ["reason": "\(error)"])
          }
        }
        guard isRunning else { break }
        try? await Task.sleep(for: interval)
      }
      stream.send(LiveChanges.end)
      stream.close()
    }
    return .events(stream)
  }

  /// The component that was found at one place, for the form of a new one; nil when the query names no place.
  static func proposal(_ request: Request, _ visit: Visit) async throws -> Component? {
    guard let token = request.query["found"] else { return nil }
    guard let search = await visit.services.searches.search(token),
      let index = request.query["place"].flatMap({ Int($0) }), search.results.indices.contains(index),
      let sighting = search.results[index], let found = sighting.found
    else { throw PageError.notFound("proposal") }
    return FoundComponent(place: sighting.place, found: found).component
  }
}
