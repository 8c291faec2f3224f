import Foundation
import Rotation
import Testing

@testable import Console
@testable import PKI
@testable import Store

@Suite("Trust in a new root", .timeLimit(.minutes(2))) struct TrustTests {
  /// A system with a component whose listener demands client certificates, of the roots in its bundle when it was last
  /// activated, or for ever of those of the beginning.
  private func withDemandingListener(
    loadsBundle: Bool = true, _ body: (TestSystem, TestListener) async throws -> Void
  ) async throws {
    let listener = try TestListener()
    defer { listener.stop() }
    // OpenSSL's verification knows no clock but the machine's.
    let clock = TestClock()
    clock.advance(Date().timeIntervalSince(TestClock.start))
    try await withConsole(clock: clock) { console in
      var system = try await TestSystem(console, names: ["web"])
      try TestSystem.placeFiles("edge", system.old, in: system.targets, number: 7)
      let endpoint = Endpoint(host: "127.0.0.1", port: listener.port)
      system.components.append(
        try await system.store.addComponent(TestSystem.component("edge", stage: 2, endpoints: [endpoint])))
      let targets = system.targets
      // They keep it, so it must not keep them.
      let load: @Sendable (Bool) -> Void = { [weak targets] takesBundle in
        let files = ["cert", "key", "bundle"].map { name in
          targets?.file("/srv/edge/\(name).pem")?.content.withBytes { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        guard let chain = try? Certificate.parse(pem: files[0]), let bundle = try? Certificate.parse(pem: files[2]),
          let key = try? PrivateKey(pem: SecretBytes(utf8: files[1]))
        else { return }
        listener.load(Identity(chain: chain, key: key))
        if takesBundle { listener.demand(bundle) }
      }
      load(true)
      targets.onActivation(of: "edge") { load(loadsBundle) }
      try await body(system, listener)
    }
  }

  @Test("The trust action ends once a client certificate of the new root has been accepted, and the journal says so")
  func proven() async throws {
    try await withDemandingListener { system, listener in
      #expect(try await system.plan().says("1 of 2 components with a trust bundle will show on the wire"))
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      #expect(
        try await system.journal(id).contains(
          "edge: 127.0.0.1:\(listener.port) accepts a client certificate of the new root, and refuses one of an "
            + "unknown root"))
    }
  }

  @Test("A component that was told to reload and still refuses the new root stops the update before any certificate")
  func refused() async throws {
    try await withDemandingListener(loadsBundle: false) { system, _ in
      let before = system.targets.snapshot
      let id = try await system.start()
      let asked = try await system.settled(id)
      let trust = ActionID(.trust, try system.id("edge"))
      #expect(asked.openFailures == [trust])
      #expect(asked.action(trust)?.failure?.code == "NEW_ROOT_REFUSED")
      #expect(try system.issuer("web") == "Old root" && system.issuer("edge") == "Old root")
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      #expect(system.targets.snapshot == before)
    }
  }

  @Test("The plan names the components of which acceptance cannot be proven, and why")
  func notProvable() async throws {
    try await withSystem(["web"]) { system in
      let plan = try await system.plan()
      #expect(plan.says("Proof that the new root is accepted"))
      #expect(
        plan.says("The one component with a trust bundle will not show on the wire that it accepts the new root."))
      #expect(plan.says("Why it is not provable: web no endpoint is configured at which it could be asked"))
    }
  }

  @Test("The plan says what a failure of trust would break, after which decision, and that all else breaks nothing")
  func contingencies() async throws {
    try await withSystem { system in
      let plan = try await system.plan()
      #expect(plan.says("No connection between the components would break at any moment of the planned course."))
      #expect(plan.says("Trust fails at web") && plan.says("web → broker") && plan.says("refused by web"))
      #expect(!plan.says("Deploy fails at"))
    }
  }

  @Test("A root with the name of a trusted one and another key is explained, and starts only by a choice of its own")
  func namesake() async throws {
    try await withSystem { system in
      let other = try TestRoot("Old root")
      let root = try await TestSystem.add(other, "The same name", to: system.store)
      let plan = try await system.plan(root: root)
      #expect(plan.says("SAME_NAME_OTHER_KEY") && plan.says("find the issuer of a certificate by its name alone"))
      let form = try #require(PageForm.all(plan.html).first { $0.action == "/updates" })
      let number = try #require(form.value("plan"))
      let token = form.fields.filter { $0.name != "acceptProblems" && $0.name != "acceptNamesake" }
        .map { ($0.name, $0.value) }
      for (ticked, started) in [
        (["acceptProblems"], false), (["acceptNamesake"], false), (["acceptProblems", "acceptNamesake"], true),
      ] {
        let answer = try await system.browser.post("/updates", token + ticked.map { ($0, "yes") })
        #expect(answer.status == (started ? 303 : 409), "\(ticked) of plan \(number)")
      }
      let id = try #require(try await system.store.updates().first?.id)
      #expect(try await system.settled(id).outcome == .completed)
    }
  }
}
