import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("The same refusal on a page and over the API", .timeLimit(.minutes(2))) struct SameRefusalTests {
  /// The page shows the status, the code and the sentence that the API answers.
  private func expectSame(
    _ page: Answer, _ program: Answer, _ code: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(program.problemCode == code, "\(program)", sourceLocation: sourceLocation)
    #expect(page.status == program.status, "\(page)", sourceLocation: sourceLocation)
    // What to do may differ, as a page has other ways on.
    let told = try program.json
    let sentence = try #require(told["cause"]?.text ?? told["detail"]?.text, sourceLocation: sourceLocation)
    #expect(page.says(code) && page.says(sentence), "\(page)", sourceLocation: sourceLocation)
  }

  @Test("A decision that is late, and one that lacks its reason")
  func decisions() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      let question = try await system.settled(id).question
      let path = "/updates/\(id)/decisions"
      let csrf = try await system.browser.token()
      for (kind, question, code) in [
        ("retry", question + 1, "DECISION_STALE"), ("override", question, "REASON_NEEDED"),
      ] {
        let page = try await system.browser.post(
          path, [("csrf", csrf), ("decision", kind), ("question", "\(question)"), ("reason", "")])
        let body: [String: JSONValue] = ["decision": .string(kind), "question": .integer(Int64(question))]
        try expectSame(page, try await program.send("POST", path, .object(body)), code)
      }
    }
  }

  @Test("A setting that cannot be switched, and an answer to a request of one's own")
  func agreements() async throws {
    try await withSystem { system in
      let (console, browser) = (system.console, system.browser)
      let program = try await Program(console)
      let csrf = try await browser.token()
      try expectSame(
        try await browser.post("/settings/second-person", [("csrf", csrf), ("second_person", "on")]),
        try await program.send("PUT", "/settings/second-person", ["isOn": true]), "TOO_FEW_USERS")
      try expectSame(
        try await browser.post("/settings/second-factor", [("csrf", csrf), ("second_factor", "on")]),
        try await program.send("PUT", "/settings/second-factor", ["isRequired": true]), "NO_SECOND_FACTOR")
      let people = try await SecondPersonSystem(system)
      let asked = try await people.ask(browser, plan: people.plan())
      let hash = try await console.store.agreement(people.id(asked)).subject.hash
      try expectSame(
        try await people.answer(asked, "agree", browser),
        try await program.send("POST", asked + "/answers", ["answer": "agree", "hash": .string(hash)]), "SAME_PERSON")
    }
  }

  @Test("To decline takes a reason, and no longer one than is kept, whichever way")
  func reasons() async throws {
    try await withSecondPerson { people in
      let asked = try await people.ask(people.one, plan: people.plan())
      let program = try await Program(people.console, .operator, number: 2)
      let hash = JSONValue.string(try await people.store.agreement(people.id(asked)).subject.hash)
      for reason in [" \n", String(repeating: "x", count: Agreement.longestReason + 1)] {
        let page = try await people.answer(asked, "decline", people.two, reason: reason)
        #expect(page.status == 422 && page.errorFields == ["reason"], "\(page)")
        let refused = try await program.send(
          "POST", asked + "/answers", ["answer": "decline", "hash": hash, "reason": .string(reason)])
        #expect(try refused.json["errors"]?.elements?.first?["pointer"] == "/reason", "\(refused)")
      }
      #expect(try await people.standing(asked) == .waiting)
      let longest = String(repeating: "x", count: Agreement.longestReason)
      #expect(try await people.answer(asked, "decline", people.two, reason: longest).status == 303)
      #expect(try await people.store.agreement(people.id(asked)).reason == longest)
    }
  }

  @Test("Why a decision was taken is in the audit log, whatever it was")
  func decisionReason() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      let question = try await system.settled(id).question
      let body: JSONValue = [
        "decision": "retry", "question": .integer(Int64(question)), "reason": "The disk was full.",
      ]
      let program = try await Program(system.console)
      #expect(try await program.send("POST", "/updates/\(id)/decisions", body).status == 202)
      try await system.settled(id)
      let entry = try await system.store.auditEntries(limit: 20).first { $0.event == "update.decided" }
      #expect(entry?.reason == "The disk was full." && entry?.details["decision"] == "Retry")
    }
  }

  @Test("An export of the components is recorded, whichever way, and is the same text")
  func exports() async throws {
    try await withSystem { system in
      let page = try await system.browser.get("/components/export")
      let program = try await Program(system.console, .viewer).get("/component-lists")
      #expect(program.status == 200 && program.body == page.body && program.says("name: \"broker\""), "\(program)")
      let entries = try await system.store.auditEntries(limit: 20).filter { $0.event == "components.exported" }
      #expect(entries.map(\.author.name) == ["viewer", "ada"])
    }
  }

  @Test("When a certificate is told of is one setting, for pages too")
  func ends() async throws {
    try await withBrowser { console, browser in
      _ = try await TestSystem.add(TestRoot("Short", to: 45.5 * 86_400), "Short", to: console.store)
      #expect(try await !browser.get("/roots").says("ends in"))
      try await console.store.set("expiry_days", to: "46")
      #expect(try await browser.get("/roots").says("ends in 45 days"))
    }
  }
}
