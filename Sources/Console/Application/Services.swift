import Delivery
import Foundation
import HTTP
import Logging
import Rotation
import Store

/// What the console's routes work with.
public struct Services: Sendable {
  /// Everything that is kept.
  public let store: Store
  /// The templates.
  public let renderer: PageRenderer
  /// The files of the public folder.
  public let assets: StaticFiles
  /// The present moment; tests fix it.
  public let clock: @Sendable () -> Date
  /// Threads for what blocks: passwords, PFX files, keys.
  public let workThreads: WorkThreads
  /// The hardware modules that may be used.
  let modules: HardwareModules
  /// How the files of a component are reached.
  public let targetAccess: @Sendable (Component) -> TargetAccess
  /// The ways to the targets.
  public let targets: Targets
  /// The console's own certificate.
  public let https: HTTPSKeeper
  /// The updates: planning, running, watching.
  public let updates: UpdateService
  /// What a demonstration adds to the console.
  public let `extension`: ConsoleExtension?
  /// One line an event; never a secret, a form's value or a token.
  public let logger: Logger
  /// The open event streams of each session; a route that answers with one adds it here.
  public let sessionStreams = SessionStreams()
  /// The sockets of this machine that listen; blocking.
  let listeningSockets: @Sendable () -> [ListeningSocket]
  let searches = Searches()
  /// Of everything that Reroot stands on.
  let examinations = JoinedRun<DoctorReport>()
  let signInDesk: SignInDesk
  let proxies: ProxySettings
  let syslog: SyslogDesk
  let notifications: NotificationDesk
  let dependencies: DependencyDesk
  let clockDesk: ClockDesk
  let restoration: RestorationDesk
  let renewal: RenewalDesk
  let readiness: Readiness
  /// Looks at the endpoints between updates.
  let watching: WatchDesk
  /// When the program began to serve.
  let startedAt: Date
  let keptPages: KeptPages
  let knownVisitors = KnownVisitors()
  let refusals = RefusalMeter()
  /// Failed attempts at names that nobody has, which are endless, by their place.
  let unknownNames = RefusalMeter()
  let requestRate: RequestRate

  /// Draws a page: its template with the page's own model and the fields that the layout takes, which are filled in here.
  ///
  /// The model should hold `header` or `title`. `section` names the entry of the navigation that is marked, where it is not
  /// the first part of the path; `eventsPath` the page's own event stream, if it has one.
  public func page(_ name: String, _ model: PageModel, _ visit: Visit, status: Int = 200) throws -> Response {
    let response = Response.html(try renderer.render(name, framed(model, visit)), status: status)
    return visit.notice == nil ? response : response.withHeader("Set-Cookie", Notice.removal)
  }

  /// A page's model with everything around the page.
  func framed(_ model: PageModel, _ visit: Visit?) -> PageModel {
    var model = model
    if model["title"] == nil { model["title"] = (model["header"] as? PageModel)?["title"] }
    model["assets"] = layoutAssets
    guard let visit else { return model }
    model["csrfToken"] = visit.csrfToken
    if let notice = visit.notice, model["notice"] == nil { model["notice"] = Part.banner("ok", notice) }
    guard let visitor = visit.visitor else { return model }
    if model["isPlain"] == nil { model["watched"] = WatchPages.strip(visit.differing, on: visit.path) }
    // Its own page says it in its own words.
    if model["isPlain"] == nil, let open = restoration.open { model["restored"] = RestorationPages.strip(open) }
    model["visitor"] = ["name": visitor.name, "accountHref": "/account"] as PageModel
    model["waiting"] = visit.waiting.filter { AgreementRoutes.path($0.id) != visit.path }.map { agreement in
      var banner = Part.banner("warn", AgreementAbout.summary(agreement))
      banner["more"] = Part.link("Open the request", AgreementRoutes.path(agreement.id))
      return banner
    }
    let section = model["section"] as? String ?? Navigation.section(of: visit.path)
    model["clock"] = visit.clockBanner
    model["navigation"] = Navigation.model(current: section, for: visitor.role, adding: `extension`)
    if let `extension` {
      model["strip"] = `extension`.strip()
      // One stream a page: a browser opens about six connections to a host (HTTP/1.1).
      if model["eventsPath"] == nil { model["eventsPath"] = `extension`.eventsPath }
    }
    return model
  }

  /// The address of a file of the public folder, with the hash of its content.
  public func asset(_ name: String) -> String { assets.url(for: name) }

  private var layoutAssets: PageModel {
    [
      "style": asset("style.css"), "icon": asset("icon.svg"), "menuScript": asset("menu.js"),
      "liveScript": asset("live.js"),
    ]
  }

  /// Who is signed in with a session's token; nil when there is no such session any more.
  func visitor(token: String) async throws -> Visitor? {
    guard let session = try await store.session(token) else {
      knownVisitors.forget(token: token)
      return nil
    }
    let visitor = Visitor(session)
    knownVisitors.remember(visitor, token: token)
    return visitor
  }

  /// Ties a stream to the visitor's session, which may have ended, or lost its role, while the stream was being prepared.
  public func register(_ stream: EventStream, of visit: Visit) async throws {
    let visitor = try visit.signedIn()
    sessionStreams.add(stream, of: visitor, for: visit.access)
    if try await !visit.access.permits(openCredentials()[visitor.credential.key]) { stream.close() }
  }

  /// What the sessions and tokens that are still good may do.
  func openCredentials() async throws -> [Visitor.Credential.Key: Role] {
    let sessions = try await store.openSessions().map { (Visitor.Credential.Key.session($0), $1) }
    let tokens = try await store.validTokens().map { (Visitor.Credential.Key.token($0), $1) }
    return Dictionary(sessions + tokens) { first, _ in first }
  }

  /// Tidies the store and ends the streams of sessions that have ended by their time, or by another program, once a minute,
  /// until the task is cancelled.
  func sweep() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(60))
      guard !Task.isCancelled else { return }
      keptPages.sweep()
      HeapMemory.giveBack()
      do {
        try await removeObservations()
        try await store.tidy()
      } catch {
        logger.error("store not tidied", metadata: ["reason": "\(error)"])
      }
      guard !sessionStreams.isEmpty else { continue }
      do {
        sessionStreams.end(allBut: try await openCredentials())
      } catch {
        logger.error("sessions not looked at", metadata: ["reason": "\(error)"])
      }
    }
  }

  /// Removes from the logs of old updates what was observed, as the setting says.
  func removeObservations() async throws {
    guard let days = Int(try await SettingsDesk.value(.observationDays, store)), days > 0 else { return }
    let removed = try await store.removeObservations(endedBefore: clock().addingTimeInterval(-Double(days) * 86_400))
    for update in removed { logger.notice("observations removed", metadata: ["update": "\(update)"]) }
  }

  /// The component's delivery over the target that it is configured with.
  public func delivery(_ component: Component) -> ComponentDelivery {
    ComponentDelivery(component: component, access: targetAccess(component), now: clock)
  }
}

/// The entries of the navigation, in their order.
enum Navigation {
  private static let entries: [(label: String, href: String, icon: String, role: Role)] = [
    ("Certificate Management", "/roots", "roots", .viewer), ("Components", "/components", "components", .viewer),
    ("Updates", "/updates", "updates", .viewer), ("Trust Store", "/trust-store", "store", .viewer),
    ("Settings", "/settings", "settings", .viewer), ("Audit", "/audit", "audit", .operator),
    ("Users", "/users", "person", .administrator),
  ]

  static func section(of path: String) -> String {
    let first = path.split(separator: "/").first.map { "/" + $0 } ?? "/roots"
    return ["/plans", "/agreements"].contains(first) ? "/updates" : first
  }

  static func model(current: String, for role: Role, adding added: ConsoleExtension?) -> [PageModel] {
    (entries + (added.map { [($0.title, $0.path, "demo", .viewer)] } ?? [])).filter { role >= $0.role }
      .map { label, href, icon, _ in
        ["label": label, "href": href, "icon": icon, "isCurrent": href == current]
      }
  }
}
