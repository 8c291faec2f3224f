import Foundation
import GRDB
import PKI
import Rotation
import Testing

@testable import Store

@Suite("Secrets in the database") struct SealTests {
  /// Exchanges the sealed values of two rows of a table.
  private func swap(_ table: String, _ column: String, _ store: Store) async throws {
    try await store.write { database in
      let rows = try Row.fetchAll(database, sql: "SELECT id, \(column) AS sealed FROM \(table) ORDER BY id LIMIT 2")
      let pairs = rows.map { row -> (id: Int64, sealed: Data) in (row["id"], row["sealed"]) }
      for (one, other) in [(pairs[0], pairs[1]), (pairs[1], pairs[0])] {
        try database.execute(
          sql: "UPDATE \(table) SET \(column) = ? WHERE id = ?", arguments: [other.sealed, one.id])
      }
    }
  }

  @Test("A root's key that was moved to another row does not open")
  func roots() async throws {
    let system = try TestSystem()
    let (first, second) = (try await system.importRoot("1").id, try await system.importRoot("2").id)
    _ = try await system.store.rootKey(first)
    try await swap("roots", "sealed_key", system.store)
    for id in [first, second] {
      #expect(await code { _ = try await system.store.rootKey(id) } != nil)
    }
    try await swap("roots", "sealed_key", system.store)
    #expect(await code { _ = try await system.store.rootKey(first) } == nil)
  }

  @Test("A server certificate's key, and one that was issued, are bound to their rows too")
  func others() async throws {
    let system = try TestSystem()
    for name in ["1", "2"] {
      let identity = try TestIdentity.make(name)
      _ = try await system.store.addServerCertificate(
        name: name, chain: [identity.certificate], key: try identity.pem(), by: "ada")
    }
    let ids = try await system.store.serverCertificates().map(\.id)
    try await swap("server_certificates", "sealed_key", system.store)
    for id in ids { #expect(await code { _ = try await system.store.serverCertificateKey(id) } != nil) }

    let components = try await system.addComponents("a", "b")
    var update = try await TestUpdate.start(system, components, root: try await system.importRoot("R").id)
    try await update.run()
    _ = try #require(try await system.store.newestIssued(update.id, component: components[0].id))
    try await swap("issuances", "sealed_key", system.store)
    for component in components {
      #expect(await code { _ = try await system.store.newestIssued(update.id, component: component.id) } != nil)
    }
  }

  @Test("A key that was moved to another table does not open")
  func otherTable() async throws {
    let system = try TestSystem()
    let root = try await system.importRoot("R").id
    let identity = try TestIdentity.make("S")
    _ = try await system.store.addServerCertificate(
      name: "S", chain: [identity.certificate], key: try identity.pem(), by: "ada")
    let server = try #require(try await system.store.serverCertificates().first).id
    // Both have the number 1, so that only the tables differ.
    #expect(root.rawValue == server.rawValue)
    try await system.store.write {
      try $0.execute(sql: "UPDATE roots SET sealed_key = (SELECT sealed_key FROM server_certificates)")
    }
    #expect(await code { _ = try await system.store.rootKey(root) } != nil)
  }

  @Test("One bit that was turned in a sealed key is noticed", arguments: [0, 1, 20, -1])
  func oneBit(_ position: Int) async throws {
    let system = try TestSystem()
    let root = try await system.importRoot("R").id
    try await system.store.write { database in
      var sealed = try #require(try Data.fetchOne(database, sql: "SELECT sealed_key FROM roots"))
      sealed[position < 0 ? sealed.count + position : position] ^= 1
      try database.execute(sql: "UPDATE roots SET sealed_key = ?", arguments: [sealed])
    }
    #expect(await code { _ = try await system.store.rootKey(root) } != nil)
  }

  @Test("No private key stands in any file of the folder, kept files and held uploads included")
  func unsealed() async throws {
    let system = try TestSystem()
    let (root, identity) = try await system.importRoot("R")
    _ = try await system.store.holdImport(
      certificate: identity.certificate, key: identity.key,
      details: HeldImport.Details(fileName: "a", friendlyName: nil, warnings: [], uploadedBy: "ada"))
    let components = try await system.addComponents("a")
    let kept = KeptFile(
      file: FoundFile(role: .key, path: "/etc/a.key", state: nil), content: try identity.pem())
    _ = try await system.savePlan(root, files: [components[0].id: [kept]])
    var update = try await TestUpdate.start(system, components, root: root)
    try await update.run()
    let body = try identity.pem().withBytes { bytes in
      String(decoding: bytes, as: UTF8.self).split(separator: "\n")[1]
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: system.folder.path) {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: system.folder.path + "/" + name))
      #expect(bytes.range(of: Data("PRIVATE KEY".utf8)) == nil, "\(name)")
      #expect(bytes.range(of: Data(body.utf8)) == nil, "\(name)")
    }
  }

  @Test("A removed root's key is gone from the database")
  func removed() async throws {
    let system = try TestSystem()
    let root = try await system.importRoot("R").id
    try await system.store.removeRoot(root)
    #expect(await code { _ = try await system.store.rootKey(root) } == "NO_SECRET")
    #expect(try await system.store.root(root).name == "R")
    #expect(await code { _ = try await system.importRoot("R again") } == nil)
  }
}
