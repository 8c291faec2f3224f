import Delivery
import Foundation
import HTTP
import Logging
import Store

/// The application: pages, forms and streams over one store.
public final class Console: Sendable {
  /// What the routes work with.
  public let services: Services
  private let server: HTTPServer
  private let sweep: Task<Void, Never>
  private let logger: Logger

  /// Reads the templates and the public files, and puts the routes together.
  ///
  /// Throws ``ConsoleError`` when a template or a folder is missing or broken.
  public init(store: Store, configuration: ConsoleConfiguration, logger: Logger) async throws {
    self.logger = logger
    let assets = try StaticFiles(directory: configuration.publicFolder)
    let renderer = try PageRenderer(folder: configuration.templatesFolder)
    let workThreads = WorkThreads(count: max(2, ProcessInfo.processInfo.activeProcessorCount))
    let https = try await HTTPSKeeper(
      store: store, host: configuration.host, workThreads: workThreads, clock: configuration.clock)
    let updates = UpdateService(
      UpdateSurroundings(
        store: store, threads: workThreads, access: configuration.targetAccess,
        targets: configuration.targets, https: https, clock: configuration.clock, logger: logger),
      renderer: renderer)
    let services = Services(
      store: store, renderer: renderer, assets: assets, clock: configuration.clock, workThreads: workThreads,
      targetAccess: configuration.targetAccess, targets: configuration.targets, https: https, updates: updates,
      extension: configuration.extension, logger: logger, listeningSockets: configuration.listeningSockets,
      signInDesk: try await SignInDesk(store: store),
      dependencies: DependencyDesk(store: store, updates: updates, clock: configuration.clock))
    self.services = services
    sweep = Task { await services.sweepStreams() }

    var router = Router<Visit>()
    router.addConsoleRoutes()
    configuration.extension?.addRoutes(&router)
    let desk = FrontDesk(services: services, router: router, logger: logger)

    var server = ServerConfiguration(
      host: configuration.host, port: configuration.port, identity: https.serverIdentity())
    // A component with as many endpoints as it may have fills four fields for each.
    server.maximumParts = 256
    server.problemPage = { problem, head in desk.problemPage(problem, head) }
    self.server = HTTPServer(configuration: server, logger: logger) { await desk.answer($0) }
  }

  /// Begins to listen, and takes up an update that was interrupted.
  /// - Returns: the port.
  public func start() async throws -> UInt16 {
    // Before anybody can decide: a decision waits until it is known what an interrupted update has left.
    await services.updates.resume()
    let port = try server.start()
    services.https.attach(server, port: port)
    return port
  }

  /// Ends open streams, lets what is in flight finish, and stops listening. An update that runs is found again at the
  /// next start.
  ///
  /// - Parameter limit: for the actions in flight; what takes longer is found interrupted.
  public func stop(within limit: Duration = .seconds(20)) async {
    sweep.cancel()
    await services.searches.cancelAll()
    await services.updates.halt(within: limit)
    await server.stop(within: .seconds(10))
    await services.targets.close()
  }
}

extension Router where Context == Visit {
  /// Every route of the console; each folder adds its own.
  mutating func addConsoleRoutes() {
    on(.get, "/") { _, _, visit in visit.redirect(to: "/roots") }
    addSessionRoutes()
    addRootRoutes()
    addRetirementRoutes()
    addComponentRoutes()
    addTrustStoreRoutes()
    addUpdateRoutes()
    addSettingsRoutes()
  }
}
