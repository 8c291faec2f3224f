import Foundation
import Testing

@testable import Console
@testable import Store

@Suite("The setting of the second person", .timeLimit(.minutes(2))) struct SecondPersonSettingTests {
  @Test("It cannot be switched on with fewer than two people who could agree, and then keeps two of them")
  func enough() async throws {
    try await withBrowser { console, browser in
      let settings = try await browser.get("/settings")
      _ = try await console.user(.viewer)
      let added = try await console.store.addUser(
        name: "waits", role: .operator, hash: try #require(try await console.store.user(name: "ada")).passwordHash)
      let refused = try await browser.submit(settings, "/settings/second-person")
      #expect(refused.status == 409)
      #expect(refused.says("there must be two operators or administrators who have a password"))
      #expect(try await !console.store.isSecondPersonOn())

      let hash = try #require(try await console.store.user(name: "ada")).passwordHash
      _ = try await console.store.usePasswordLink(added.token, hash: hash)
      #expect(try await browser.submit(settings, "/settings/second-person").status == 303)
      let store = console.store
      let operation = added.user.id
      #expect(await refusal { try await store.removeUser(operation) } == "TOO_FEW_USERS")
      #expect(await refusal { try await store.changeUser(operation, name: "waits", role: .viewer) } == "TOO_FEW_USERS")
      #expect(await refusal { _ = try await store.makePasswordLink(operation, hash: hash) } == "TOO_FEW_USERS")
      #expect(try await store.user(operation).role == .operator)
      _ = try await console.user(.operator)
      #expect(await refusal { try await store.removeUser(operation) } == "")
    }
  }

  @Test("It is switched off only when another administrator agrees: an operator does not do, nor oneself")
  func switchOff() async throws {
    try await withSecondPerson { people in
      let asked = try await people.ada.submit(people.ada.get("/settings"), "/settings/second-person")
      let request = try #require(asked.location)
      #expect(try await people.ada.get("/settings").says("ada has asked to switch it off"))
      #expect(try await people.store.isSecondPersonOn())
      #expect(try await people.answer(request, "agree", people.ada).status == 403)
      #expect(try await people.answer(request, "agree", people.one).status == 403)
      #expect(try await !people.one.get("/roots").says("asks for your agreement"))
      #expect(try await people.store.isSecondPersonOn())
      let other = try await people.console.browser(.administrator, 2)
      #expect(try await other.get("/roots").says("ada asks for your agreement to switch off the second person"))
      #expect(try await people.answer(request, "agree", other).location == "/settings")
      #expect(try await !people.store.isSecondPersonOn())

      let plan = try await people.plan()
      #expect(try await people.start(people.one, plan: plan).location == "/updates/1")
      try await people.system.settled(UpdateRecord.ID(rawValue: 1))
    }
  }

  @Test("To switch it off while it is off is done at once, asks nobody, and leaves no trace")
  func offAlready() async throws {
    try await withBrowser { console, browser in
      let program = try await Program(console)
      let last = try await console.store.lastAuditNumber()
      for _ in 0..<2 {
        let off = try await program.send("PUT", "/settings/second-person", ["isOn": false])
        #expect(off.status == 202, "\(off)")
        #expect(try off.json == ["isTaken": true, "agreement": .null])
      }
      let form = [("csrf", try await browser.token()), ("second_person", "off")]
      let page = try await browser.follow(browser.post("/settings/second-person", form))
      #expect(page.status == 200 && page.says("The second person is off."))
      #expect(try await console.store.lastAuditNumber() == last)
      #expect(try await console.store.openAgreements().isEmpty)
    }
  }

  @Test("No form sets it behind the second person's back")
  func otherForms() async throws {
    try await withSecondPerson { people in
      let page = try await people.ada.get("/settings")
      _ = try await people.ada.submit(page, "/settings", ["parallel_components": "3", "second_person": "off"])
      #expect(try await people.store.isSecondPersonOn())
      let token = try await people.ada.token()
      for value in ["", "OFF", "0"] {
        let answer = try await people.ada.post("/settings/second-person", [("csrf", token), ("second_person", value)])
        #expect(answer.status == 400)
      }
      #expect(try await people.store.isSecondPersonOn())
    }
  }
}
