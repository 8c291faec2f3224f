import Foundation
import GRDB
import PKI
import Rotation
import Testing

@testable import Store

@Suite("What the store knows of roots that retire") struct RetirementTests {
  /// A system that has been updated from a root that its components presented to a new one.
  private struct Updated {
    let system: TestSystem
    let components: [Component]
    let old: TestIdentity
    let new: RootRecord.ID
    let first: UpdateRecord.ID

    var key: RootKey { RootKey(old.certificate.fingerprint.hex) }

    init(imports: Bool = true) async throws {
      system = try TestSystem()
      components = try await system.addComponents("a", "b")
      old = try imports ? await system.importRoot("Old").identity : TestIdentity.make("Old")
      new = try await system.importRoot("New").id
      let plan = try await Self.plan(system, components, new, presents: RootKey(old.certificate.fingerprint.hex), old)
      let started = try await system.store.startUpdate(plan: plan, course: .of(components), by: "ada", worker: "w1")
      first = started.update.id
      var update = TestUpdate(system: system, root: new, id: first)
      update.take(started.advance)
      try await update.run()
    }

    static func plan(
      _ system: TestSystem, _ components: [Component], _ root: RootRecord.ID, presents: RootKey,
      retires: RetiredRoot? = nil, _ kept: TestIdentity
    ) async throws -> Plan.ID {
      let record = try await system.store.root(root)
      let plan = Plan(
        root: PlannedRoot(
          id: root.rawValue, name: record.name, subject: record.certificate.subject,
          key: RootKey(record.certificate.fingerprint.hex), notBefore: record.certificate.notBefore,
          notAfter: record.certificate.notAfter),
        retires: retires, months: 12, childNotAfter: record.certificate.notAfter, policy: .stop, https: .existing,
        components: components.map {
          PlannedComponent(
            component: $0, findings: Findings(presents: presents), actions: [], problems: [], notes: [])
        }, problems: [], refusals: [], estimatedSeconds: 1, madeAt: system.clock.now)
      let file = FoundFile(
        role: .trustBundle, path: "/etc/ca.pem",
        state: .init(sha256: "", size: 1, owner: 0, group: 0, mode: 0o644))
      let bundle = KeptFile(file: file, content: SecretBytes(utf8: kept.certificate.pem))
      return try await system.store.savePlan(plan, files: [components[1].id: [bundle]])
    }

    /// Starts the retirement of the old root.
    func retire(failing: Set<ActionID> = []) async throws -> TestUpdate {
      let newKey = RootKey(try await system.store.root(new).certificate.fingerprint.hex)
      let plan = try await Self.plan(
        system, components, new, presents: newKey, retires: RetiredRoot(name: "Old", subject: "CN=Old", key: key), old)
      let course = Course(
        members: components.map {
          Course.Member(id: $0.id, name: $0.name, presentsBefore: newKey, acceptsBefore: [key, newKey])
        }, root: newKey, retires: key, policy: .stop, changesHTTPS: false)
      let started = try await system.store.startUpdate(plan: plan, course: course, by: "ada", worker: "w1")
      var update = TestUpdate(system: system, root: new, id: started.update.id, failing: failing)
      update.take(started.advance)
      return update
    }

    func state(_ name: String) async throws -> RootRecord.State? {
      try await system.store.roots().first { $0.name == name }?.state
    }
  }

  @Test("An imported root that components presented before an update is retiring after it, and not before")
  func presentedBefore() async throws {
    let system = try TestSystem()
    let components = try await system.addComponents("a", "b")
    let old = try await system.importRoot("Old")
    let new = try await system.importRoot("New").id
    let key = RootKey(old.identity.certificate.fingerprint.hex)
    let plan = try await Updated.plan(system, components, new, presents: key, old.identity)
    let started = try await system.store.startUpdate(plan: plan, course: .of(components), by: "ada", worker: "w1")
    #expect(try await system.store.root(old.id).state == .imported)
    var update = TestUpdate(system: system, root: new, id: started.update.id)
    update.take(started.advance)
    try await update.run()
    #expect(try await system.store.root(old.id).state == .retiring)
    try await update.decide(.abort)
    #expect(try await system.store.root(old.id).state == .imported)
    #expect(try await system.store.retiringRoots().isEmpty)
  }

  @Test(
    "A completed retirement makes the root retired, leaves the certificate set as it is, and lets the root be removed")
  func completed() async throws {
    let updated = try await Updated()
    let (store, set) = (updated.system.store, try await updated.system.store.currentSet())
    #expect(try await updated.state("Old") == .retiring)
    var update = try await updated.retire()
    #expect(try await updated.state("Old") == .retiring)
    try await update.run()
    #expect(try await store.update(update.id).outcome == .completed)
    #expect(try await store.update(update.id).retiresName == "Old")
    #expect(try await updated.state("Old") == .retired)
    #expect(try await updated.state("New") == .inForce)
    #expect(try await store.currentSet() == set)
    #expect(try await store.retiringRoots().isEmpty)
    let old = try #require(try await store.roots().first { $0.name == "Old" })
    try await store.removeRoot(old.id)
    // What is imported again counts as new.
    updated.system.clock.advance(1)
    _ = try await store.importRoot(
      name: "Old again", certificate: updated.old.certificate, key: updated.old.key, warnings: [], by: "ada")
    #expect(try await updated.state("Old again") == .imported)
  }

  @Test("A root stays retiring where a component was left with it, and where the retirement was taken back")
  func notCompleted() async throws {
    let updated = try await Updated()
    let failing = ActionID(.trust, updated.components[0].id)
    var update = try await updated.retire(failing: [failing])
    try await update.run()
    try await update.decide(.override)
    #expect(try await updated.system.store.update(update.id).outcome == .completedWithErrors)
    #expect(try await updated.state("Old") == .retiring)
    try await update.decide(.abort)
    #expect(try await updated.state("Old") == .retiring)
  }

  @Test("An update after which the root is in force, or presented, again ends its retirement")
  func broughtBack() async throws {
    let updated = try await Updated()
    var update = try await updated.retire()
    try await update.run()
    let old = try #require(try await updated.system.store.roots().first { $0.name == "Old" })
    var back = try await TestUpdate.start(updated.system, updated.components, root: old.id)
    #expect(try await updated.state("Old") != .retired)
    try await back.run()
    #expect(try await updated.state("Old") == .inForce)
    #expect(try await updated.state("New") == .retiring)
    try await back.decide(.abort)
    #expect(try await updated.state("Old") == .retired)
  }

  @Test("A root that was never imported is found in the kept bundles, until it is retired")
  func neverImported() async throws {
    let updated = try await Updated(imports: false)
    let found = try await updated.system.store.retiringRoots()
    #expect(found.map(\.key) == [updated.key])
    #expect(found.first?.record == nil && found.first?.name == updated.old.certificate.commonName)
    #expect(try await updated.system.store.rootCertificate(updated.key) == updated.old.certificate)
    var update = try await updated.retire()
    try await update.run()
    #expect(try await updated.system.store.retiringRoots().isEmpty)
    try await update.decide(.abort)
    #expect(try await updated.system.store.retiringRoots().map(\.key) == [updated.key])
  }

  @Test("A root that was never imported and that no kept bundle shows is known by what the start wrote down of it")
  func keptByTheStart() async throws {
    let system = try TestSystem()
    let components = try await system.addComponents("a", "b")
    let (old, other) = (try TestIdentity.make("Old"), try TestIdentity.make("Other"))
    let new = try await system.importRoot("New").id
    let key = RootKey(old.certificate.fingerprint.hex)
    let plan = try await Updated.plan(system, components, new, presents: key, other)
    let started = try await system.store.startUpdate(
      plan: plan, course: .of(components), presented: [other.certificate, old.certificate], by: "ada", worker: "w1")
    var update = TestUpdate(system: system, root: new, id: started.update.id)
    update.take(started.advance)
    try await update.run()
    #expect(try await system.store.retiringRoots().map(\.key) == [key])
    #expect(try await system.store.rootCertificate(key) == old.certificate)
  }

  @Test("After a retirement the update before it cannot be aborted, and the sentence says why")
  func superseded() async throws {
    let updated = try await Updated()
    let store = updated.system.store
    var update = try await updated.retire()
    let question = try await store.state(updated.first).question
    let abort = Event.decided(Decision(.abort, question: question, by: "ada"))
    #expect(await code { _ = try await store.advance(updated.first, [abort], worker: "w") } == "UPDATE_RUNS")
    try await update.run()
    #expect(await code { _ = try await store.advance(updated.first, [abort], worker: "w") } == "UPDATE_SUPERSEDED")
    let sentence = try #require(try await store.supersession(of: updated.first))
    #expect(sentence.contains("the certificates that Abort would put back would not be accepted any more"))
    #expect(sentence.contains("Abort update \(update.id) first"))
    try await update.decide(.abort)
    #expect(try await store.supersession(of: updated.first) == nil)
    _ = try await store.advance(updated.first, [abort], worker: "w")
  }

  @Test("A retirement that runs is found again by the next start, and Abort puts its bundles back")
  func restarted() async throws {
    let updated = try await Updated()
    let update = try await updated.retire()
    let left = try updated.system.folder.copy()
    let store = try Store.open(folder: left.path)
    let found = try #require(try await store.unfinishedUpdate())
    #expect(found.id == update.id && found.retires == updated.key)
    let state = try await store.state(found.id)
    #expect(state.standing == .running && state.course.purpose == .retirement)
    let lost = state.actionsInFlight.keys.map { Event.InterruptedAction(action: $0, failure: TestUpdate.failure) }
    #expect(lost.count == 2)
    let asked = try await store.advance(found.id, [.interrupted(lost)], worker: "w2")
    #expect(asked.state.standing == .deciding)
    let abort = Event.decided(Decision(.abort, question: asked.state.question, by: "ada"))
    let back = try await store.advance(found.id, [abort], worker: "w2")
    #expect(
      Set(back.effects) == Set(updated.components.map { .perform(ActionID(.restoreTrust, $0.id), attempt: 1) }))
    try store.close()
  }

  @Test("The components that the current set’s update set aside are known")
  func setAside() async throws {
    let system = try TestSystem()
    let components = try await system.addComponents("a", "b")
    let root = try await system.importRoot("New").id
    #expect(try await system.store.setAsideComponents().isEmpty)
    let failing = ActionID(.deploy, components[0].id)
    var update = try await TestUpdate.start(system, components, root: root, failing: [failing])
    try await update.run()
    update.failing = []
    try await update.decide(.override)
    #expect(try await system.store.setAsideComponents() == [components[0].id])
  }

  @Test("A database of before retirement opens, and knows which roots are on their way out")
  func formerDatabase() async throws {
    let updated = try await Updated()
    // Its plans were not compressed.
    try await updated.system.store.write { database in
      for id in try Int64.fetchAll(database, sql: "SELECT id FROM plans") {
        let text = try Store.text(of: Plan.ID(rawValue: id), database)
        try database.execute(sql: "UPDATE plans SET body = ?, packed = NULL WHERE id = ?", arguments: [text, id])
      }
    }
    try updated.system.store.close()
    try updated.system.folder.sql(
      """
      DROP TABLE former_roots;
      ALTER TABLE updates DROP COLUMN retires;
      ALTER TABLE updates DROP COLUMN retires_name;
      DELETE FROM grdb_migrations WHERE identifier = '1.1 retirement';
      """)
    let store = try Store.open(folder: updated.system.folder.path)
    #expect(try await store.retiringRoots().map(\.key) == [updated.key])
    #expect(try await store.update(updated.first).retires == nil)
    #expect(try await store.state(updated.first).outcome == .completed)
    try store.close()
  }
}
