import Foundation
import GRDB
import PKI
import Rotation
import Testing

@testable import Store

@Suite("What is used while the disk is full", .timeLimit(.minutes(1))) struct NotedUseTests {
  @Test("A session and a token let in although their use cannot be noted, and are noted once there is room")
  func used() async throws {
    let system = try TestSystem()
    let store = system.store
    let user = try await store.addUser(
      name: "vera", role: .viewer, hash: try PasswordHash.make(SecretBytes(utf8: "a long passphrase")))
    let session = try await store.createSession(user.user)
    let token = try await store.makeToken(named: "t", of: user.user.id, role: .viewer, days: 1).token
    let begun = system.clock.now
    system.clock.advance(120)

    // Each note takes a megabyte then, for which there is no page.
    try await store.write { database in
      try database.execute(
        sql: """
          CREATE TABLE ballast (bytes BLOB);
          CREATE TRIGGER sessions_weigh AFTER UPDATE ON sessions BEGIN INSERT INTO ballast VALUES (zeroblob(1000000)); END;
          CREATE TRIGGER tokens_weigh AFTER UPDATE ON tokens BEGIN INSERT INTO ballast VALUES (zeroblob(1000000)); END;
          """)
    }
    try await limit(store, 1)
    #expect(try await store.session(session)?.seenAt == begun)
    #expect(try await store.token(token, from: "192.0.2.1") != nil)
    #expect(try await store.token(token, from: "192.0.2.1")?.usedAt == nil)

    try await limit(store, 1_000_000)
    #expect(try await store.session(session) != nil)
    #expect(try await store.session(session)?.seenAt == system.clock.now)
    #expect(try await store.token(token, from: "192.0.2.1") != nil)
    #expect(try await store.token(token, from: "192.0.2.1")?.usedAt == system.clock.now)
  }

  /// Lets the database have so many pages at most; what it has it keeps.
  private func limit(_ store: Store, _ pages: Int) async throws {
    try await store.write { _ = try Int.fetchOne($0, sql: "PRAGMA max_page_count = \(pages)") }
  }
}
