import Foundation
import HTTP
import Store

/// What pages say of watching: the list of the components, the page of one, and a notice on all others.
enum WatchPages {
  /// How many components are named in the banner of the list.
  private static let named = 10
  /// For how long *Look now* waits for its end before it answers.
  private static let patience = Duration.seconds(10)

  /// What the list of the components says.
  static func part(_ visit: Visit) async throws -> PageModel {
    let desk = visit.services.watching
    let state = try await desk.state()
    var model: PageModel = [
      "text": text(state, isLooking: await desk.isLooking), "mayLook": visit.may(.operator),
    ]
    if !state.differing.isEmpty { model["banner"] = banner(state.differing) }
    return model
  }

  private static func text(_ state: WatchState, isLooking: Bool) -> String {
    if isLooking { return "The endpoints are being looked at." }
    let last =
      state.lastLookedAt.map { "The endpoints were last looked at \(Display.moment($0))." }
      ?? "The endpoints have not been looked at yet."
    guard state.minutes > 0 else { return last + " They are only looked at when somebody asks." }
    return last + " They are every \(Display.count(state.minutes, "minute")), but for updates."
  }

  private static func banner(_ differing: [WatchState.Differing]) -> PageModel {
    var items: [PageModel] = differing.prefix(named).map { component in
      [
        "text": "\(component.name): " + component.findings.map(\.kind.words).uniqued.joined(separator: ", "),
        "href": "/components/\(component.component)",
      ]
    }
    if differing.count > named { items.append(["text": "\(differing.count - named) more, in the list below"]) }
    return Part.banner("warn", title(differing.count), items: items)
  }

  private static func title(_ count: Int) -> String {
    Display.count(count, "component is", "components are") + " not as Reroot deployed "
      + (count == 1 ? "it" : "them")
  }

  /// What every other page says; nil while everything is as it was deployed.
  static func strip(_ count: Int, on path: String) -> PageModel? {
    guard count > 0, !path.hasPrefix("/components") else { return nil }
    var banner = Part.banner("warn", title(count))
    banner["more"] = Part.link("See what differs", "/components")
    return banner
  }

  /// What the page of a component says.
  static func banner(of standing: ComponentStanding) -> PageModel? {
    guard let watched = standing.watched, !watched.findings.isEmpty, let lookedAt = watched.lookedAt else { return nil }
    let since = watched.differsSince.map { $0 == lookedAt ? "" : ", and differs since \(Display.moment($0))" } ?? ""
    return Part.banner(
      "warn", "It is not as Reroot deployed it", text: "It was looked at \(Display.moment(lookedAt))\(since).",
      items: watched.findings.map { ["text": $0.sentence] })
  }

  /// *Look now*: waits for the end for a while, and then lets it go on by itself.
  static func look(_ visit: Visit) async throws -> Response {
    visit.redirect(to: "/components", notice: try await WatchLooks.now(visit, within: patience).sentence)
  }
}

extension WatchFinding.Kind {
  /// In a few words.
  var words: String {
    switch self {
    case .anotherCertificate: "serves another certificate"
    case .expiring: "serves a certificate that ends soon, or has ended"
    case .retiredRoot: "leads to a retired root"
    case .noAnswer: "no answer"
    }
  }
}

extension Array where Element: Hashable {
  /// Each once, in the order in which they came first.
  fileprivate var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
