import HTTP
import Store

/// The addresses for those that watch Reroot: no page is drawn there, and no cookie counts.
enum MonitoringPath {
  static let alive = "/healthz"
  static let ready = "/readyz"
  static let metrics = "/metrics"

  static let all: Set<String> = [alive, ready, metrics]

  /// Whether a request may read the measures without a token: a program on this machine, where the setting allows it. What
  /// a proxy passes on is not from this machine, whoever listens to the proxy.
  static func isOpen(_ request: Request, _ store: Store) async throws -> Bool {
    guard request.path == metrics, IPAddress(request.remoteAddress)?.isLoopback == true,
      ForwardedHeader.allCases.allSatisfy({ request.headers.first($0.rawValue.lowercased()) == nil })
    else { return false }
    return try await SettingsDesk.value(.openMetrics, store) == "on"
  }
}

extension ConsoleRouter {
  /// Whether the program is alive, whether it can do its work, and what it measures.
  mutating func addMonitoringRoutes() {
    on(.get, MonitoringPath.alive, for: .open) { _, _, _ in .text("Reroot is alive.\n") }
    on(.get, MonitoringPath.ready, for: .open) { _, _, visit in
      if let problem = await visit.services.readiness.problem() { throw PageError(503, problem, code: "NOT_READY") }
      return .text("Reroot is ready.\n")
    }
    on(.get, MonitoringPath.metrics, for: .viewer) { _, _, visit in
      Response(
        status: 200, headers: [("Content-Type", MetricsText.contentType)],
        body: .bytes(Array(try await Metrics(services: visit.services).text().utf8)))
    }
  }
}

extension PlainSetting {
  /// Whether every program on this machine may read the measures without a token.
  static let openMetrics = PlainSetting(
    key: "metrics_from_loopback", member: "openMetrics", label: "Measures without a token",
    hint:
      "With On, every program on this machine may read /metrics. What a proxy passes on needs a token all the same.",
    kind: .flag, initial: "off")
}
