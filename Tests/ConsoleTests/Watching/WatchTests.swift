import Foundation
import Rotation
import Testing

@testable import Console
@testable import PKI
@testable import Store

@Suite("Watching between updates", .timeLimit(.minutes(2))) struct WatchTests {
  @Test("A system that is as it was deployed is seen to be, and nothing is reported")
  func right() async throws {
    try await withWatchedSystem { watched in
      // The update has seen it already.
      let before = try #require(try await watched.store.watchRecords()[watched.edge])
      #expect(before.rightAt == watched.console.clock.now && before.lookedAt == nil)
      watched.console.clock.advance(3600)
      let name = "reroot_component_last_seen_right_seconds{component=\"edge\"}"
      #expect(try await watched.console.metrics()[name] == 3600)
      let page = try await watched.lookNow()
      #expect(page.says("1 component was looked at: everything is as it was deployed."), "\(page.text)")
      #expect(page.says("The endpoints were last looked at 1 Jun 2026, 13:00 UTC. They are every 15 minutes"))
      #expect(try await watched.findings() == [])
      #expect(try await watched.recorded() == [] && watched.logged() == [])
      let metrics = try await watched.console.metrics()
      #expect(metrics[name] == 0 && metrics["reroot_watch_looks_total"] == 1)
      #expect(metrics["reroot_watch_last_look_timestamp_seconds"] == watched.console.clock.now.timeIntervalSince1970)
      #expect(metrics["reroot_watch_interval_seconds"] == 900)
      #expect(metrics.keys.allSatisfy { !$0.hasPrefix("reroot_component_differs") })
    }
  }

  @Test("Another certificate is shown, counted, logged and recorded once, also over a restart, and so is its end")
  func another() async throws {
    try await withWatchedSystem { watched in
      watched.listener.load(try watched.system.old.child(["edge.example", "127.0.0.1"]))
      let page = try await watched.lookNow()
      #expect(page.says("1 component is not as Reroot deployed it"), "\(page.text)")
      #expect(page.says("edge: serves another certificate") && page.says("Serves another certificate"))
      let details = try await watched.system.browser.get("/components/\(watched.edge)")
      #expect(details.says("It is not as Reroot deployed it"))
      #expect(details.says("\(watched.endpoint) serves “CN=edge.example”, issued by “CN=Old root”"), "\(details.text)")
      // A notice on every other page, for everybody who may look.
      let viewer = try await watched.console.browser(.viewer)
      #expect(try await viewer.get("/updates").says("1 component is not as Reroot deployed it"))

      let metrics = try await watched.console.metrics()
      #expect(metrics["reroot_component_differs{component=\"edge\",finding=\"anotherCertificate\"}"] == 1)
      #expect(metrics["reroot_watch_findings{finding=\"anotherCertificate\"}"] == 1)
      #expect(metrics["reroot_watch_changes_total{finding=\"anotherCertificate\",change=\"appeared\"}"] == 1)
      #expect(try await watched.recorded() == ["endpoint.differs edge"])
      let entry = try #require(
        try await watched.store.auditEntries(after: 0, limit: 10_000).last { $0.event == "endpoint.differs" })
      let message = try #require(NotificationWords.message(entry))
      #expect(message.kind == .endpointDiffers && message.subject == "edge is not as Reroot deployed it")
      #expect(message.text.contains("\(watched.endpoint) serves “CN=edge.example”") && message.component == "edge")
      #expect(
        watched.logged().count == 1
          && watched.logged()[0].contains("component=edge endpoint=\(watched.endpoint) finding=anotherCertificate"))

      // The second look reports nothing, nor does one of the next start.
      try await watched.lookNow()
      #expect(try await watched.recorded().count == 1 && watched.logged().count == 1)
      try await watched.console.stop()
      let again = try await TestConsole(
        folder: watched.console.folder, clock: watched.console.clock, targets: watched.console.targets)
      #expect(try await again.browser().get("/updates").says("1 component is not as Reroot deployed it"))
      let desk = again.console.services.watching
      #expect(try await desk.look() == .looked(components: 1))
      #expect(watched.logged(again) == [])

      watched.listener.load(try watched.deployed())
      watched.console.clock.advance(60)
      #expect(try await desk.look() == .looked(components: 1))
      #expect(try await watched.findings(again.store) == [])
      #expect(watched.logged(again).map { $0.prefix(27) } == ["endpoint differs no more co"])
      let entries = try await again.store.auditEntries(after: 0, limit: 10_000).map(\.event)
      #expect(entries.filter { $0.hasPrefix("endpoint.") } == ["endpoint.differs", "endpoint.right"])
      #expect(try await again.store.watchRecords()[watched.edge]?.rightAt == again.clock.now)
      #expect(try await !again.browser().get("/updates").says("not as Reroot deployed"))
      try await again.stop()
    }
  }

  @Test("An end that is near is told so many days before as is set, and not before")
  func expiring() async throws {
    try await withWatchedSystem { watched in
      let ends = try #require(try await watched.store.currentSet()?.members[watched.edge]?.notAfter)
      try await watched.store.set(PlainSetting.expiryDays.key, to: "30")
      let left = ends.timeIntervalSince(watched.console.clock.now)
      watched.console.clock.advance(left - 30 * 86_400)
      try await watched.lookNow()
      #expect(try await watched.findings() == [])
      watched.console.clock.advance(1)
      try await watched.lookNow()
      #expect(try await watched.findings() == [.expiring])
      let page = try await watched.console.browser().get("/components/\(watched.edge)")
      #expect(page.says("The certificate that \(watched.endpoint) serves ends at"))
      // It is the right one all the same.
      #expect(try await watched.store.watchRecords()[watched.edge]?.rightAt == watched.console.clock.now)
    }
  }

  @Test("No answer is believed at the second look only, and is told; so is what answers without TLS")
  func noAnswer() async throws {
    try await withWatchedSystem { watched in
      watched.listener.stop()
      let page = try await watched.lookNow()
      #expect(page.says("No answer"), "\(page.text)")
      #expect(try await watched.findings() == [.noAnswer])
      #expect(try await watched.recorded() == ["endpoint.differs edge"])
      #expect(try await watched.console.metrics()["reroot_watch_findings{finding=\"noAnswer\"}"] == 1)
    }
  }

  @Test("A chain to a root that was retired is told beside the other certificate")
  func retiredRoot() async throws {
    try await withWatchedSystem { watched in
      let system = watched.system
      #expect(
        try await system.settled(try await system.started(try await system.planRetirement())).outcome == .completed)
      try await watched.lookNow()
      #expect(try await watched.findings() == [])
      watched.listener.load(try system.old.child(["edge.example", "127.0.0.1"]))
      try await watched.lookNow()
      #expect(try await Set(watched.findings()) == [.anotherCertificate, .retiredRoot])
      let page = try await system.browser.get("/components/\(watched.edge)")
      #expect(page.says("leads to “CN=Old root”, a root that was retired"), "\(page.text)")
    }
  }

  @Test("While an update waits for a decision nothing is looked at, and what was seen before it began does not count")
  func notDuringUpdates() async throws {
    try await withWatchedSystem { watched in
      let system = watched.system
      let next = try TestRoot("Next root")
      let root = try await TestSystem.add(next, "Next root", to: system.store)
      system.targets.arm(.deploy, at: "web")
      let before = try await watched.store.currentSet()?.number
      let id = try await system.start(root: root)
      #expect(try await system.settled(id).standing == .deciding)
      let page = try await watched.lookNow()
      #expect(page.says("Update \(id) is under way."), "\(page.text)")
      let result = WatchResult(
        component: system.components[1], served: [], isRight: true, findings: [], at: watched.console.clock.now)
      #expect(try await watched.store.recordWatch([result], against: before) == nil)
      #expect(try await system.decide(id, .retry).outcome == .completed)
      #expect(try await watched.store.recordWatch([result], against: before) == nil)
      #expect(try await watched.store.watchRecords()[watched.edge]?.lookedAt == nil)
      try await watched.lookNow()
      #expect(try await watched.findings() == [])
    }
  }

  @Test(
    "A component that was changed while it was looked at keeps nothing of the look, and one that is removed nothing")
  func changedMeanwhile() async throws {
    try await withWatchedSystem { watched in
      watched.listener.stop()
      try await watched.lookNow()
      #expect(try await watched.findings() == [.noAnswer])
      var component = try await watched.store.component(watched.edge)
      let former = component
      component.endpoints = [Endpoint(host: "127.0.0.1", port: 1)]
      try await watched.store.replaceComponent(component)
      #expect(try await watched.findings() == [])
      let set = try await watched.store.currentSet()?.number
      let stale = WatchResult(
        component: former, served: [], isRight: false,
        findings: [WatchFinding(.noAnswer, at: watched.endpoint, "Nothing answers.")], at: watched.console.clock.now)
      #expect(try await watched.store.recordWatch([stale], against: set)?.isEmpty == true)
      #expect(try await watched.findings() == [])
      try await watched.store.removeComponent(watched.edge)
      #expect(try await watched.store.watchRecords()[watched.edge] == nil)
    }
  }

  @Test("The API says what differs, and looks when it is asked, by the roles that may")
  func api() async throws {
    try await withWatchedSystem { watched in
      watched.listener.load(try watched.system.old.child(["edge.example", "127.0.0.1"]))
      let program = try await Program(watched.console, .operator)
      let looked = try await program.send("POST", "/watching/looks")
      #expect(looked.status == 200, "\(looked)")
      #expect(WatchingAPI.looked.problems(try looked.json) == [])
      #expect(try looked.json["differing"] == 1 && looked.json["isOver"] == true)
      let read = try await program.get("/watching")
      #expect(WatchingAPI.schema.problems(try read.json) == [])
      let one = try #require(try read.json["differing"]?.elements?.first)
      #expect(one["name"] == "edge" && one["findings"]?.elements?.first?["kind"] == "anotherCertificate")
      let standing = try await program.get("/components/\(watched.edge)/standing").json
      #expect(standing["state"] == "servesAnother" && standing["findings"]?.elements?.count == 1)
      let viewer = try await Program(watched.console, .viewer)
      #expect(try await viewer.send("POST", "/watching/looks").status == 403)
      #expect(try await viewer.get("/watching").status == 200)
    }
  }
}
