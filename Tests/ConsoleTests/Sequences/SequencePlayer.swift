import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

/// A small generator of numbers that a seed makes repeatable (splitmix64).
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  mutating func one(in count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }
}

/// What a run of many sequences has come to.
struct SequenceTally: Sendable {
  var sequences = 0
  var events = 0
  var decisions = 0
  var refusals = 0
  var simultaneous = 0
  var underWay = 0
  var restarts = 0
  /// Updates that leave the trust bundles as they are.
  var trustKept = 0
  var outcomes: [Outcome: Int] = [:]
  var disagreements: [String] = []

  mutating func add(_ other: SequenceTally) {
    sequences += other.sequences
    events += other.events
    decisions += other.decisions
    refusals += other.refusals
    simultaneous += other.simultaneous
    underWay += other.underWay
    restarts += other.restarts
    trustKept += other.trustKept
    outcomes.merge(other.outcomes, uniquingKeysWith: +)
    disagreements += other.disagreements
  }

  var line: String {
    "\(sequences) sequences, \(events) events, \(decisions) decisions (\(underWay) under way, \(simultaneous) pairs of "
      + "clicks at once), \(refusals) refusals, \(restarts) restarts, \(trustKept) with the trust bundles as they were, "
      + "\(disagreements.count) disagreements; "
      + outcomes.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }.joined(
        separator: ", ")
  }
}

/// Plays one sequence against a running console over its pages: an update with components that fail at random, and two
/// administrators who answer, too late, twice and at once. After each rest the model and the console's page are compared.
struct SequencePlayer {
  let seed: UInt64
  let stage: SequenceStage
  private var random: SeededNumbers
  private var model: DesignModel
  private var id = UpdateRecord.ID(rawValue: 0)
  private var read = 0
  private(set) var tally = SequenceTally()

  private var store: Store { stage.console.store }
  private var targets: FakeTargets { stage.targets }
  private var components: [Component] { stage.components }
  private var ada: KeptBrowser { stage.ada }
  private var bob: KeptBrowser { stage.bob }

  init(seed: UInt64, on stage: SequenceStage) {
    self.seed = seed
    self.stage = stage
    random = SeededNumbers(state: seed)
    model = DesignModel(members: [], changesHTTPS: false, policy: .stop)
  }

  mutating func play() async throws {
    tally.sequences = 1
    try await start()
    for move in 0..<12 {
      if model.standing == .running {
        if random.one(in: 3) { try await decideUnderWay() }
        if random.one(in: 60) { try await restart() }
      }
      try await rest()
      try await compare()
      try await sendNonsense()
      guard try await answer(move) else { break }
    }
    try await end()
    if !tally.disagreements.isEmpty { try await tellJournal() }
    if let outcome = model.outcome { tally.outcomes[outcome, default: 0] += 1 }
  }

  /// What happened, for whoever looks for the reason.
  private mutating func tellJournal() async throws {
    let events = try await store.journal(id, after: 0, limit: 10_000).compactMap { entry in
      if case .event(let event) = entry.content { "\(event)".prefix(160) } else { nil }
    }
    tally.disagreements.insert("seed \(seed), update \(id): \(events.joined(separator: " | "))", at: 0)
  }

  // MARK: Steps

  private mutating func start() async throws {
    let policy = FailurePolicy.allCases.randomElement(using: &random) ?? .stop
    let https = random.one(in: 8) ? "issue" : "existing"
    let root = try #require(stage.roots.randomElement(using: &random))
    let planned = try await ada.post(
      "/plans", [("root", "\(root)"), ("months", "3"), ("https", https), ("policy", policy.rawValue)])
    let plan = try #require(planned.location?.split(separator: "/").last, "seed \(seed): \(planned.text)")
    // What reads fails only once it is started: the start itself looks again.
    armAtRandom(chance: 2, sparing: [.verify])
    if random.one(in: 6) { holdOne() }
    let fields = [("plan", String(plan)), ("acceptProblems", "yes"), ("acceptNamesake", "yes")]
    // Two administrators start the same plan at the same moment, now and then.
    let other = random.one(in: 10) ? bob : nil
    async let second = other?.post("/updates", fields)
    let answers = [try await ada.post("/updates", fields), try await second].compactMap { $0 }
    let started = answers.filter { $0.status == 303 }
    if answers.count == 2 { tally.simultaneous += 1 }
    guard started.count == 1, let number = started[0].location?.split(separator: "/").last.flatMap({ Int64($0) }) else {
      throw BrowserError(description: "seed \(seed): \(started.count) starts of one plan: \(answers.map(\.text))")
    }
    id = UpdateRecord.ID(rawValue: number)
    // The update has to do what its plan says; when a plan leaves the bundles alone is tried in KeptTrustTests.
    let laysTrust = try await store.plan(store.update(id).plan).components.contains(where: \.changesTrust)
    tally.trustKept += laysTrust ? 0 : 1
    model = DesignModel(
      members: components.map {
        .init(id: $0.id, stage: $0.stage, hasBundle: laysTrust && $0.files.trustBundle != nil)
      },
      changesHTTPS: https != "existing", policy: policy)
    if random.one(in: 3), let one = components.randomElement(using: &random) { targets.arm(.verify, at: one.name) }
    try await readJournal()
  }

  private mutating func armAtRandom(chance: Int, sparing spared: [FakeTargets.Fault] = []) {
    targets.disarm()
    for component in components {
      for fault in FakeTargets.Fault.allCases where !spared.contains(fault) && random.one(in: 4 * chance) {
        targets.arm(fault, at: component.name, times: random.one(in: 3) ? 2 : 1)
      }
    }
  }

  private mutating func holdOne() {
    if let one = components.randomElement(using: &random) { targets.hold(one.name) }
  }

  private func letAllGo() { for component in components { targets.letGo(component.name) } }

  /// An Abort, or two, while actions are in flight or are just ending.
  private mutating func decideUnderWay() async throws {
    guard let page = try? await store.state(id), page.standing == .running || page.standing == .stopping else { return }
    let question = page.question
    // Overridden components may be being put back at that moment, which nobody could tell from the way back.
    guard model.aside.isEmpty else { return }
    let before = try await decisionsJournaled()
    async let second = random.one(in: 2) ? click(bob, .abort, question) : nil
    let answers = [try await click(ada, .abort, question), try await second].compactMap { $0 }
    let taken = answers.filter { $0.status == 303 }.count
    check(taken <= 1, "\(taken) of \(answers.count) simultaneous Aborts were taken")
    let after = try await decisionsJournaled()
    check(after - before == taken, "\(taken) Aborts were answered as taken, and \(after - before) journaled")
    tally.underWay += taken
    tally.decisions += taken
    tally.refusals += answers.count - taken
  }

  /// Reroot is ended in the middle and started again, with what was in flight let finish or not.
  private mutating func restart() async throws {
    if random.one(in: 2) { letAllGo() }
    // The next start looks at the files; what cannot be read then counts as undone, which is another test's.
    targets.disarm()
    try await stage.restart(letting: letAllGo)
    tally.restarts += 1
  }

  private func decisionsJournaled() async throws -> Int {
    try await store.journal(id, after: 0, limit: 10_000).count { entry in
      if case .event(.decided) = entry.content { true } else { false }
    }
  }

  private mutating func rest() async throws {
    letAllGo()
    let (store, id) = (store, id)
    try await eventually("seed \(seed): the update comes to rest", within: .seconds(120)) {
      let state = try await store.state(id)
      return (state.standing == .deciding || state.outcome != nil) && state.actionsInFlight.isEmpty
    }
    try await readJournal()
    model.rest()
  }

  private mutating func readJournal() async throws {
    for entry in try await store.journal(id, after: read, limit: 10_000) {
      read = entry.sequence
      guard case .event(let event) = entry.content else { continue }
      tally.events += 1
      model.take(event)
    }
  }

  /// What can never be taken: old and invented questions, decisions that are not on offer, actions that have not failed.
  private mutating func sendNonsense() async throws {
    guard random.one(in: 2) else { return }
    let before = try await (store.lastSequence(id), store.state(id))
    let not = Decision.Kind.allCases.filter { !model.offers.contains($0) }.randomElement(using: &random)
    let any = Decision.Kind.allCases.randomElement(using: &random) ?? .retry
    var answers = [try await click(bob, any, model.question + ([-2, -1, 1, 7].randomElement(using: &random) ?? 1))]
    if let not { answers.append(try await click(ada, not, model.question)) }
    let whole = components.first.map { "generate:\($0.id)" } ?? "https"
    answers.append(try await click(bob, .override, model.question, action: whole))
    for answer in answers { check(answer.status == 409, "nonsense was answered with \(answer.status)") }
    let after = try await (store.lastSequence(id), store.state(id))
    check(before == after, "nonsense changed something")
    tally.refusals += answers.count
  }

  /// Answers what is asked; false when there is nothing more to do.
  private mutating func answer(_ move: Int) async throws -> Bool {
    let offers = Decision.Kind.allCases.filter(model.offers.contains)
    guard var kind = offers.randomElement(using: &random) else { return false }
    // Abort ends most of what could still happen, so it is chosen more seldom.
    if kind == .abort, !random.one(in: 3) { kind = offers.randomElement(using: &random) ?? kind }
    if model.standing == .ended, !random.one(in: 3) { return false }
    armAtRandom(chance: 2 + move)
    if random.one(in: 6) { holdOne() }
    var action: String?
    if kind == .retry, model.standing == .ended, random.one(in: 2) {
      action = model.retriable.sorted { "\($0)" < "\($1)" }.randomElement(using: &random).map { "\($0)" }
    }
    let question = model.question
    guard random.one(in: 2) else {
      let answer = try await click(ada, kind, question, action: action)
      check(answer.status == 303, "\(kind) to question \(question) was answered with \(answer.status): \(answer.text)")
      tally.decisions += 1
      try await readJournal()
      return true
    }
    // A double click, or another administrator who decides something else at the same moment.
    let other = random.one(in: 2) ? kind : offers.randomElement(using: &random) ?? kind
    let before = try await decisionsJournaled()
    let others = other == kind ? action : nil
    async let second = click(bob, other, question, action: others)
    let answers = [try await click(ada, kind, question, action: action), try await second]
    let taken = answers.filter { $0.status == 303 }.count
    check(taken == 1, "\(taken) of two clicks at once were taken: \(answers.map(\.status))")
    check(answers.contains { $0.status == 409 }, "nobody was refused: \(answers.map(\.status))")
    check(try await decisionsJournaled() - before == 1, "two clicks at once brought other than one decision")
    tally.decisions += 1
    tally.refusals += 1
    tally.simultaneous += 1
    try await readJournal()
    return true
  }

  /// Leaves an update that has ended, so that the next one can begin.
  private mutating func end() async throws {
    targets.disarm()
    try await rest()
    while model.standing == .deciding {
      let answer = try await click(ada, .retry, model.question)
      check(answer.status == 303, "Retry was answered with \(answer.status)")
      tally.decisions += 1
      try await rest()
    }
    try await compare()
  }

  private func click(
    _ browser: KeptBrowser, _ kind: Decision.Kind, _ question: Int, action: String? = nil
  ) async throws -> Answer {
    var fields = [("decision", kind.rawValue), ("question", "\(question)")]
    if let action { fields.append(("action", action)) }
    if kind == .override { fields.append(("reason", TestSystem.reason)) }
    return try await browser.post("/updates/\(id)/decisions", fields)
  }

  // MARK: Comparing

  private mutating func check(_ holds: Bool, _ what: String) {
    if !holds { tally.disagreements.append("seed \(seed), update \(id): \(what)") }
  }

  /// The page that an administrator sees against the model.
  private mutating func compare() async throws {
    let page = try await (random.one(in: 2) ? ada : bob).get("/updates/\(id)")
    for objection in model.objections { check(false, objection) }
    let standing = HTML.first(#"data-standing="([a-zA-Z]+)""#, in: page.html)
    let expected = model.outcome?.rawValue ?? model.standing.rawValue
    check(standing == expected, "the page says \(standing ?? "nothing"), the model \(expected)")
    let said = Self.states(page.html)
    for id in model.ids.union(said.keys) {
      check(model.agrees(id, said[id]), "\(id): the page says \(said[id] ?? "nothing")")
    }
    let forms = PageForm.all(page.html).filter { $0.action == "/updates/\(id)/decisions" && $0.value("action") == nil }
    let offered = Set(forms.compactMap { $0.value("decision").flatMap(Decision.Kind.init(rawValue:)) })
    check(offered == model.offers, "the page offers \(offered), the model \(model.offers)")
    check(
      Set(forms.compactMap { $0.value("question") }).subtracting(["\(model.question)"]).isEmpty,
      "the page asks another question than \(model.question)")
    let aside = HTML.pieces("<tr id=\"component-", ">", in: page.html).filter { $0.contains("set-aside") }.count
    check(aside == model.aside.count, "the page shows \(aside) components set aside, the model \(model.aside.count)")
  }

  /// What the table of the page says of each action.
  private static func states(_ html: String) -> [ActionID: String] {
    var found: [ActionID: String] = [:]
    for row in HTML.pieces("<tr id=\"component-", "</tr>", in: html) {
      let number = row.prefix { $0 != "\"" }
      let component = Int64(number).map { Component.ID(rawValue: $0) }
      for cell in HTML.pieces(" data-kind=\"", ">", in: row) {
        guard let kind = ActionKind(rawValue: String(cell.prefix { $0 != "\"" })),
          let state = HTML.first(#"data-state="([a-z]+)""#, in: cell)
        else { continue }
        found[ActionID(kind, component)] = state
      }
    }
    return found
  }
}
