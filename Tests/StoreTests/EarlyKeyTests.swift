import GRDB
import PKI
import Rotation
import Testing

@testable import Store

@Suite("Keys that are made ahead") struct EarlyKeyTests {
  private let system: TestSystem
  private let root: RootRecord.ID
  private let components: [Component]

  init() async throws {
    system = try TestSystem()
    components = try await system.addComponents("a", "b")
    root = try await system.importRoot("New").id
  }

  @discardableResult
  private func keep(_ component: Component, _ plan: Plan.ID) async throws -> SecretBytes {
    let key = try PrivateKey.generate(.rsa2048).pkcs8PEM()
    try await system.store.keepEarlyKey(key, .rsa2048, of: component.id, plan: plan)
    return key
  }

  private func kept(_ plan: Plan.ID) async throws -> Set<Component.ID> {
    try await system.store.componentsWithEarlyKeys(plan)
  }

  private func start(_ plan: Plan.ID) async throws -> UpdateRecord.ID {
    try await system.store.startUpdate(plan: plan, course: .of(components), by: "ada", worker: "w").update.id
  }

  private func begin(_ update: UpdateRecord.ID, _ component: Component, with key: EarlyKey) async throws {
    _ = try await system.store.beginIssuance(
      update: update, component: component.id, root: root, serial: .random(), key: key.key, early: key.id, names: ["a"])
  }

  @Test("A key is found by its update, component and kind, and is the one that was kept first")
  func found() async throws {
    let plan = try await system.savePlan(root)
    let key = try await keep(components[0], plan)
    try await keep(components[0], plan)
    let update = try await start(plan)
    let found = try #require(try await system.store.earlyKey(.rsa2048, of: components[0].id, in: update))
    #expect(found.key.withBytes(Array.init) == key.withBytes(Array.init))
    #expect(try await system.store.earlyKey(.rsa3072, of: components[0].id, in: update) == nil)
    #expect(try await system.store.earlyKey(.rsa2048, of: components[1].id, in: update) == nil)
  }

  @Test("One key gets one certificate")
  func once() async throws {
    let plan = try await system.savePlan(root)
    try await keep(components[0], plan)
    let update = try await start(plan)
    let key = try #require(try await system.store.earlyKey(.rsa2048, of: components[0].id, in: update))
    try await begin(update, components[0], with: key)
    #expect(try await kept(plan).isEmpty)
    #expect(await code { try await begin(update, components[0], with: key) } == "NOT_FOUND")
    let issuances = try await system.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM issuances") }
    #expect(issuances == 1)
  }

  @Test("Nothing is kept for a plan that was started or is gone, and a start throws away what other plans have")
  func started() async throws {
    let plans = [try await system.savePlan(root), try await system.savePlan(root)]
    for plan in plans { try await keep(components[0], plan) }
    _ = try await start(plans[0])
    #expect(try await kept(plans[0]) == [components[0].id])
    #expect(try await kept(plans[1]).isEmpty)
    try await keep(components[1], plans[0])
    try await keep(components[1], Plan.ID(rawValue: 77))
    #expect(try await kept(plans[0]) == [components[0].id])
    #expect(try await kept(Plan.ID(rawValue: 77)).isEmpty)
  }

  @Test("What an update has not used is thrown away with its end, and what a plan has with the plan")
  func thrownAway() async throws {
    let plan = try await system.savePlan(root)
    try await keep(components[0], plan)
    let started = try await system.store.startUpdate(
      plan: plan, course: .of(components), by: "ada", worker: "w1")
    var update = TestUpdate(system: system, root: root, id: started.update.id)
    update.take(started.advance)
    try await update.run()
    #expect(try await update.state.outcome == .completed)
    #expect(try await kept(plan).isEmpty)
    let old = try await system.savePlan(root)
    try await keep(components[0], old)
    system.clock.advance(Store.planLifetime + 1)
    _ = try await system.savePlan(root)
    #expect(try await kept(old).isEmpty)
  }

  @Test("A restored database has none: they may have got their certificates since")
  func restored() async throws {
    let plan = try await system.savePlan(root)
    try await keep(components[0], plan)
    let sample = BackupSample(system)
    try sample.back()
    let folder = system.folder.base + "/other"
    _ = try sample.restore(sample.file, to: folder)
    let restored = try Store.open(folder: folder)
    #expect(try await restored.plan(plan).months == 12)
    #expect(try await restored.componentsWithEarlyKeys(plan).isEmpty)
  }
}
