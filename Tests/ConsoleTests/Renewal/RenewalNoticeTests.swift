import Foundation
import Testing

@testable import Console
@testable import Store

@Suite("What is told of renewals", .timeLimit(.minutes(2))) struct RenewalNoticeTests {
  @Test(
    "That a renewal is due and was not started is told by the console itself, with the reason, once"
  )
  func told() async throws {
    try await withSending { system, sending, _ in
      let first = try await system.start()
      try #require(try await system.settled(first).outcome == .completed)
      try await system.store.set(PlainSetting.emailTo.key, to: "ops@example.net")
      try await system.store.set(PlainSetting.renewal.key, to: "30 days")
      // As far as the console can tell, its clock was set forward by this.
      system.console.clock.advance(340 * 86_400)
      let desk = system.console.console.services.renewal
      #expect(await desk.look() == .held(code: "CLOCK_IN_DOUBT"))
      #expect(await desk.look() == .nothing)
      let about = "due to be renewed"
      try await eventually("it is told") {
        try sending.mails().contains { $0.subject.contains(about) }
      }
      let mails = try sending.mails().filter { $0.subject.contains(about) }
      #expect(mails.count == 1 && mails[0].text.contains("clock was set"))
    }
  }
}
