import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("Rolling groups and maintenance notes in an update", .timeLimit(.minutes(2))) struct RollingTests {
  private static let replicas = ["web-1", "web-2", "web-3"]

  /// Three replicas in a group, and a broker beside them in the same stage.
  private func withReplicas(_ body: (TestSystem) async throws -> Void) async throws {
    try await withConsole { console in
      var system = try await TestSystem(console, names: [])
      for (index, name) in (Self.replicas + ["broker"]).enumerated() {
        try TestSystem.placeFiles(name, system.old, in: console.targets, number: UInt32(index))
        var component = TestSystem.component(name)
        if name != "broker" { component.rollingGroup = "web" }
        system.components.append(try await console.store.addComponent(component))
      }
      try await body(system)
    }
  }

  /// What was done to the group, each run of steps at one component as that component.
  private func turns(_ system: TestSystem) -> [String] {
    let names = system.targets.log.map { String($0.split(separator: " ")[1]) }.filter { $0 != "broker" }
    return names.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
  }

  @Test("While one replica is being activated no other one is touched, and the rest of the stage is not kept waiting")
  func oneAtATime() async throws {
    try await withReplicas { system in
      system.targets.hold("web-1")
      let id = try await system.start()
      try await eventually("web-1 is being activated") { system.targets.isHeld("web-1") }
      let broker = try system.id("broker")
      try await eventually("The broker trusts the new root meanwhile") {
        try await system.store.state(id).action(ActionID(.trust, broker))?.status == .succeeded
      }
      #expect(turns(system) == ["web-1"])
      system.targets.letGo("web-1")
      #expect(try await system.settled(id).outcome == .completed)
      // Once with the new bundle, once with the new certificate.
      #expect(turns(system) == Self.replicas + Self.replicas)
    }
  }

  @Test("A replica that fails keeps the others from being touched until it is decided; Abort goes back one at a time")
  func failure() async throws {
    try await withReplicas { system in
      system.targets.arm(.activate, at: "web-1")
      let id = try await system.start()
      let state = try await system.settled(id)
      #expect(state.standing == .deciding)
      for name in ["web-2", "web-3"] {
        #expect(state.action(ActionID(.deploy, try system.id(name)))?.attempts == 0)
      }
      #expect(try await system.decide(id, .retry).outcome == .completed)
      let before = turns(system).count
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      #expect(
        turns(system).dropFirst(before).count == 6, "each came back in one go, with its certificate and its bundle")
    }
  }

  @Test("The plan and the update show the maintenance note and the group beside the component")
  func shown() async throws {
    try await withReplicas { system in
      var component = try #require(system.components.first)
      component.maintenance = "Ask the <shift leader> first"
      try await system.store.replaceComponent(component)
      let plan = try await system.plan()
      #expect(plan.says("Maintenance note: Ask the <shift leader> first"))
      #expect(plan.says("It is of the rolling group “web”: one component of it at a time"))
      #expect(!plan.says("After a failure the next one is worked on all the same."))
      #expect(try await system.plan(policy: .continue).says("After a failure the next one is worked on all the same."))
      let id = try await system.start()
      try await system.settled(id)
      let page = try await system.browser.get("/updates/\(id)")
      #expect(page.says("Ask the <shift leader> first") && page.says("Stage 1, group web"))
      #expect(try await system.browser.get("/components/\(component.id)").says("Maintenance note"))
    }
  }
}
