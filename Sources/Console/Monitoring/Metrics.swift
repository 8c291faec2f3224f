import Delivery
import Foundation
import PKI
import Rotation
import Store

/// Collects everything that `/metrics` says.
///
/// What the database knows (certificates, updates, how actions ended) is counted there and outlives a restart; what only
/// the program knows (durations, streams, failed sign-ins) begins at 0 with it, as counters of Prometheus may.
struct Metrics: Sendable {
  let services: Services

  /// The whole text.
  func text() async throws -> String {
    let (store, now) = (services.store, services.clock())
    var text = MetricsText()
    build(&text)
    let measures = try await store.measures()
    certificates(&text, try await store.roots(), measures, now)
    try await updates(&text, measures)
    console(&text)
    try await watching(&text, now)
    return text.text
  }

  private func build(_ text: inout MetricsText) {
    text.family(
      "reroot_build_info", .gauge, "The version of Reroot and of what it runs on; always 1.",
      [
        .init(
          1, ("version", ProgramVersion.text), ("openssl", OpenSSLVersion.text), ("sqlite", Store.libraryVersion))
      ])
    text.gauge(
      "reroot_start_timestamp_seconds", "When this program began to serve.", services.startedAt.timeIntervalSince1970)
  }

  // MARK: Certificates

  /// The lint of Prometheus refuses the word “days” in a name, since seconds are its unit of time; those who want days
  /// to read get them as “daysleft”.
  private func certificates(
    _ text: inout MetricsText, _ roots: [RootRecord], _ measures: Measures, _ now: Date
  ) {
    let rootLabels = roots.map { [("root", "\($0.id)"), ("name", $0.name), ("state", $0.state.rawValue)] }
    expiry(&text, "root", "a root certificate ends", zip(rootLabels, roots.map(\.certificate.notAfter)).map { $0 }, now)
    expiry(
      &text, "child", "the certificate of a component ends",
      measures.children.map { ([("component", $0.name)], $0.notAfter) }, now)
    let https = services.https.current
    let source =
      switch https.source {
      case .own: "own"
      case .trustStore: "trustStore"
      case .issued: "issued"
      }
    expiry(
      &text, "https", "the certificate that the console serves HTTPS with ends",
      https.chain.first.map { [([("source", source)], $0.notAfter)] } ?? [], now)
    text.family(
      "reroot_component_last_seen_right_seconds", .gauge,
      "Seconds since every endpoint of a component was last seen with the right certificate; absent where it never was.",
      measures.children.compactMap { child in
        child.seenRightAt.map { .init(max(0, now.timeIntervalSince($0)), ("component", child.name)) }
      })
  }

  private func expiry(
    _ text: inout MetricsText, _ what: String, _ words: String, _ ends: [([(String, String)], Date)], _ now: Date
  ) {
    func samples(_ value: (Date) -> Double) -> [MetricsText.Sample] {
      ends.map { labels, end in
        var sample = MetricsText.Sample(value(end))
        sample.labels = labels.map { (name: $0.0, value: $0.1) }
        return sample
      }
    }
    text.family(
      "reroot_\(what)_expiry_timestamp_seconds", .gauge, "When \(words), in seconds since 1970.",
      samples(\.timeIntervalSince1970))
    text.family(
      "reroot_\(what)_daysleft", .gauge, "Days until \(words); negative once it has.",
      samples { ($0.timeIntervalSince(now) / 86.4).rounded() / 1000 })
  }

  // MARK: Updates

  private func updates(_ text: inout MetricsText, _ measures: Measures) async throws {
    let unfinished = try await services.store.unfinishedUpdate()
    let standing = try await unfinished.asyncMap { try await services.store.state($0.id).standing }
    let current: [(String, Int)] = [
      ("running", standing != nil && standing != .deciding ? 1 : 0), ("deciding", standing == .deciding ? 1 : 0),
    ]
    text.family(
      "reroot_updates", .gauge, "How many updates stand so; “deciding” waits for a decision.",
      (current + Outcome.allCases.map { ($0.rawValue, measures.outcomes[$0] ?? 0) }).map {
        MetricsText.Sample(Double($0.1), ("state", $0.0))
      })
    text.family(
      "reroot_actions_total", .counter, "How many attempts at actions of updates ended so, since the first update.",
      ActionKind.allCases.flatMap { kind in
        Measures.Result.allCases.map { result in
          MetricsText.Sample(
            Double(measures.attempts[.init(kind: kind, result: result)] ?? 0), ("kind", kind.rawValue),
            ("result", result.rawValue))
        }
      })
    text.histograms(
      "reroot_action_duration_seconds", "How long actions of updates took, since the start of the program.",
      services.updates.surroundings.meter.histograms.map { key, histogram in
        ([("kind", key.kind.rawValue), ("result", key.result.rawValue)], histogram)
      })
  }

  // MARK: The console

  private func console(_ text: inout MetricsText) {
    text.gauge(
      "reroot_event_streams_open", "How many pages and programs follow something live.",
      Double(services.sessionStreams.openCount))
    text.family(
      "reroot_sign_in_failures_total", .counter,
      "Failed attempts to sign in, or to confirm with a password, since the start of the program.",
      SignInMeter.Failure.allCases.map {
        .init(Double(services.signInDesk.failures[$0]), ("reason", $0.rawValue))
      })
  }

  // MARK: Watching

  private func watching(_ text: inout MetricsText, _ now: Date) async throws {
    let watching = try await services.watching.state()
    let counted = services.watching.meter.state
    text.gauge(
      "reroot_watch_interval_seconds", "How often every endpoint is looked at; 0 when it is not.",
      Double(watching.minutes * 60))
    text.gauge(
      "reroot_watch_last_look_timestamp_seconds", "When a component was last looked at.",
      watching.lastLookedAt?.timeIntervalSince1970)
    text.gauge(
      "reroot_renewal_late_timestamp_seconds",
      "From when on the next renewal is late; absent where nothing is renewed by itself.",
      try await RenewalLateness.read(services.store)?.moment.timeIntervalSince1970)
    text.gauge(
      "reroot_watch_round_duration_seconds", "How long the last look at all components took.",
      counted.took.map { $0 / .seconds(1) })
    text.family(
      "reroot_watch_looks_total", .counter, "How often a component was looked at, since the start of the program.",
      [.init(Double(counted.looks))])
    text.family(
      "reroot_watch_changes_total", .counter,
      "How often something began or ceased to differ at an endpoint, since the start of the program.",
      WatchFinding.Kind.allCases.flatMap { kind in
        [("appeared", counted.appeared), ("vanished", counted.vanished)].map { change, counts in
          MetricsText.Sample(Double(counts[kind] ?? 0), ("finding", kind.rawValue), ("change", change))
        }
      })
    text.family(
      "reroot_watch_findings", .gauge, "At how many endpoints something differs from what was deployed.",
      WatchFinding.Kind.allCases.map { kind in
        .init(
          Double(watching.differing.reduce(0) { $0 + $1.findings.count { $0.kind == kind } }),
          ("finding", kind.rawValue))
      })
    text.family(
      "reroot_component_differs", .gauge, "What differs at a component from what was deployed; always 1.",
      watching.differing.flatMap { component in
        Set(component.findings.map(\.kind)).sorted { $0.rawValue < $1.rawValue }.map {
          MetricsText.Sample(1, ("component", component.name), ("finding", $0.rawValue))
        }
      })
  }
}

extension Optional where Wrapped: Sendable {
  fileprivate func asyncMap<Value: Sendable>(
    _ body: (Wrapped) async throws -> Value
  ) async rethrows -> Value? {
    guard let self else { return nil }
    return try await body(self)
  }
}
