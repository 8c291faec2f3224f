import Foundation
import GRDB
import Testing

@testable import Store

@Suite("The version of what is kept") struct DataVersionTests {
  @Test("is another one after every write, whoever makes it, and the same after what only reads")
  func changes() async throws {
    let folder = try TestFolder()
    let store = try Store.open(folder: folder.path)
    var seen: Set<Int> = [try #require(store.version)]
    func isNew() throws -> Bool { seen.insert(try #require(store.version)).inserted }
    _ = try await store.roots()
    #expect(try !isNew())
    try await store.set("one", to: "1")
    #expect(try isNew())
    #expect(try !isNew())
    try await store.writeAside { try $0.execute(sql: "UPDATE settings SET value = '2' WHERE key = 'one'") }
    #expect(try isNew())
    try folder.sql("UPDATE settings SET value = '3' WHERE key = 'one'")
    #expect(try isNew())
    await #expect(throws: (any Error).self) {
      try await store.write { database in
        try database.execute(sql: "UPDATE settings SET value = '4' WHERE key = 'one'")
        throw StoreError.changedMeanwhile
      }
    }
    #expect(try !isNew())
    // Neither folding the log nor emptying it hides a change.
    try await store.tidy()
    _ = try isNew()
    try await store.set("one", to: "5")
    #expect(try isNew())
    try store.close()
    #expect(store.version == nil)
  }

  @Test("is not told by a store that is only read")
  func reading() throws {
    let folder = try TestFolder()
    try Store.open(folder: folder.path).close()
    #expect(try Store.openForReading(folder: folder.path).version == nil)
  }
}
