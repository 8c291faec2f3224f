import Foundation
import GRDB
import PKI
import Rotation
import Synchronization
import Testing

@testable import Store

@Suite("Updates and their journal") struct UpdateTests {
  private func system(_ count: Int = 2) async throws -> (TestSystem, [Component], RootRecord.ID) {
    let system = try TestSystem()
    var components: [Component] = []
    for number in 1...count { components += try await system.addComponents("c\(number)") }
    return (system, components, try await system.importRoot("New").id)
  }

  /// The state that the journal alone gives.
  private func fold(_ store: Store, _ id: UpdateRecord.ID, _ course: Course) async throws -> UpdateState {
    var state = UpdateState(course: course)
    for entry in try await store.journal(id, after: 0, limit: 10_000) {
      if case .event(let event) = entry.content { _ = try state.apply(event) }
    }
    return state
  }

  @Test("Every event is journaled, numbered without gaps, with notes between")
  func journal() async throws {
    let (system, components, root) = try await system(1)
    var update = try await TestUpdate.start(system, components, root: root)
    let action = ActionID(.generate, components[0].id)
    let note = try await system.store.note(update.id, action: action, text: "looked")
    #expect(note.sequence == 2)
    try await update.step()
    _ = try await system.store.note(update.id, action: nil, text: "whole")
    try await update.run()
    let entries = try await system.store.journal(update.id, after: 0, limit: 100)
    #expect(entries.map(\.sequence) == Array(1...entries.count))
    #expect(entries.count == 1 + 5 + 2)
    #expect(entries[0].content == .event(.started(by: "ada")))
    #expect(entries[1].content == .note(action, "looked"))
    #expect(entries[3].content == .note(nil, "whole"))
    #expect(try await system.store.journal(update.id, after: 2, limit: 2).map(\.sequence) == [3, 4])
    #expect(try await system.store.journalTail(update.id, limit: 2).map(\.sequence) == [7, 8])
    #expect(try await fold(system.store, update.id, .of(components)) == update.state)
    #expect(try await system.store.update(update.id).outcome == .completed)
  }

  @Test("The course of an update, which grows with its components, is neither read nor written while it goes on")
  func courseAside() async throws {
    let (system, components, root) = try await system(2)
    var update = try await TestUpdate.start(system, components, root: root)
    try system.folder.sql("UPDATE courses SET course = 'unreadable'")
    try await update.run()
    #expect(try await system.store.state(update.id).outcome == .completed)
    let columns = try await system.store.database.read { try $0.columns(in: "updates").map(\.name) }
    #expect(!columns.contains("course"))
  }

  @Test("A plan is written component by component, to the same text as at once, and few components are kept in memory")
  func planText() async throws {
    let (system, _, root) = try await system(3)
    let first = try await system.savePlan(root)
    var plan = try await system.store.plan(first)
    plan.components[1].component.description = #"said "components":[] \ in words"#
    #expect(try PackedText.text(in: Store.packed(plan)) == JSON.text(plan))
    plan.components = []
    #expect(try PackedText.text(in: Store.packed(plan)) == JSON.text(plan))

    let component = try await system.store.plan(first).components[0]
    plan.components = Array(repeating: component, count: 7_000)
    let large = [try await system.store.savePlan(plan, files: [:]), try await system.store.savePlan(plan, files: [:])]
    #expect(system.store.plans.withLock { Array($0.keys) } == [large[1]])
    #expect(try await system.store.plan(large[0]).components.count == 7_000)
    #expect(system.store.plans.withLock { Array($0.keys) } == [large[0]])
  }

  @Test("What the page of an update needs of its plan lies beside it, also of a plan of an older version")
  func planSummary() async throws {
    let (system, _, root) = try await system(3)
    var plan = try await system.store.plan(try await system.savePlan(root))
    let now = system.clock.now
    plan.components[0].component.maintenance = "Call the plant first."
    plan.components[1].component.keyMade = .onTarget
    plan.components[0].findings.previousNotAfter = now + 200
    plan.components[2].findings.previousNotAfter = now + 100
    plan.components[1].findings.previousNotBefore = now - 50
    let id = try await system.store.savePlan(plan, files: [:])
    func forget() {
      system.store.plans.withLock { $0 = [:] }
      system.store.summaries.withLock { $0 = [:] }
    }
    forget()
    let summary = try await system.store.planSummary(id)
    let isUnread = system.store.plans.withLock(\.isEmpty)
    #expect(isUnread, "the plan itself is not read for it")
    #expect(summary == PlanSummary(plan) && summary.root == plan.root && summary.policy == plan.policy)
    #expect(summary.maintenance == [plan.components[0].id: "Call the plant first."])
    #expect(summary.keyKeepers == [plan.components[1].id: plan.components[1].component.name])
    for (seconds, isValid) in [(-51, false), (-50, true), (100, true), (101, false)] {
      #expect(summary.isEveryPreviousValid(at: now + Double(seconds)) == isValid, "\(seconds)")
    }
    try system.folder.sql("UPDATE plans SET summary = NULL WHERE id = \(id)")
    forget()
    #expect(try await system.store.planSummary(id) == summary)
  }

  @Test("Observations that nobody waits for are journaled in their order, before whatever is written afterwards")
  func notesAside() async throws {
    let (system, components, root) = try await system(1)
    var update = try await TestUpdate.start(system, components, root: root)
    let action = ActionID(.generate, components[0].id)
    let numbers = Mutex<[Int]>([])
    for number in 1...20 {
      system.store.note(update.id, action: action, text: "\(number)") { written in
        if let entry = try? written.get() { numbers.withLock { $0.append(entry.sequence) } }
      }
    }
    try await update.step()
    #expect(numbers.withLock(\.self) == Array(2...21))
    let entries = try await system.store.journal(update.id, after: 1, limit: 100)
    #expect(entries.prefix(20).map(\.content) == (1...20).map { .note(action, "\($0)") })
    #expect(entries.count == 21 && entries[20].content == .event(.actionSucceeded(action, attempt: 1)))
    system.store.note(UpdateRecord.ID(rawValue: 99), action: action, text: "lost") { written in
      if case .failure(let error as StoreError) = written, error.code == "NOT_FOUND" {
        numbers.withLock { $0 = [] }
      }
    }
    _ = try await system.store.note(update.id, action: nil, text: "last")
    #expect(numbers.withLock(\.self) == [])
  }

  @Test("What was observed during updates that ended long ago is removed once, and nothing else")
  func observations() async throws {
    let (system, components, root) = try await system(1)
    func observed() async throws -> TestUpdate {
      var update = try await TestUpdate.start(system, components, root: root)
      _ = try await system.store.note(update.id, action: ActionID(.generate, components[0].id), text: "observed")
      _ = try await system.store.note(update.id, action: nil, text: "agreed")
      try await update.run()
      return update
    }
    func notes(_ update: TestUpdate) async throws -> [String] {
      try await system.store.journal(update.id, after: 0, limit: 100).compactMap {
        if case .note(_, let text) = $0.content { text } else { nil }
      }
    }
    let old = try await observed()
    let (state, last) = (try await old.state, try await system.store.lastSequence(old.id))
    let middle = system.clock.now.addingTimeInterval(50)
    system.clock.advance(100)
    let young = try await observed()
    #expect(try await system.store.removeObservations(endedBefore: middle) == [old.id])
    #expect(try await notes(old) == ["agreed"])
    #expect(try await notes(young) == ["observed", "agreed"])
    #expect(try await system.store.update(old.id).observationsRemovedAt == system.clock.now)
    #expect(try await system.store.update(young.id).observationsRemovedAt == nil)
    #expect(try await fold(system.store, old.id, .of(components)) == state)
    #expect(try await system.store.lastSequence(old.id) == last)
    #expect(try await system.store.removeObservations(endedBefore: middle) == [])
    // One that goes on keeps everything.
    var running = try await TestUpdate.start(system, components, root: root)
    _ = try await system.store.note(running.id, action: ActionID(.generate, components[0].id), text: "now")
    try await running.step()
    #expect(
      try await system.store.removeObservations(endedBefore: system.clock.now.addingTimeInterval(1)) == [young.id])
    #expect(try await notes(running) == ["now"])
  }

  @Test("Of twenty concurrent starts one succeeds")
  func oneAtATime() async throws {
    let (system, components, root) = try await system()
    var plans: [Plan.ID] = []
    for _ in 1...20 { plans.append(try await system.savePlan(root)) }
    let codes = await withTaskGroup(of: String?.self) { group in
      for plan in plans {
        group.addTask {
          await code {
            _ = try await system.store.startUpdate(plan: plan, course: .of(components), by: "ada", worker: "w")
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(codes.count { $0 == nil } == 1)
    #expect(codes.count { $0 == "UPDATE_RUNS" } == 19)
    #expect(try await system.store.updates().count == 1)
  }

  @Test("A plan is started once, and not after its root was removed")
  func planOnce() async throws {
    let (system, components, root) = try await system()
    let plan = try await system.savePlan(root)
    let started = try await system.store.startUpdate(plan: plan, course: .of(components), by: "ada", worker: "w")
    var update = TestUpdate(system: system, root: root, id: started.update.id)
    update.take(started.advance)
    try await update.run()
    let again = await code {
      _ = try await system.store.startUpdate(plan: plan, course: .of(components), by: "ada", worker: "w")
    }
    #expect(again == "PLAN_USED")
    let other = try await system.importRoot("Other").id
    let orphan = try await system.savePlan(other)
    try await system.store.removeRoot(other)
    let removed = await code {
      _ = try await system.store.startUpdate(plan: orphan, course: .of(components), by: "ada", worker: "w")
    }
    #expect(removed == "ROOT_REMOVED")
  }

  @Test("A start that failed leaves nothing behind for the next one")
  func failedStart() async throws {
    let (system, components, root) = try await system()
    try await system.store.write {
      try $0.execute(
        sql: "CREATE TRIGGER full BEFORE INSERT ON attempts BEGIN SELECT raise(ABORT, 'no room'); END")
    }
    let plans = [try await system.savePlan(root), try await system.savePlan(root)]
    let failed = await code {
      _ = try await system.store.startUpdate(plan: plans[0], course: .of(components), by: "ada", worker: "w")
    }
    #expect(failed == "DATABASE_FAILED")
    try await system.store.write { try $0.execute(sql: "DROP TRIGGER full") }
    let course = Course.of([components[1]])
    let started = try await system.store.startUpdate(plan: plans[1], course: course, by: "ada", worker: "w")
    #expect(started.advance.state.course == course)
    #expect(try await system.store.state(started.update.id).course == course)
  }

  @Test("Attempts are claimed for the worker and closed with what became of them")
  func attempts() async throws {
    let (system, components, root) = try await system(1)
    let generate = ActionID(.generate, components[0].id)
    var update = try await TestUpdate.start(system, components, root: root, failing: [generate])
    #expect(try await rows(system) == ["generate:1 1 w1 open"])
    try await update.step()
    #expect(try await rows(system) == ["generate:1 1 w1 failed"])
    update.failing = []
    try await update.send(.decided(Decision(.retry, question: try await update.state.question, by: "ada")))
    #expect(try await rows(system) == ["generate:1 1 w1 failed", "generate:1 2 w1 open"])
    try await update.send(.interrupted([.init(action: generate, failure: TestUpdate.failure)]))
    #expect(try await rows(system) == ["generate:1 1 w1 failed", "generate:1 2 w1 failed"])
  }

  private func rows(_ system: TestSystem) async throws -> [String] {
    try await system.store.read {
      try String.fetchAll(
        $0,
        sql: """
          SELECT action || ' ' || attempt || ' ' || worker || ' '
          || CASE WHEN ended_at IS NULL THEN 'open' WHEN failure IS NULL THEN 'done' ELSE 'failed' END
          FROM attempts ORDER BY action, attempt
          """)
    }
  }

  @Test("An attempt that begins and ends in one advance is closed")
  func beginAndEnd() async throws {
    let (system, components, root) = try await system(1)
    let update = try await TestUpdate.start(system, components, root: root)
    let id = components[0].id
    _ = try await system.store.advance(
      update.id,
      [.actionSucceeded(ActionID(.generate, id), attempt: 1), .actionSucceeded(ActionID(.trust, id), attempt: 1)],
      worker: "w1")
    #expect(try await rows(system) == ["deploy:1 1 w1 open", "generate:1 1 w1 done", "trust:1 1 w1 done"])
  }

  @Test("A stale decision is refused and writes nothing")
  func stale() async throws {
    let (system, components, root) = try await system(1)
    let generate = ActionID(.generate, components[0].id)
    var update = try await TestUpdate.start(system, components, root: root, failing: [generate])
    try await update.run()
    let before = try await update.state
    let entries = try await system.store.journal(update.id, after: 0, limit: 100)
    await #expect(throws: Refusal.stale(asked: 0, current: before.question)) {
      _ = try await system.store.advance(update.id, [.decided(Decision(.retry, question: 0, by: "bob"))], worker: "w")
    }
    #expect(try await update.state == before)
    #expect(try await system.store.journal(update.id, after: 0, limit: 100) == entries)
  }

  @Test("Several events are taken all or not at all")
  func allOrNothing() async throws {
    let (system, components, root) = try await system(2)
    let update = try await TestUpdate.start(system, components, root: root)
    let before = try await update.state
    let good = Event.actionSucceeded(ActionID(.generate, components[0].id), attempt: 1)
    let bad = Event.actionSucceeded(ActionID(.generate, components[1].id), attempt: 7)
    await #expect(throws: Refusal.self) {
      _ = try await system.store.advance(update.id, [good, bad], worker: "w")
    }
    #expect(try await update.state == before)
    #expect(try await system.store.journal(update.id, after: 0, limit: 100).count == 1)
    #expect(try await rows(system).allSatisfy { $0.hasSuffix("open") })
    #expect(try await system.store.advance(update.id, [good], worker: "w").entries.map(\.sequence) == [2])
  }

  @Test("After a kill at any step the folder opens with the state that was answered last")
  func kill() async throws {
    let (system, components, root) = try await system()
    var update = try await TestUpdate.start(system, components, root: root)
    while !update.pending.isEmpty {
      try await update.step()
      let copy = try system.folder.copy()
      let store = try Store.open(folder: copy.path)
      let state = try await store.state(update.id)
      #expect(try await state == update.state)
      #expect(try await fold(store, update.id, state.course) == state)
      try store.close()
    }
    #expect(try await system.store.unfinishedUpdate() == nil)
  }

  @Test("What another process journaled moves the state here too")
  func otherProcess() async throws {
    let (system, components, root) = try await system(1)
    let update = try await TestUpdate.start(system, components, root: root)
    let event = Event.actionSucceeded(ActionID(.generate, components[0].id), attempt: 1)
    let text = try JSON.text(event)
    try system.folder.sql(
      "INSERT INTO journal (update_id, sequence, at, event) VALUES (\(update.id), 2, 0, '\(text)');"
        + "UPDATE updates SET last_sequence = 2, last_event = 2")
    var expected = UpdateState(course: .of(components))
    _ = try expected.apply(.started(by: "ada"))
    _ = try expected.apply(event)
    #expect(try await update.state == expected)
  }

  @Test("An update that was superseded is not taken up again")
  func superseded() async throws {
    let (system, components, root) = try await system(1)
    var first = try await TestUpdate.start(system, components, root: root)
    try await first.run()
    var second = try await TestUpdate.start(system, components, root: try await system.importRoot("Newer").id)
    let question = try await first.state.question
    let abort = Event.decided(Decision(.abort, question: question, by: "ada"))
    let running = await code { _ = try await system.store.advance(first.id, [abort], worker: "w") }
    #expect(running == "UPDATE_RUNS")
    try await second.run()
    let later = await code { _ = try await system.store.advance(first.id, [abort], worker: "w") }
    #expect(later == "UPDATE_SUPERSEDED")
    try await second.decide(.abort)
    try await first.decide(.abort)
    #expect(try await system.store.update(first.id).outcome == .rolledBack)
    #expect(try await system.store.currentSet() == nil)
  }

  @Test("An update whose former key was given up by a later one, since taken back, is not aborted, and says why")
  func lostKey() async throws {
    let (system, components, root) = try await system(1)
    var keeping = components[0]
    keeping.keyMade = .onTarget
    try await system.store.replaceComponent(keeping)
    var first = try await TestUpdate.start(system, [keeping], root: root)
    try await first.run()
    #expect(try await system.store.supersession(of: first.id) == nil)
    var second = try await TestUpdate.start(system, [keeping], root: try await system.importRoot("Newer").id)
    try await second.run()
    try await second.decide(.abort)
    let reason = try #require(try await system.store.supersession(of: first.id))
    #expect(reason.contains("“\(keeping.name)” keeps its former key itself"))
    let abort = Event.decided(Decision(.abort, question: try await first.state.question, by: "ada"))
    #expect(await code { _ = try await system.store.advance(first.id, [abort], worker: "w") } == "UPDATE_SUPERSEDED")
  }

  @Test("What was being written when its task was cancelled is written all the same")
  func cancelled() async throws {
    let (system, components, root) = try await system(1)
    let update = try await TestUpdate.start(system, components, root: root)
    let event = Event.actionSucceeded(ActionID(.generate, components[0].id), attempt: 1)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await system.store.advance(update.id, [event], worker: "w")
    }
    #expect(try await task.value.entries.map(\.sequence) == [2])
    #expect(try await system.store.journal(update.id, after: 1, limit: 5).count == 1)
  }
}
