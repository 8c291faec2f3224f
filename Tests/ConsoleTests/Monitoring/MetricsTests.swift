import Foundation
import Rotation
import Synchronization
import Testing

@testable import Console
@testable import Store

extension TestConsole {
  /// What an address for those that watch answers.
  func monitor(
    _ path: String, token: String? = nil, _ headers: [(String, String)] = [], method: String = "GET"
  ) async throws -> Answer {
    let credentials = token.map { [("Authorization", "Bearer \($0)")] } ?? []
    return try await stranger().get(path, credentials + headers, method: method)
  }

  /// The values of `/metrics` by name and labels, as they stand there.
  func metrics() async throws -> [String: Double] {
    let token = try await store.makeToken(named: UUID().uuidString, of: user(.viewer).id, role: .viewer, days: 1).token
    let answer = try await monitor("/metrics", token: token)
    #expect(answer.status == 200 && answer.header("content-type") == MetricsText.contentType)
    let lines = answer.html.split(separator: "\n").filter { !$0.hasPrefix("#") }
    let pairs = lines.compactMap { line in
      line.lastIndex(of: " ").map { (String(line[..<$0]), Double(line[line.index(after: $0)...]) ?? .nan) }
    }
    #expect(Set(pairs.map(\.0)).count == pairs.count, "no value is there twice")
    return Dictionary(pairs) { first, _ in first }
  }
}

@Suite("What is measured", .timeLimit(.minutes(2))) struct MetricsTests {
  @Test("A token with the role viewer reads the measures; no token, a session or a wrong one does not")
  func access() async throws {
    try await withConsole { console in
      #expect(try await console.monitor("/metrics").status == 401)
      #expect(try await console.monitor("/metrics", token: "reroot_nothing").status == 401)
      #expect(try await console.browser().get("/metrics").status == 401)
      let token = try await console.store.makeToken(
        named: "prometheus", of: console.user(.viewer).id, role: .viewer, days: 1
      ).token
      #expect(try await console.monitor("/metrics", token: token).status == 200)
      #expect(try await console.monitor("/metrics", token: token, method: "HEAD").body.isEmpty)
      console.clock.advance(2 * 86_400)
      #expect(try await console.monitor("/metrics", token: token).status == 401)
    }
  }

  @Test("With the setting every program on this machine reads them, and nobody behind a proxy")
  func loopback() async throws {
    try await withConsole { console in
      try await console.store.set(PlainSetting.openMetrics.key, to: "on")
      #expect(try await console.monitor("/metrics").status == 200)
      for header in ["X-Forwarded-For", "Forwarded"] {
        #expect(try await console.monitor("/metrics", [(header, "127.0.0.1")]).status == 401, "\(header)")
      }
      // It opens nothing else.
      #expect(try await console.monitor("/api/v1/roots").status == 401)
      #expect(try await console.monitor("/roots").status == 303)
      try await console.store.set(PlainSetting.openMetrics.key, to: "off")
      #expect(try await console.monitor("/metrics").status == 401)
    }
  }

  @Test("Certificates, updates, actions and their durations are measured as they are")
  func values() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      #expect(try await system.settled(id).standing == .deciding)
      var metrics = try await system.console.metrics()
      #expect(metrics["reroot_updates{state=\"deciding\"}"] == 1)
      #expect(metrics["reroot_updates{state=\"running\"}"] == 0)
      #expect(metrics["reroot_actions_total{kind=\"deploy\",result=\"failed\"}"] == 1)
      #expect(try await system.decide(id, .retry).outcome == .completed)

      metrics = try await system.console.metrics()
      #expect(metrics["reroot_updates{state=\"deciding\"}"] == 0 && metrics["reroot_updates{state=\"completed\"}"] == 1)
      #expect(metrics["reroot_actions_total{kind=\"deploy\",result=\"succeeded\"}"] == 2)
      #expect(metrics["reroot_actions_total{kind=\"deploy\",result=\"interrupted\"}"] == 0)
      for kind in ["generate", "trust", "deploy", "activate", "verify"] {
        let labels = "kind=\"\(kind)\",result=\"succeeded\""
        #expect(metrics["reroot_action_duration_seconds_count{\(labels)}"] == 2, "\(kind)")
        #expect(metrics["reroot_action_duration_seconds_bucket{\(labels),le=\"+Inf\"}"] == 2, "\(kind)")
        #expect(metrics["reroot_action_duration_seconds_sum{\(labels)}"] ?? 0 > 0, "\(kind)")
      }
      #expect(metrics["reroot_action_duration_seconds_count{kind=\"deploy\",result=\"failed\"}"] == 1)

      let member = try #require(try await system.store.currentSet()?.members[try system.id("web")])
      let days = member.notAfter.timeIntervalSince(system.console.clock.now) / 86_400
      #expect(abs((metrics["reroot_child_daysleft{component=\"web\"}"] ?? 0) - days) < 0.001)
      #expect(
        metrics["reroot_child_expiry_timestamp_seconds{component=\"web\"}"] == member.notAfter.timeIntervalSince1970)
      #expect(
        metrics["reroot_root_daysleft{root=\"\(system.newID)\",name=\"New root\",state=\"inForce\"}"] == 1825)
      #expect(metrics["reroot_https_daysleft{source=\"own\"}"] == 730)
      #expect(metrics.keys.contains { $0.hasPrefix("reroot_build_info{version=\"\(ProgramVersion.text)\"") })

      // By another day there is less of everything, and once it has ended less than nothing.
      system.console.clock.advance(6 * 365 * 86_400)
      metrics = try await system.console.metrics()
      #expect(metrics["reroot_root_daysleft{root=\"\(system.newID)\",name=\"New root\",state=\"inForce\"}"] == -365)
    }
  }

  @Test("Streams that are open and sign-ins that fail are counted")
  func console() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      try await system.settled(id)
      #expect(try await system.console.metrics()["reroot_event_streams_open"] == 0)
      let stream = try await system.browser.events("/updates/\(id)/events")
      #expect(try await system.console.metrics()["reroot_event_streams_open"] == 1)
      stream.close()

      let name = "reroot_sign_in_failures_total{reason=\"password\"}"
      #expect(try await system.console.metrics()[name] == 0)
      let stranger = system.console.stranger()
      for _ in 0..<2 {
        let form = try await stranger.get("/sign-in")
        _ = try await stranger.submit(form, "/sign-in", ["name": "ada", "password": "not this one"])
      }
      #expect(try await system.console.metrics()[name] == 2)
      for _ in 0..<4 {
        let form = try await stranger.get("/sign-in")
        _ = try await stranger.submit(form, "/sign-in", ["name": "ada", "password": "not this one"])
      }
      let metrics = try await system.console.metrics()
      #expect(metrics[name] == 5 && metrics["reroot_sign_in_failures_total{reason=\"refused\"}"] == 1)
    }
  }

  @Test("A name with quotation marks, backslashes and line breaks breaks no line of the measures")
  func hostileNames() async throws {
    try await withConsole { console in
      let root = try TestRoot("Root")
      let id = try await console.store.importRoot(
        name: "a\"b\\c", certificate: root.certificate, key: root.identity.key, warnings: [], by: "ada")
      let metrics = try await console.metrics()
      #expect(metrics["reroot_root_daysleft{root=\"\(id)\",name=\"a\\\"b\\\\c\",state=\"imported\"}"] == 1825)
    }
  }
}

@Suite("Alive and ready", .timeLimit(.minutes(1))) struct HealthTests {
  @Test("Both are answered to anybody, as text, and by no other method")
  func answers() async throws {
    try await withConsole { console in
      for path in ["/healthz", "/readyz"] {
        let answer = try await console.monitor(path)
        #expect(answer.status == 200 && answer.header("content-type") == "text/plain; charset=utf-8", "\(path)")
        #expect(answer.header("set-cookie") == nil)
        #expect(try await console.monitor(path, method: "HEAD").status == 200)
        for method in ["POST", "PUT", "DELETE"] {
          let refused = try await console.monitor(path, method: method)
          #expect(refused.status == 405 && refused.header("allow")?.contains("GET") == true, "\(method) \(path)")
        }
      }
    }
  }

  @Test("A program whose database is gone is alive and not ready, and says why")
  func noDatabase() async throws {
    let console = try await TestConsole()
    try console.store.close()
    let answer = try await console.monitor("/readyz")
    #expect(answer.status == 503 && answer.problemCode == "NOT_READY", "\(answer)")
    #expect(try answer.json["detail"]?.text?.contains("database") == true)
    #expect(try await console.monitor("/healthz").status == 200)
    await console.console.stop(within: .seconds(1))
  }

  @Test("While one asks, others wait for the same look, and its answer holds for a moment")
  func onlyOnce() async throws {
    let looks = Counter()
    let readiness = Readiness {
      looks.add()
      try? await Task.sleep(for: .milliseconds(20))
      return "It is not."
    }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<50 { group.addTask { #expect(await readiness.problem() == "It is not.") } }
    }
    #expect(await readiness.problem() == "It is not.")
    #expect(looks.value == 1)
  }
}

/// Counts from several tasks.
private final class Counter: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }
  func add() { count.withLock { $0 += 1 } }
}
