import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("A second person agrees to Abort", .timeLimit(.minutes(3))) struct AbortAgreementTests {
  /// An update that waits for a decision.
  private func withFailure(
    _ body: (SecondPersonSystem, UpdateRecord.ID, String) async throws -> Void
  ) async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "broker")
      let id = try await system.start()
      #expect(try await system.settled(id).standing == .deciding)
      let people = try await SecondPersonSystem(system)
      let asked = try await press(people.one, id, .abort)
      let request = try #require(asked.location, "\(asked.text)")
      #expect(request.hasPrefix("/agreements/"))
      try await body(people, id, request)
    }
  }

  private func press(_ browser: Browser, _ id: UpdateRecord.ID, _ kind: Decision.Kind) async throws -> Answer {
    let page = try await browser.get("/updates/\(id)")
    let form = try #require(
      PageForm.all(page.html).first { $0.value("decision") == kind.rawValue && $0.value("action") == nil })
    return try await browser.post(
      form.action, form.fields.map { ($0.name, $0.name == "reason" ? TestSystem.reason : $0.value) })
  }

  @Test("Abort waits for another person, is shown to all, and is done the moment that person agrees")
  func agreed() async throws {
    try await withFailure { people, id, request in
      let before = try await people.store.state(id)
      #expect(before.standing == .deciding)
      let viewer = try await people.console.browser(.viewer)
      for browser in [people.one, people.two, viewer] {
        #expect(try await browser.get("/updates/\(id)").says("operator asks to abort."))
      }
      #expect(try await !people.two.get("/updates/\(id)").has("id=\"decide-abort\""))
      #expect(try await people.answer(request, "agree", people.one).status == 403)
      #expect(try await people.store.state(id).question == before.question)
      #expect(try await people.two.get("/roots").says("operator asks for your agreement to abort update 1"))

      let stream = try await viewer.events("/updates/\(id)/events")
      #expect(try await people.answer(request, "agree", people.two).location == "/updates/\(id)")
      #expect(try await people.system.settled(id).outcome == .rolledBack)
      #expect(try await people.standing(request) == .used)
      let journal = try await people.system.journal(id)
      #expect(journal.contains { $0.contains("operator asks to abort this update") })
      #expect(journal.contains { $0.contains("operator2 agreed to what operator asked for") })
      try await eventually("The viewer is sent it") { stream.text.contains("operator2 agreed") }
      stream.close()
    }
  }

  @Test("A request is sent to every open page")
  func live() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "broker")
      let id = try await system.start()
      #expect(try await system.settled(id).standing == .deciding)
      let people = try await SecondPersonSystem(system)
      let last = try await people.store.lastSequence(id)
      let stream = try await people.two.events("/updates/\(id)/events?after=\(last)")
      #expect(try await press(people.one, id, .abort).status == 303)
      try await eventually("The panel with the request comes") { stream.text.contains("abort-request") }
      stream.close()
    }
  }

  @Test(
    "Another decision makes the request void, and needs nobody's agreement",
    arguments: [
      Decision.Kind.retry, .override, .continueUpdate,
    ])
  func otherDecision(_ kind: Decision.Kind) async throws {
    try await withFailure { people, id, request in
      #expect(try await press(people.two, id, kind).status == 303)
      #expect(try await people.standing(request) == .void)
      try await people.system.settled(id)
      let state = try await people.store.state(id)
      #expect(try await people.answer(request, "agree", people.two).status == 409)
      #expect(try await people.store.state(id) == state)
    }
  }

  @Test("Abort without the agreement is refused by the store itself, whoever asks for it")
  func direct() async throws {
    try await withFailure { people, id, request in
      let store = people.store
      let (before, hash) = (try await store.state(id), try await store.agreement(people.id(request)).subject.hash)
      let abort = Event.decided(Decision(.abort, question: before.question, by: "operator"))
      #expect(await refusal { _ = try await store.advance(id, [abort], worker: "w") } == "AGREEMENT_NEEDED")
      let (one, two) = (try await people.console.user(.operator).id, try await people.console.user(.operator, 2).id)
      let viewer = try await people.console.user(.viewer).id
      for (user, code) in [(one, "SAME_PERSON"), (viewer, "ROLE_NEEDED")] {
        let consent = AgreementAnswer(try people.id(request), by: user, hash: hash)
        #expect(await refusal { _ = try await store.advance(id, [abort], consent: consent, worker: "w") } == code)
      }
      // The consent to Abort lets through nothing else.
      let retry = Event.decided(Decision(.retry, question: before.question, by: "operator"))
      let consent = AgreementAnswer(try people.id(request), by: two, hash: hash)
      #expect(
        await refusal { _ = try await store.advance(id, [retry], consent: consent, worker: "w") } == "AGREEMENT_OVER")
      #expect(await refusal { _ = try await store.agree(consent) } == "AGREEMENT_OVER")
      #expect(try await store.state(id) == before)
      #expect(try await people.standing(request) == .waiting)
    }
  }

  @Test("Of an agreement to Abort and another decision at the same moment one is taken")
  func race() async throws {
    try await withFailure { people, id, request in
      let store = people.store
      let question = try await store.state(id).question
      let consent = AgreementAnswer(
        try people.id(request), by: try await people.console.user(.operator, 2).id,
        hash: try await store.agreement(people.id(request)).subject.hash)
      let updates = people.console.console.services.updates
      let asked = try await store.agreement(people.id(request))
      async let abort = refusal { try await updates.agree(asked, consent) }
      async let other = refusal {
        try await updates.decide(id, Decision(.override, question: question, by: "ada"))
      }
      let outcomes = [await abort, await other]
      #expect(outcomes.count { $0 == "" } == 1, "\(outcomes)")
      let state = try await people.system.settled(id)
      #expect((state.outcome == .rolledBack) == (outcomes[0] == ""))
      #expect(try await people.standing(request) == (outcomes[0] == "" ? .used : .void))
    }
  }

  @Test("An update that has ended is rolled back only with an agreement, too, and a declined one stays")
  func afterTheEnd() async throws {
    try await withSystem { system in
      try await system.updateToNew()
      let people = try await SecondPersonSystem(system)
      let id = UpdateRecord.ID(rawValue: 1)
      let request = try #require(try await press(people.one, id, .abort).location)
      #expect(try await people.answer(request, "decline", people.two, reason: "It works").status == 303)
      #expect(try await people.store.state(id).outcome == .completed)
      #expect(try await people.system.journal(id).contains { $0.contains("declined by operator2: It works") })
      let again = try #require(try await press(people.one, id, .abort).location)
      #expect(try await people.answer(again, "agree", people.ada).status == 303)
      #expect(try await system.settled(id).outcome == .rolledBack)
    }
  }
}
