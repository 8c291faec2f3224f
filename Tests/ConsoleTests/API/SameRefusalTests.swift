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
    let sentence = try #require(try program.json["detail"]?.text, sourceLocation: sourceLocation)
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
}
