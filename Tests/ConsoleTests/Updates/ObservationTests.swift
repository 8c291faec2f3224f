import Foundation
import Testing

@testable import Console
@testable import Store

@Suite("Observations of old updates", .timeLimit(.minutes(2))) struct ObservationTests {
  @Test("They go so many days after the end as is set, which the page and the API say; until that is set they stay")
  func removed() async throws {
    try await withSystem { system in
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      let services = system.console.console.services
      // A session does not last so long; who looks then signs in anew.
      func page() async throws -> Answer { try await system.console.browser().get("/updates/\(id)") }
      func removedAt() async throws -> JSONValue? {
        try await Program(system.console).get("/updates/\(id)").json["observationsRemovedAt"]
      }
      system.console.clock.advance(29 * 86_400)
      try await services.removeObservations()
      #expect(try await page().says("Signed serial number"))

      let program = try await Program(system.console)
      #expect(try await program.send("PATCH", "/settings", ["observationDays": 30]).status == 200)
      try await services.removeObservations()
      #expect(try await page().says("Signed serial number"))
      let before = try await Program(system.console).get("/updates/\(id)")
      #expect(before.text.contains(#""observationsRemovedAt":null"#))

      system.console.clock.advance(2 * 86_400)
      try await services.removeObservations()
      let after = try await page()
      #expect(
        !after.says("Signed serial number") && after.says("What was observed on the way was removed from this log"))
      #expect(after.says("The certificate of web is generated"))
      #expect(try await removedAt()?.text != nil)
    }
  }
}
