import Foundation
import GRDB
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("A journal that cannot be written", .timeLimit(.minutes(1))) struct UnwrittenTests {
  @Test("is told on the page, also on one that is open, and to those that watch; once it can, the update goes on")
  func told() async throws {
    try await withSystem { system in
      let (browser, store) = (system.browser, system.store)
      system.targets.hold("web")
      let id = try await system.start()
      try await eventually("The command is waited for") { system.targets.isHeld("web") }
      let open = try await browser.events("/updates/\(id)/events")
      #expect(open.status == 200)
      #expect(try await !browser.get("/updates/\(id)").says("Reroot cannot write"))

      try await store.write { database in
        let refuse = "SELECT RAISE(ABORT, 'no room'); END"
        try database.execute(sql: "CREATE TRIGGER broken BEFORE INSERT ON journal BEGIN \(refuse)")
      }
      system.targets.letGo("web")
      try await eventually("An open page says it") { open.text.contains("Reroot cannot write") }
      let page = try await browser.get("/updates/\(id)")
      #expect(page.says("What has ended cannot be written down, and nothing new begins until it is"), "\(page.text)")
      #expect(try await !browser.get("/updates").says("Reroot cannot write"))
      let ready = try await system.console.monitor("/readyz")
      #expect(ready.status == 503)
      #expect(try ready.json["detail"]?.text?.contains("cannot be written down") == true, "\(ready)")

      try await store.write { try $0.execute(sql: "DROP TRIGGER broken") }
      #expect(try await system.settled(id).outcome == .completed)
      #expect(try await !browser.get("/updates/\(id)").says("Reroot cannot write"))
      let unwritten = await system.console.console.services.updates.surroundings.unwritten
      #expect(unwritten.sentence == nil)
      open.close()
    }
  }
}
