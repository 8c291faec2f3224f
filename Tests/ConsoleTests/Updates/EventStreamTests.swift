import Foundation
@testable import HTTP
import Logging
import Rotation
import Synchronization
import Testing

@testable import Console
@testable import Store

@Suite("The event stream of an update", .timeLimit(.minutes(2))) struct EventStreamTests {
  private func journal(_ system: TestSystem, _ id: UpdateRecord.ID) async throws -> [Int] {
    try await system.store.journal(id, after: 0, limit: 1000).map(\.sequence)
  }

  /// The numbers of the journal's entries that a stream's messages hold.
  private func entries(_ reader: EventReader) -> [Int] {
    HTML.all(#"id=\\"entry-(\d+)\\""#, in: reader.text).compactMap { Int($0) }
  }

  @Test("Every entry comes once, in order, and a message's id is the sequence of its last one")
  func complete() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      let reader = try await system.browser.events("/updates/\(id)/events")
      #expect(reader.status == 200)
      system.targets.letGo("web")
      try await system.settled(id)
      let sequences = try await journal(system, id)
      try await eventually("Everything has come") { reader.messages.last?.id == sequences.last }
      #expect(entries(reader) == sequences)
      for message in reader.messages {
        #expect(message.event == "changes")
        #expect(message.id == HTML.all(#"id=\\"entry-(\d+)\\""#, in: message.data).compactMap { Int($0) }.max())
      }
      #expect(reader.text.contains("\"hasEnded\":true"))
      reader.close()
    }
  }

  /// Events of which only is told what is drawn.
  private func drawn(
    _ store: Store, _ note: @escaping @Sendable ([JournalEntry], Set<UpdateEvents.Audience>) -> Void
  ) -> UpdateEvents {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return UpdateEvents(store: store, logger: logger) { _, entries, audiences in
      note(entries, audiences)
      return Dictionary(audiences.map { ($0, EventMessage(data: "drawn")) }) { first, _ in first }
    }
  }

  @Test("Whoever may decide and whoever may only look are drawn for at once, however many watch")
  func drawnOnce() async throws {
    try await withSystem { system in
      let id = try await system.start()
      try await system.settled(id)
      let drawings = Mutex<[Set<UpdateEvents.Audience>]>([])
      let events = drawn(system.store) { _, audiences in drawings.withLock { $0.append(audiences) } }
      let last = try await system.store.lastSequence(id)
      var streams: [EventStream] = []
      for audience in [UpdateEvents.Audience.deciders, .viewers, .deciders, .viewers] {
        streams.append(try await events.watch(id, after: last, for: audience))
      }
      await events.publish([try await system.store.note(id, action: nil, text: "looked")], of: id)
      try await eventually("It was drawn") { drawings.withLock { !$0.isEmpty } }
      #expect(drawings.withLock(\.self) == [[.deciders, .viewers]])
      for stream in streams { stream.close() }
    }
  }

  @Test("What comes of an entry is told with it, and thousands who watch a busy update are told less often")
  func together() async throws {
    #expect(UpdateEvents.interval(watchers: 3, entries: 900) == .milliseconds(100))
    #expect(UpdateEvents.interval(watchers: 5_000, entries: 900) == .milliseconds(500))
    #expect(UpdateEvents.interval(watchers: 50_000, entries: 900) == .seconds(1))
    // Of a slow update, and of what has been waiting.
    for entries in [5, UpdateEvents.batch] {
      #expect(UpdateEvents.interval(watchers: 50_000, entries: entries) == .milliseconds(100))
    }
    try await withSystem { system in
      let id = try await system.start()
      try await system.settled(id)
      let drawings = Mutex<[Int]>([])
      let events = drawn(system.store) { entries, _ in drawings.withLock { $0.append(entries.count) } }
      let stream = try await events.watch(id, after: system.store.lastSequence(id))
      for text in ["one", "two", "three"] {
        await events.publish([try await system.store.note(id, action: nil, text: text)], of: id)
      }
      try await eventually("All were drawn") { drawings.withLock { $0.reduce(0, +) == 3 } }
      #expect(drawings.withLock { $0.count } <= 2)
      stream.close()
    }
  }

  @Test("A program is told how many components a decision is about, and that it has ended only with the last entry")
  func programs() async throws {
    try await withSystem { system in
      let id = try await system.start()
      try await system.settled(id)
      let page = try await UpdatePage.read(id, system.store, now: TestClock.start)
      for named in [0, 1, 2, Int.max] {
        let abort = Shape.update.json(page.naming(atMost: named))["decisions"]?.elements?.first
        #expect(abort?["decision"] == "abort")
        #expect(abort?["components"]?.elements?.count == min(named, system.components.count))
        #expect(abort?["componentCount"] == .integer(Int64(system.components.count)))
      }
      let entries = try await system.store.journal(id, after: 0, limit: 1_000)
      let live = LiveUpdate(
        store: system.store, renderer: system.console.console.services.renderer, clock: { TestClock.start })
      func saysHowItStands(_ entries: [JournalEntry]) async throws -> Bool {
        let message = try #require(try await live.messages(id, entries, for: [.programs])[.programs])
        return String(decoding: message.bytes, as: UTF8.self).contains("event: update")
      }
      let (first, last) = (try #require(entries.first), try #require(entries.last))
      for few in [[], [first], [last]] { #expect(try await saysHowItStands(few)) }
      // A full message may be the last one all the same.
      #expect(try await !saysHowItStands(Array(repeating: first, count: UpdateEvents.batch)))
      #expect(try await saysHowItStands(Array(repeating: last, count: UpdateEvents.batch)))
    }
  }

  @Test("A stream that is resumed by Last-Event-ID loses nothing and repeats nothing", arguments: [0, 1, 5, 1_000_000])
  func resumed(_ last: Int) async throws {
    try await withSystem { system in
      let id = try await system.start()
      try await system.settled(id)
      let sequences = try await journal(system, id)
      // A header beats the address: the browser sends it with the address that the page was drawn with.
      let reader = try await system.browser.events("/updates/\(id)/events?after=3", [("Last-Event-ID", "\(last)")])
      let wanted = sequences.filter { $0 > last }
      try await eventually("The rest has come") { entries(reader).count >= wanted.count }
      #expect(entries(reader) == wanted)
      reader.close()
    }
  }

  @Test("Whoever has missed more than a stream holds gets all of it")
  func long() async throws {
    try await withSystem { system in
      let id = try await system.start()
      try await system.settled(id)
      let text = String(repeating: "long ", count: 2_000)
      try await system.store.database.write { database in
        for _ in 0..<1_500 { _ = try Store.journal(.note(nil, text), of: id, at: Date(), database) }
      }
      let last = try await system.store.lastSequence(id)
      let reader = try await system.browser.events("/updates/\(id)/events")
      try await eventually("The last entry has come") { reader.messages.last?.id == last }
      reader.close()
    }
  }

  @Test("A Last-Event-ID that is no number begins at the beginning", arguments: ["x", "-5", "99999999999999999999"])
  func oddID(_ last: String) async throws {
    try await withSystem { system in
      let id = try await system.start()
      try await system.settled(id)
      let sequences = try await journal(system, id)
      let reader = try await system.browser.events("/updates/\(id)/events", [("Last-Event-ID", last)])
      try await eventually("All has come") { entries(reader).count >= sequences.count }
      #expect(entries(reader) == sequences)
      reader.close()
    }
  }

  @Test("Fifty who watch all see everything, once, and nothing secret")
  func fifty() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      var readers: [EventReader] = []
      for _ in 0..<50 { readers.append(try await system.browser.events("/updates/\(id)/events")) }
      system.targets.letGo("web")
      try await system.settled(id)
      let sequences = try await journal(system, id)
      try await eventually("Everybody has seen the end") {
        readers.allSatisfy { $0.messages.last?.id == sequences.last }
      }
      for reader in readers {
        #expect(entries(reader) == sequences)
        #expect(!reader.text.contains("PRIVATE KEY"))
        #expect(!reader.text.contains("name=\\\"csrf\\\" value=\\\"\(try await system.browser.token())"))
        reader.close()
      }
      #expect(!system.console.log.all.contains { $0.contains("PRIVATE KEY") })
    }
  }

  @Test("The stream of a session ends with it, and those of others go on")
  func signedOut() async throws {
    try await withSystem { system in
      system.targets.hold("web")
      let id = try await system.start()
      let other = try await system.console.browser()
      let (mine, theirs) = (
        try await system.browser.events("/updates/\(id)/events"), try await other.events("/updates/\(id)/events")
      )
      let page = try await system.browser.get("/updates/\(id)")
      #expect(try await system.browser.submit(page, "/sign-out").status == 303)
      try await eventually("The stream has ended") { mine.hasEnded }
      #expect(!theirs.hasEnded)
      let again = try await system.browser.get("/updates/\(id)/events", [("Accept", "text/event-stream")])
      #expect(again.status == 401)
      system.targets.letGo("web")
      try await eventually("The other one goes on") { theirs.text.contains("\"hasEnded\":true") }
      theirs.close()
    }
  }

  @Test("A stream of an update that does not exist is a 404")
  func missing() async throws {
    try await withBrowser { _, browser in
      let answer = try await browser.get("/updates/99/events")
      #expect(answer.status == 404)
    }
  }

  @Test("A live message draws the same rows and panel as the page itself")
  func samePartials() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      try await system.settled(id)
      let reader = try await system.browser.events("/updates/\(id)/events")
      try await eventually("It has come") { !reader.messages.isEmpty }
      let data = try #require(reader.messages.last?.data.data(using: .utf8))
      struct Changes: Decodable {
        struct Partial: Decodable { let id, html: String }
        let partials: [Partial]
      }
      let partials = try JSONDecoder().decode(Changes.self, from: data).partials
      let token = try await system.browser.token()
      let page = try await system.browser.get("/updates/\(id)").html.replacing(token, with: "")
      for name in ["progress", "panel", "component-1", "component-2"] {
        let partial = try #require(partials.last { $0.id == name })
        #expect(page.contains(partial.html.trimmingCharacters(in: .whitespacesAndNewlines)), "\(name)")
      }
      reader.close()
    }
  }
}
