import Foundation
import GRDB
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("A second person agrees to a start", .timeLimit(.minutes(3))) struct StartAgreementTests {
  @Test("An update starts once another operator has agreed to its plan, and only for who has asked")
  func agreed() async throws {
    try await withSecondPerson { people in
      let plan = try await people.plan()
      #expect(
        try await people.one.get(plan).says("Another operator or administrator has to agree before it can start."))
      #expect(try await people.start(people.one, plan: plan).status == 409)
      let request = try await people.ask(people.one, plan: plan)
      let own = try await people.one.get(request)
      #expect(own.says("You have asked."))
      #expect(!own.has("id=\"agree\""))
      #expect(own.says(try await people.store.planHash(Plan.ID(rawValue: 1))))
      #expect(try await people.start(people.one, plan: plan).says("Another operator or administrator must agree first"))

      // Everybody who could answer is told on every page, and nobody else.
      #expect(try await people.two.get("/roots").says("operator asks for your agreement to start plan 1"))
      #expect(try await people.ada.get("/components").says("operator asks for your agreement to start plan 1"))
      #expect(try await !people.one.get("/roots").says("asks for your agreement"))
      let viewer = try await people.console.browser(.viewer)
      #expect(try await !viewer.get("/roots").says("asks for your agreement"))
      #expect(try await !viewer.get(request).has("id=\"agree\""))
      #expect(try await people.answer(request, "agree", viewer).status == 403)

      #expect(try await people.answer(request, "agree", people.two).location == request)
      #expect(try await people.standing(request) == .agreed)
      #expect(try await !people.ada.get("/roots").says("asks for your agreement"))
      #expect(try await people.start(people.two, plan: plan).status == 409)
      #expect(try await people.start(people.ada, plan: plan).status == 409)
      #expect(try await people.store.updates().isEmpty)
      let started = try await people.one.submit(people.one.get(request), "/updates")
      #expect(started.location == "/updates/1", "\(started.text)")
      let id = UpdateRecord.ID(rawValue: 1)
      #expect(try await people.system.settled(id).outcome == .completed)
      #expect(
        try await people.system.journal(id).contains {
          $0.contains("operator2 agreed to what operator asked for (plan with the SHA-256 ")
        })
      #expect(try await people.standing(request) == .used)
      #expect(try await people.start(people.one, plan: plan).status == 409)
    }
  }

  @Test("Nobody agrees to a request of his own: not in another tab, not under another session, not under another name")
  func samePerson() async throws {
    try await withSecondPerson { people in
      let plan = try await people.plan()
      let request = try await people.ask(people.one, plan: plan)
      let hash = try await people.store.planHash(Plan.ID(rawValue: 1))
      let user = try await people.console.user(.operator)
      for browser in [people.one, try await people.console.browser(.operator)] {
        let token = try await browser.token()
        let refused = try await browser.post(
          request + "/answers", [("csrf", token), ("hash", hash), ("answer", "agree")])
        #expect(refused.status == 403)
        #expect(refused.says("You have asked for this yourself"))
      }
      try await people.store.changeUser(user.id, name: "somebody else", role: .administrator)
      #expect(try await people.answer(request, "agree", people.one).status == 403)
      #expect(try await people.standing(request) == .waiting)
      #expect(try await people.start(people.one, plan: plan).status == 409)
      // The database itself would not take it.
      await #expect(throws: StoreError.self) {
        try await people.store.write {
          try $0.execute(sql: "UPDATE agreements SET answer = 'agreed', answerer = asker")
        }
      }
    }
  }

  @Test("Another user of the same name is another person, and a removed user's request and agreement are void")
  func removedUsers() async throws {
    try await withSecondPerson { people in
      let store = people.store
      for removed in ["operator", "operator2"] {
        let plan = try await people.plan()
        let one = try await people.console.browser(.operator)
        let two = try await people.console.browser(.operator, 2)
        let request = try await people.ask(one, plan: plan)
        #expect(try await people.answer(request, "agree", two).status == 303)
        #expect(try await people.standing(request) == .agreed)
        let user = try #require(try await store.user(name: removed))
        try await store.removeUser(user.id)
        #expect(try await people.standing(request) == .void)
        // Somebody of the same name comes: the number is another one.
        let again = try await people.console.user(.operator, removed == "operator" ? 1 : 2)
        #expect(again.name == removed && again.id != user.id)
        #expect(try await people.standing(request) == .void)
        #expect(try await people.start(try await people.console.browser(.operator), plan: plan).status == 409)
        #expect(try await store.updates().isEmpty)
      }
    }
  }

  @Test("An agreement is void once one of the two has a lesser role, or lost the password")
  func lesserRole() async throws {
    try await withSecondPerson { people in
      let store = people.store
      let two = try await people.console.user(.operator, 2)
      let plan = try await people.plan()
      let request = try await people.ask(people.one, plan: plan)
      #expect(try await people.answer(request, "agree", people.two).status == 303)
      try await store.changeUser(two.id, name: two.name, role: .viewer)
      #expect(try await people.standing(request) == .void)
      #expect(try await people.start(people.one, plan: plan).status == 409)
      // The role comes back, the agreement does not.
      try await store.changeUser(two.id, name: two.name, role: .operator)
      #expect(try await people.standing(request) == .void)

      let again = try await people.ask(people.one, plan: plan)
      #expect(again != request)
      #expect(try await people.answer(again, "agree", people.ada).status == 303)
      let one = try await people.console.user(.operator)
      _ = try await store.makePasswordLink(one.id, hash: try PasswordHash.unknown())
      #expect(try await people.standing(again) == .void)
    }
  }

  @Test("A request and an agreement are good for 24 hours, to the second")
  func expiry() async throws {
    try await withSecondPerson { people in
      let plan = try await people.plan()
      let request = try await people.ask(people.one, plan: plan)
      people.console.clock.advance(24 * 3600 - 1)
      let two = try await people.console.browser(.operator, 2)
      #expect(try await people.answer(request, "agree", two).status == 303)
      people.console.clock.advance(1)
      #expect(try await people.standing(request) == .expired)
      #expect(try await people.start(try await people.console.browser(.operator), plan: plan).status == 409)
      #expect(try await people.store.updates().isEmpty)
    }
  }

  @Test("Requests whose time is over are passed over, and closed for good when somebody asks again")
  func expiredRows() async throws {
    try await withSecondPerson { people in
      for _ in 0..<3 {
        _ = try await people.ask(people.one, plan: people.plan())
        people.console.clock.advance(1)
      }
      people.console.clock.advance(24 * 3600)
      #expect(try await people.store.openAgreements().isEmpty)
      let again = try await people.console.browser(.operator)
      let form = try await people.console.browser()
      let page = try await form.get("/roots/\(people.system.newID)/update")
      let made = try await form.submit(page, "/plans", ["months": "12", "https": "existing", "policy": "stop"])
      let request = try await people.ask(again, plan: try #require(made.location))
      let endings = try await people.store.read { database in
        try Row.fetchAll(database, sql: "SELECT ending FROM agreements WHERE ended_at IS NOT NULL")
          .map { $0["ending"] as String? }
      }
      #expect(endings == ["expired", "expired", "expired"])
      #expect(try await people.store.openAgreements().map(\.id) == [people.id(request)])
    }
  }

  @Test("A row that ends before it begins, as nobody but a forger writes it, is expired")
  func forgedRow() async throws {
    try await withSecondPerson { people in
      let request = try await people.ask(people.one, plan: people.plan())
      try await people.store.write { try $0.execute(sql: "UPDATE agreements SET expires_at = asked_at - 1") }
      #expect(try await people.standing(request) == .expired)
      #expect(try await people.two.get(request).status == 200)
    }
  }

  @Test("It is void when a file has changed since the plan was made, also once it is as it was again")
  func changedFiles() async throws {
    try await withSecondPerson { people in
      let file = try #require(people.system.targets.file("/srv/web/cert.pem"))
      func change(_ text: String) { people.system.targets.put("/srv/web/cert.pem", text, owner: 100, group: 200) }
      for when in ["before the answer", "before the start"] {
        let plan = try await people.plan()
        let request = try await people.ask(people.one, plan: plan)
        if when == "before the start" {
          #expect(try await people.answer(request, "agree", people.two).status == 303)
        }
        change(file.text + "\n")
        let refused =
          try await when == "before the start"
          ? people.start(people.one, plan: plan) : people.answer(request, "agree", people.two)
        #expect(refused.status == 409)
        #expect(refused.says("Files have changed since the plan was made: "), "\(refused.text)")
        #expect(try await people.standing(request) == .void)
        change(file.text)
        #expect(try await people.start(people.one, plan: plan).status == 409)
        #expect(try await people.store.updates().isEmpty)
      }
    }
  }

  @Test("It is void, and says so, once a component has changed, also once that is as it was again")
  func changedComponents() async throws {
    try await withSecondPerson { people in
      let (store, id) = (people.store, try people.system.id("web"))
      let web = try await store.component(id)
      var other = web
      other.description = "Another"
      for isAgreed in [false, true] {
        let plan = try await people.plan()
        let request = try await people.ask(people.one, plan: plan)
        if isAgreed { #expect(try await people.answer(request, "agree", people.two).status == 303) }
        try await store.replaceComponent(other)
        #expect(try await people.standing(request) == .void)
        let page = try await people.one.get(request)
        #expect(page.says("What it was about has changed") && !page.says("You may start it now"), "\(page.text)")
        #expect(!page.has("id=\"start\""))
        try await store.replaceComponent(web)
        #expect(try await people.standing(request) == .void)
        #expect(try await people.start(people.one, plan: plan).status == 409)
        #expect(try await store.updates().isEmpty)
      }
    }
  }

  @Test("Nobody is asked for an agreement to a plan that could not be started")
  func outdated() async throws {
    try await withSecondPerson { people in
      let plan = try await people.plan()
      var web = try await people.store.component(try people.system.id("web"))
      web.description = "Another"
      try await people.store.replaceComponent(web)
      let refused = try await people.one.submit(people.one.get(plan), plan + "/agreements")
      #expect(refused.status == 409)
      #expect(refused.says("The list of components has changed since the plan was made."), "\(refused.text)")
    }
  }

  @Test("An agreement is to one plan by its content: neither another hash nor another plan will do")
  func otherPlan() async throws {
    try await withSecondPerson { people in
      let first = try await people.plan()
      people.console.clock.advance(1)
      let second = try await people.plan()
      let request = try await people.ask(people.one, plan: first)
      let hash = try await people.store.planHash(Plan.ID(rawValue: 2))
      let refused = try await people.two.post(
        request + "/answers",
        [("csrf", try await people.two.token()), ("hash", hash), ("answer", "agree")])
      #expect(refused.status == 409)
      #expect(refused.says("You have read another plan than the one that is asked for."))
      #expect(try await people.answer(request, "agree", people.two).status == 303)
      #expect(try await people.start(people.one, plan: second).status == 409)
      // Whoever changes a plan in the database has no agreement to it.
      try await people.store.write {
        let text = try Store.text(of: Plan.ID(rawValue: 1), $0)
        let changed = text.replacing(#""months":12"#, with: #""months":13"#)
        #expect(changed != text)
        try $0.execute(sql: "UPDATE plans SET body = ?, packed = NULL WHERE id = 1", arguments: [changed])
      }
      #expect(try await people.standing(request) == .void)
      #expect(try await people.start(people.one, plan: first).status == 409)
    }
  }

  @Test("Who declines says why; then it may be asked again, and a request can be taken back")
  func declined() async throws {
    try await withSecondPerson { people in
      let plan = try await people.plan()
      let request = try await people.ask(people.one, plan: plan)
      // A second tab, which shows the plan as it was before.
      let fields = [("csrf", try await people.one.token()), ("acceptProblems", "yes")]
      #expect(try await people.one.post(plan + "/agreements", fields).location == request)
      let other = try await people.ada.post(
        plan + "/agreements", [("csrf", try await people.ada.token())] + fields.suffix(1))
      #expect(other.status == 409)
      #expect(other.says("operator has asked for this already."))
      #expect(try await people.two.get(plan).says("operator has asked for an agreement to this plan"))
      #expect(try await people.answer(request, "decline", people.two).error(of: "reason") != nil)
      #expect(try await people.answer(request, "decline", people.two, reason: "<b>Not on a Friday</b>").status == 303)
      #expect(try await people.standing(request) == .declined)
      let page = try await people.one.get(plan)
      #expect(page.says("operator2 has declined this plan"))
      #expect(page.says("<b>Not on a Friday</b>"))
      #expect(try await people.answer(request, "agree", people.ada).status == 409)

      let again = try await people.ask(people.one, plan: plan)
      let taken = try await people.one.submit(people.one.get(again), again + "/withdrawal")
      #expect(taken.status == 303)
      #expect(try await people.standing(again) == .withdrawn)
      #expect(try await people.answer(again, "agree", people.two).status == 409)
      #expect(try await people.store.updates().isEmpty)
    }
  }

  @Test("Of many answers and starts at once one of each counts")
  func races() async throws {
    try await withSecondPerson { people in
      let store = people.store
      let plan = try await people.plan()
      let request = try await people.ask(people.one, plan: plan)
      let (id, hash) = (try people.id(request), try await store.planHash(Plan.ID(rawValue: 1)))
      let two = try await people.console.user(.operator, 2).id
      let ada = try await people.console.user(.administrator).id
      let answers = await withTaskGroup(of: String.self) { group in
        for number in 0..<20 {
          group.addTask {
            let answer = AgreementAnswer(id, by: number % 2 == 0 ? two : ada, hash: hash, reason: "x")
            return await refusal {
              if number % 4 < 2 { _ = try await store.agree(answer) } else { _ = try await store.decline(answer) }
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(answers.count { $0 == "" } == 1)
      #expect(answers.count { $0 == "AGREEMENT_OVER" } == 19)

      let next = try await people.plan()
      let agreed = try await people.ask(people.one, plan: next)
      #expect(try await people.answer(agreed, "agree", people.two).status == 303)
      let token = try await people.one.token()
      let one = people.one
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<6 {
          group.addTask {
            try await one.post("/updates", [("csrf", token), ("plan", "2"), ("acceptProblems", "yes")]).status
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.count { $0 == 303 } == 1)
      #expect(try await store.updates().count == 1)
      try await people.system.settled(UpdateRecord.ID(rawValue: 1))
    }
  }

  @Test("A retirement takes the agreement, too")
  func retirement() async throws {
    try await withSystem { system in
      try await system.updateToNew()
      let people = try await SecondPersonSystem(system)
      let page = try await system.planRetirement()
      let plan = try #require(HTML.first(#"action="(/plans/\d+)/agreements""#, in: page.html))
      #expect(try await people.start(people.ada, plan: plan).status == 409)
      let request = try await people.ask(people.ada, plan: plan)
      #expect(try await people.one.get(request).says("Agreement to retire the root Old root"))
      #expect(try await people.answer(request, "agree", people.one).status == 303)
      let started = try await people.ada.submit(people.ada.get(request), "/updates")
      #expect(started.location == "/updates/2", "\(started.text)")
      #expect(try await system.settled(UpdateRecord.ID(rawValue: 2)).outcome == .completed)
    }
  }
}
