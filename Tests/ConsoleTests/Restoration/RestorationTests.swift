import Delivery
import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("A console over a restored database", .timeLimit(.minutes(2))) struct RestorationTests {
  /// Backs a console's folder up, lets the world go on, and starts another console over what is restored.
  ///
  /// - Parameters:
  ///   - unreadable: a path that cannot be read then.
  ///   - held: a path whose reading hangs then.
  private func restored(
    _ console: TestConsole, unreadable: String? = nil, _ goOn: () async throws -> Void = {}, held: String? = nil,
    _ body: (TestConsole, Browser) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    let passphrase = SecretBytes(utf8: "a long passphrase")
    _ = try Backup.make(
      Backup.Order(
        folder: console.folder.path + "/data", file: folder.path + "/backup", passphrase: passphrase, program: "test",
        now: console.clock.now))
    try await goOn()
    console.clock.advance(3600)
    _ = try Restore.run(
      Restore.Order(
        file: folder.path + "/backup", passphrase: passphrase, folder: folder.path + "/data", now: console.clock.now))
    let targets = FakeTargets(copyOf: console.targets)
    if let held { targets.hold(held) }
    if let unreadable { targets.setReadable(false, unreadable) }
    let other = try await TestConsole(folder: folder, clock: console.clock, targets: targets)
    do {
      try await body(other, try await other.browser())
    } catch {
      try? await other.stop()
      throw error
    }
    try await other.stop()
  }

  private func looked(_ console: TestConsole) async throws -> RestorationRecord {
    try await eventually("Every component is looked at") { try await console.store.restoration()?.lookedAt != nil }
    return try #require(try await console.store.restoration())
  }

  @Test("Where everything is as the database says, nobody has to confirm it, and the last update can be aborted")
  func same() async throws {
    try await withSystem { system in
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      let world = system.targets.snapshot
      try await restored(system.console) { console, browser in
        let restoration = try await looked(console)
        #expect(restoration.differs == false && !restoration.isOpen)
        let page = try await browser.get("/restored")
        #expect(page.text.contains("Every component is as the database says"))
        #expect(!page.html.contains("action=\"/restored/seen\"") && !page.html.contains("action=\"/restored/looks\""))
        #expect(page.text.contains("Whoever was removed since can sign in again"), "\(page.text)")
        #expect(page.text.contains("Recovery codes are void"))
        #expect(console.targets.snapshot == world)
        #expect(try await !browser.get("/components").text.contains("Restored from a backup"))
        #expect(try await browser.get("/updates/\(id)").html.contains("value=\"abort\""))
      }
    }
  }

  @Test("What differs is shown on every page and beside its component, and stops the start until it is confirmed")
  func differs() async throws {
    try await withSystem { system in
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      let moveOn: () async throws -> Void = {
        try TestSystem.placeFiles("web", system.old, in: system.targets, number: 0)
      }
      try await restored(system.console, moveOn) { console, browser in
        #expect(try await looked(console).isOpen)
        let page = try await browser.get("/restored")
        #expect(page.text.contains("1 component differs"), "\(page.text)")
        let (people, button) = ("can sign in again", "I have read what differs")
        let before = page.text.range(of: people)?.lowerBound
        #expect(try #require(before) < #require(page.text.range(of: button)?.lowerBound))
        #expect(page.text.contains("Its files hold another certificate"))
        #expect(page.text.contains("Its trust bundle does not hold the root “New root”"))
        let web = try system.id("web")
        let broker = try system.id("broker")
        #expect(try await browser.get("/components/\(web)").text.contains("Not as the restored database says"))
        #expect(try await !browser.get("/components/\(broker)").text.contains("Not as the restored database says"))
        for path in ["/roots", "/updates", "/settings"] {
          #expect(try await browser.get(path).text.contains("components are not as the database says"), "\(path)")
        }
        #expect(try await !browser.get("/updates/\(id)").html.contains("value=\"abort\""))
        // The list of what an outdated page may still post.
        let state = try await console.store.state(id)
        let abort = Decision(.abort, question: state.question, by: "ada")
        await #expect(throws: StoreError.self) { try await console.console.services.updates.decide(id, abort) }
        let confirmed = try await browser.follow(browser.submit(page, "/restored/seen"))
        #expect(confirmed.text.contains("Confirmed by ada"), "\(confirmed.text)")
        let entries = try await console.store.auditEntries(after: 0, limit: 1000)
        #expect(entries.last { $0.event == AuditEvent.restorationConfirmed.rawValue }?.author.name == "ada")
        #expect(try await !browser.get("/roots").text.contains("Restored from a backup"))
        // Even now the update of the backup is history.
        await #expect(throws: StoreError.self) { try await console.console.services.updates.decide(id, abort) }
      }
    }
  }

  @Test("Over the API what differs is read, looked at again and confirmed; before, nothing starts")
  func overTheAPI() async throws {
    try await withSystem { system in
      #expect(try await Program(system.console, .viewer).get("/restoration").status == 404)
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      let moveOn: () async throws -> Void = {
        try TestSystem.placeFiles("web", system.old, in: system.targets, number: 0)
      }
      try await restored(system.console, moveOn) { console, _ in
        _ = try await looked(console)
        let program = try await Program(console, .operator)
        let read = try await program.get("/restoration").json
        #expect(Shape.restoration.schema.problems(read) == [])
        #expect(read["isOpen"] == true && read["differs"] == true && read["seenBy"] == nil)
        let web = read["components"]?.elements?.first { $0["name"] == "web" }
        #expect(web?["verdict"] == "differs" && web?["sentences"]?.elements?.isEmpty == false)
        #expect(try await program.send("POST", "/restoration/looks").json["isOpen"] == true)
        let confirmed = try await program.send("POST", "/restoration/confirmation")
        #expect(try confirmed.json["isOpen"] == false && confirmed.json["seenBy"] == "operator", "\(confirmed)")
      }
    }
  }

  @Test("An update that was under way is said to be what keeps updates waiting, where it is nothing else")
  func onlyUpdate() async throws {
    try await withSystem { system in
      let first = try await system.start()
      #expect(try await system.settled(first).outcome == .completed)
      // It fails before anything is another one than the set in force says.
      system.targets.arm(.trust, at: "web")
      let old = try #require(try await system.store.roots().first { $0.name == "Old root" })
      let id = try await system.start(root: old.id)
      #expect(try await system.settled(id).standing == .deciding)
      try await restored(system.console) { console, browser in
        let restoration = try await looked(console)
        #expect(restoration.isOpen && restoration.onlyUpdate == id)
        for path in ["/roots", "/updates"] {
          let text = try await browser.get(path).text
          #expect(text.contains("Restored from a backup: update \(id) was under way when it was made"), "\(text)")
          #expect(!text.contains("components are not as the database says"))
        }
        let page = try await browser.get("/restored")
        #expect(page.text.contains("Update \(id) was under way when the backup was made"), "\(page.text)")
        do {
          try await console.store.read { try Store.checkRestorationSeen($0) }
          Issue.record("nothing waits")
        } catch let error as StoreError {
          #expect(error.sentence.contains("while update \(id) was under way"), "\(error)")
        }
        let confirmed = try await browser.follow(browser.submit(page, "/restored/seen"))
        #expect(!confirmed.html.contains("action=\"/restored/looks\""))
      }
    }
  }

  @Test("A component that cannot be seen counts as one that may differ; looking again later finds it as it should be")
  func unseen() async throws {
    try await withSystem { system in
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      try await restored(system.console, unreadable: "/srv/web/cert.pem") { console, browser in
        #expect(try await looked(console).isOpen)
        let page = try await browser.follow(browser.submit(try await browser.get("/restored"), "/restored/looks"))
        #expect(page.text.contains("1 component could not be seen"), "\(page.text)")
        #expect(try await console.store.restoration()?.isOpen == true)
        console.targets.setReadable(true, "/srv/web/cert.pem")
        let again = try await browser.follow(browser.submit(page, "/restored/looks"))
        #expect(again.text.contains("Every component is as the database says"))
        #expect(try await console.store.restoration()?.isOpen == false)
      }
    }
  }

  private static let advice = "Read what differs on the page “Restored from a backup”, and confirm it; then"

  @Test("With a second person, too, an unfinished update is not aborted over a world that nobody has looked at")
  func secondPerson() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "broker")
      let id = try await system.start()
      #expect(try await system.settled(id).standing == .deciding)
      let people = try await SecondPersonSystem(system)
      let request = try #require(try await askToAbort(people.one, id, in: system.store).location)
      try await restored(system.console) { console, browser in
        #expect(try await looked(console).isOpen)
        let (world, state) = (console.targets.snapshot, try await console.store.state(id))
        let (one, two) = (try await console.browser(.operator), try await console.browser(.operator, 2))
        let asked = try await askToAbort(one, id, in: console.store)
        #expect(asked.status == 409 && asked.says(Self.advice), "\(asked.text)")
        // As if the request had come from before the restore.
        try await console.store.write { database in
          try database.execute(
            sql: "UPDATE agreements SET ending = NULL, ended_at = NULL, question = ?", arguments: [state.question])
        }
        let agreed = try await people.answer(request, "agree", two)
        #expect(agreed.status == 409 && agreed.says(Self.advice), "\(agreed.text)")
        #expect(try await console.store.state(id) == state)
        #expect(console.targets.snapshot == world)

        _ = try await browser.submit(try await browser.get("/restored"), "/restored/seen")
        #expect(try await people.answer(request, "agree", two).location == "/updates/\(id)")
        try await eventually("It is put back") { try await console.store.state(id).outcome == .rolledBack }
      }
    }
  }

  private func askToAbort(_ browser: Browser, _ id: UpdateRecord.ID, in store: Store) async throws -> Answer {
    let question = try await store.state(id).question
    return try await browser.post(
      "/updates/\(id)/decisions",
      [("csrf", try await browser.token()), ("decision", "abort"), ("question", "\(question)")])
  }

  @Test("A console whose look at an interrupted update hangs is ended in time over a restored database, too")
  func ended() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      try await eventually("The command is waited for") { system.targets.isHeld("web") }
      try await restored(system.console, held: "/srv/web/cert.pem") { console, _ in
        try await eventually("The look hangs") { console.targets.isHeld("/srv/web/cert.pem") }
        let told = ContinuousClock.now
        await console.console.stop(within: .milliseconds(50))
        #expect(ContinuousClock.now - told < .seconds(2))
        #expect(try await console.store.restoration()?.lookedAt == nil)
        console.targets.letGo("/srv/web/cert.pem")
      }
      system.targets.letGo("web")
      try await system.settled(id)
    }
  }

  @Test("Whoever asks to look again while a look goes on joins it")
  func joined() async throws {
    try await withSystem { system in
      try await system.settled(try await system.start())
      let moveOn: () async throws -> Void = {
        try TestSystem.placeFiles("web", system.old, in: system.targets, number: 0)
      }
      try await restored(system.console, moveOn) { console, _ in
        #expect(try await looked(console).isOpen)
        let (desk, held) = (console.console.services.restoration, "/srv/web/cert.pem")
        console.targets.hold(held)
        let program = try await Program(console, .operator)
        let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
          for _ in 0..<2 { group.addTask { try await program.send("POST", "/restoration/looks") } }
          try await eventually("Both wait for one") {
            await desk.lookingAgain.callers == 2 && console.targets.isHeld(held)
          }
          console.targets.letGo(held)
          return try await group.reduce(into: [Answer]()) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0.status == 200 }, "\(answers)")
        #expect(console.log.all.count { $0.hasPrefix("restored components looked at") } == 2)
      }
    }
  }

  @Test("A server that never came from a backup has no such page")
  func never() async throws {
    try await withBrowser { _, browser in
      let page = try await browser.get("/restored")
      #expect(page.status == 404)
      let other = try await browser.get("/roots")
      #expect(!other.text.contains("Restored"))
    }
  }
}
