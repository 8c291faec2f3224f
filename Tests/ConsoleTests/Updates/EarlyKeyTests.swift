import Foundation
import GRDB
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("Keys made while a plan is read", .timeLimit(.minutes(2))) struct EarlyKeyTests {
  /// Makes the component's key one of this kind from now on.
  private func set(_ kind: KeyKind, _ name: String, _ system: TestSystem) async throws {
    var component = try #require(try await system.store.components().first { $0.name == name })
    component.key = kind
    try await system.store.replaceComponent(component)
  }

  private func plan(_ system: TestSystem) async throws -> (id: Plan.ID, page: Answer) {
    let page = try await system.plan()
    let number = try #require(page.form("/updates").value("plan").flatMap { Int64($0) })
    return (Plan.ID(rawValue: number), page)
  }

  @Test("A component gets the RSA key that was made for it before the start")
  func used() async throws {
    try await withSystem { system in
      try await set(.rsa2048, "broker", system)
      let (id, page) = try await plan(system)
      await system.console.console.services.updates.earlyKeys.finished()
      let broker = try system.id("broker")
      #expect(try await system.store.componentsWithEarlyKeys(id) == [broker])
      #expect(try await system.browser.get("/plans/\(id)").says("1 of 1 made"))
      // One that is known takes its place.
      let made = try PrivateKey.generate(.rsa2048).pkcs8PEM()
      try await system.store.write { try $0.execute(sql: "DELETE FROM early_keys") }
      try await system.store.keepEarlyKey(made, .rsa2048, of: broker, plan: id)
      let started = try await system.browser.submit(page, "/updates")
      let location = try #require(started.location)
      let update = UpdateRecord.ID(rawValue: try #require(Int64(location.split(separator: "/").last ?? "")))
      #expect(try await system.settled(update).outcome == .completed)
      let file = try #require(system.targets.file("/srv/broker/key.pem"))
      #expect(file.content.withBytes(Array.init) == made.withBytes(Array.init))
      #expect(try await system.store.componentsWithEarlyKeys(id).isEmpty)
      #expect(try await !system.browser.get("/plans/\(id)").says("RSA keys"))
    }
  }

  @Test("Nothing is made for a plan that cannot be started")
  func blocked() async throws {
    try await withSystem { system in
      try await set(.rsa2048, "broker", system)
      let root = try #require(try await system.store.roots().first { $0.name == "New root" }).id
      try await system.store.write {
        try $0.execute(sql: "UPDATE roots SET sealed_key = NULL WHERE id = ?", arguments: [root.rawValue])
      }
      let page = try await system.plan()
      #expect(!page.html.contains("action=\"/updates\"") && !page.says("RSA keys"))
      await system.console.console.services.updates.earlyKeys.finished()
      let kept = try await system.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM early_keys") }
      #expect(kept == 0)
    }
  }

  @Test("Nothing is made for elliptic keys")
  func elliptic() async throws {
    try await withSystem { system in
      let (id, page) = try await plan(system)
      await system.console.console.services.updates.earlyKeys.finished()
      #expect(try await system.store.componentsWithEarlyKeys(id).isEmpty)
      #expect(!page.says("RSA keys"))
    }
  }
}
