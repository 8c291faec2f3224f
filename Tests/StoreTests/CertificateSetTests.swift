import Foundation
import PKI
import Rotation
import Testing

@testable import Store

@Suite("Certificate sets") struct CertificateSetTests {
  private func member(_ root: RootRecord.ID, _ serial: String = "01") -> CertificateSet.Member {
    CertificateSet.Member(
      root: root, fingerprint: String(repeating: "ab", count: 32), serial: serial,
      notAfter: Date(timeIntervalSince1970: 1_800_000_000))
  }

  @Test("What is in force already is recorded once as the first set, with its root in force")
  func firstSet() async throws {
    let system = try TestSystem()
    let components = try await system.addComponents("a", "b")
    let root = try await system.importRoot("Old").id
    let members = [components[0].id: member(root, "01"), components[1].id: member(root, "02")]
    try await system.store.recordFirstSet(root: root, members: members)
    let set = try #require(try await system.store.currentSet())
    #expect(set.number == 1)
    #expect(set.update == nil)
    #expect(set.previous == nil)
    #expect(set.members == members)
    #expect(try await system.store.root(root).state == .inForce)
    #expect(try await system.store.root(root).componentsUsing == 2)
    #expect(await code { try await system.store.removeRoot(root) } == "ROOT_IN_USE")
    let again = await code { try await system.store.recordFirstSet(root: root, members: [:]) }
    #expect(again == "SET_EXISTS")
    #expect(try await system.store.certificateSets().count == 1)
  }

  @Test("A completed update makes a set of what it issued, after the one before it")
  func completed() async throws {
    let system = try TestSystem()
    let components = try await system.addComponents("a", "b")
    let old = try await system.importRoot("Old").id
    try await system.store.recordFirstSet(root: old, members: [components[0].id: member(old)])
    let new = try await system.importRoot("New").id
    var update = try await TestUpdate.start(system, components, root: new)
    try await update.run()
    let set = try #require(try await system.store.currentSet())
    #expect(set.number == 2)
    #expect(set.previous == 1)
    #expect(set.update == update.id)
    #expect(set.members.keys.sorted() == components.map(\.id))
    #expect(set.members.values.allSatisfy { $0.root == new })
    #expect(try await system.store.root(old).state == .retiring)
    #expect(try await system.store.root(new).state == .inForce)
    #expect(try await system.store.previousSet()?.number == 1)
  }

  @Test("A component that failed keeps its former member when the update completed with errors")
  func withErrors() async throws {
    let system = try TestSystem()
    let components = try await system.addComponents("a", "b")
    let old = try await system.importRoot("Old").id
    try await system.store.recordFirstSet(
      root: old, members: [components[0].id: member(old, "0a"), components[1].id: member(old, "0b")])
    let new = try await system.importRoot("New").id
    var update = try await TestUpdate.start(
      system, components, root: new, failing: [ActionID(.verify, components[0].id)])
    try await update.run()
    try await update.decide(.continueUpdate)
    #expect(try await system.store.update(update.id).outcome == .completedWithErrors)
    let set = try #require(try await system.store.currentSet())
    #expect(set.root == new)
    #expect(set.members[components[0].id] == member(old, "0a"))
    #expect(set.members[components[1].id]?.root == new)
    update.failing = []
    try await update.decide(.retry)
    #expect(try await system.store.update(update.id).outcome == .completed)
    let mended = try #require(try await system.store.currentSet())
    #expect(mended.number == set.number)
    #expect(mended.members[components[0].id]?.root == new)
  }

  @Test("After a rollback the set before is in force again, without components that were removed meanwhile")
  func rolledBack() async throws {
    let system = try TestSystem()
    let components = try await system.addComponents("a", "b")
    let old = try await system.importRoot("Old").id
    try await system.store.recordFirstSet(
      root: old, members: [components[0].id: member(old, "0a"), components[1].id: member(old, "0b")])
    let new = try await system.importRoot("New").id
    var update = try await TestUpdate.start(system, components, root: new)
    try await update.run()
    try await system.store.removeComponent(components[1].id)
    try await update.decide(.abort)
    #expect(try await system.store.update(update.id).outcome == .rolledBack)
    let set = try #require(try await system.store.currentSet())
    #expect(set.number == 1)
    #expect(set.members == [components[0].id: member(old, "0a")])
    #expect(try await system.store.root(new).state == .imported)
    #expect(await code { try await system.store.removeRoot(new) } == nil)
  }

  @Test("An update's successor is the later one that was not rolled back")
  func successor() async throws {
    let system = try TestSystem()
    let components = try await system.addComponents("a")
    var first = try await TestUpdate.start(system, components, root: try await system.importRoot("1").id)
    try await first.run()
    #expect(try await system.store.successor(of: first.id) == nil)
    var second = try await TestUpdate.start(system, components, root: try await system.importRoot("2").id)
    #expect(try await system.store.successor(of: first.id) == second.id)
    try await second.run()
    #expect(try await system.store.successor(of: first.id) == second.id)
    try await second.decide(.abort)
    #expect(try await system.store.successor(of: first.id) == nil)
    #expect(try await system.store.successor(of: second.id) == nil)
  }
}
