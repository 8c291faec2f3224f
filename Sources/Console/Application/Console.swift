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
  private let renewals: Task<Void, Never>
  private let logger: Logger

  /// Reads the templates and the public files, and puts the routes together.
  ///
  /// Throws ``ConsoleError`` when a template or a folder is missing or broken.
  public init(store: Store, configuration: ConsoleConfiguration, logger: Logger) async throws {
    self.logger = logger
    configuration.targets.keepOut(of: Belongings(of: store))
    let assets = try StaticFiles(directory: configuration.publicFolder)
    let renderer = try PageRenderer(folder: configuration.templatesFolder)
    let workThreads = WorkThreads(count: max(2, ProcessInfo.processInfo.activeProcessorCount))
    let https = try await HTTPSKeeper(
      store: store, host: configuration.host, workThreads: workThreads, clock: configuration.clock)
    let clockDesk = ClockDesk(store: store, https: https, clock: configuration.clock)
    let updates = UpdateService(
      UpdateSurroundings(
        store: store, threads: workThreads, modules: configuration.modules, access: configuration.targetAccess,
        targets: configuration.targets, https: https, clock: configuration.clock,
        clockDesk: clockDesk, actionReserve: configuration.actionReserve, logger: logger),
      renderer: renderer)
    let proxies = try await ProxySettings(
      store: store, given: configuration.trustedProxies, header: configuration.forwardedHeader)
    let restoration = RestorationDesk(
      store: store, updates: updates, targets: configuration.targets, access: configuration.targetAccess,
      clock: configuration.clock, logger: logger)
    let notifications = NotificationDesk(
      store: store, https: https, clock: configuration.clock, programs: configuration.sending, logger: logger)
    let services = Services(
      store: store, renderer: renderer, assets: assets, clock: configuration.clock, workThreads: workThreads,
      modules: configuration.modules, targetAccess: configuration.targetAccess, targets: configuration.targets,
      https: https, updates: updates,
      extension: configuration.extension, logger: logger, listeningSockets: configuration.listeningSockets,
      signInDesk: try SignInDesk(store: store), proxies: proxies,
      syslog: SyslogDesk(store: store, logger: logger),
      notifications: notifications,
      dependencies: DependencyDesk(store: store, updates: updates, clock: configuration.clock),
      clockDesk: clockDesk, restoration: restoration,
      renewal: RenewalDesk(
        .init(
          store: store, updates: updates, clock: configuration.clock,
          clockCheck: { try await clockDesk.check() }, isRestored: { restoration.open != nil },
          notify: { hold, attempt in await notifications.notify(hold.message(attempt)) }, logger: logger)),
      readiness: Readiness(
        store: store, https: https, restoration: restoration, unwritten: updates.surroundings.unwritten),
      watching: WatchDesk(
        store: store, access: configuration.targetAccess, restoration: restoration, clock: configuration.clock,
        timing: configuration.watching, logger: logger),
      startedAt: configuration.clock(),
      keptPages: KeptPages(store: store, clock: configuration.clock) {
        // A demonstration says on every page how its system fares.
        restoration.open != nil || configuration.extension != nil || updates.surroundings.unwritten.sentence != nil
      },
      requestRate: RequestRate(limit: configuration.requestsPerMinute, clock: configuration.clock))
    self.services = services
    sweep = Task { await services.sweep() }
    renewals = Task { await services.renewal.watch() }

    var router = ConsoleRouter()
    router.addConsoleRoutes()
    router.addAPIRoutes()
    router.addMonitoringRoutes()
    configuration.extension?.addRoutes(&router)
    let desk = FrontDesk(services: services, router: router, logger: logger)

    var server = ServerConfiguration(
      host: configuration.host, port: configuration.port, identity: https.serverIdentity())
    // A component with as many endpoints as it may have fills four fields for each.
    server.maximumParts = 256
    server.proxies = proxies.trusted
    server.atHand = { desk.answerAtHand($0) }
    server.problemPage = { problem, head in desk.problemPage(problem, head) }
    server.briefProblem = { problem, head in desk.briefProblem(problem, head) }
    self.server = HTTPServer(configuration: server, logger: logger) { await desk.answer($0) }
  }

  /// Begins to listen, and takes up an update that was interrupted.
  /// - Returns: the port.
  public func start() async throws -> UInt16 {
    // Before anybody can decide: a decision waits until it is known what an interrupted update has left.
    await services.updates.resume()
    try await services.restoration.begin()
    let port = try server.start()
    services.https.attach(server, port: port)
    await record(.consoleStarted)
    await services.syslog.start()
    await services.notifications.start()
    await services.watching.begin()
    return port
  }

  /// Ends open streams, lets what is in flight finish, and stops listening. An update that runs is found again at the
  /// next start.
  ///
  /// - Parameter limit: for the actions in flight; what takes longer is found interrupted.
  public func stop(within limit: Duration = .seconds(20)) async {
    sweep.cancel()
    renewals.cancel()
    await services.searches.cancelAll()
    await services.watching.stop()
    // First: a restored database's look waits for the one at what an interrupted update has left.
    await services.updates.beginHalt()
    await services.restoration.stop()
    await services.updates.halt(within: limit)
    await server.stop(within: .seconds(10))
    services.https.detach()
    await services.targets.close()
    await record(.consoleStopped)
    await services.notifications.stop()
    await services.syslog.stop()
  }

  /// Neither waits for the audit log: a console whose disk is full must be reachable all the same.
  private func record(_ event: AuditEvent) async {
    do {
      try await services.store.record(AuditAct(event, by: .reroot))
    } catch {
      logger.error("not recorded", metadata: ["event": "\(event.rawValue)", "reason": "\(error)"])
    }
  }
}

extension ConsoleRouter {
  /// Every route of the console; each folder adds its own.
  mutating func addConsoleRoutes() {
    on(.get, "/", for: .viewer) { _, _, visit in visit.redirect(to: "/roots") }
    addSessionRoutes()
    addTokenRoutes()
    addModuleRootRoutes()
    addRootRoutes()
    addRetirementRoutes()
    addComponentRoutes()
    addTrustStoreRoutes()
    addUpdateRoutes()
    addAuditRoutes()
    addSettingsRoutes()
    addNotificationRoutes()
    addUserRoutes()
    addAgreementRoutes()
    addRestorationRoutes()
  }
}
