import Foundation
import GRDB
import Rotation
import Testing

@testable import Console
@testable import Store

/// One step that fails, one answer to it, and how everything must stand then.
struct DecisionRow: Sendable, CustomTestStringConvertible {
  let fails: ActionKind
  let decision: Decision.Kind
  let outcome: Outcome
  /// The root of each one's certificate at the end.
  let web: String
  let broker: String
  /// The roots in the bundle of the component where it failed.
  let webBundle: [String]

  var testDescription: String { "\(fails.rawValue) fails, \(decision.label)" }

  static let all: [DecisionRow] = {
    let (old, new) = ("Old root", "New root")
    let both = [old, new]
    var rows: [DecisionRow] = []
    for kind in [ActionKind.generate, .trust, .deploy, .activate, .verify] {
      rows.append(.init(fails: kind, decision: .retry, outcome: .completed, web: new, broker: new, webBundle: both))
      // One that was set aside keeps accepting the others, unless that is just what could not be brought about.
      let asideBundle = kind == .trust ? [old] : both
      rows.append(
        .init(
          fails: kind, decision: .override, outcome: .completedWithErrors, web: old, broker: new, webBundle: asideBundle
        ))
      let goesOn = kind == .generate || kind == .deploy ? old : new
      rows.append(
        .init(
          fails: kind, decision: .continueUpdate, outcome: .completedWithErrors, web: goesOn, broker: new,
          webBundle: both))
      rows.append(.init(fails: kind, decision: .abort, outcome: .rolledBack, web: old, broker: old, webBundle: [old]))
    }
    return rows
  }()
}

@Suite("The four decisions, over the pages", .timeLimit(.minutes(2))) struct FourDecisionTests {
  /// Lets the step of the component “web” fail once.
  private func arm(_ kind: ActionKind, _ system: TestSystem) async throws {
    switch kind {
    case .generate: try await system.failGenerating("web")
    case .trust: system.targets.arm(.trust, at: "web")
    case .deploy: system.targets.arm(.deploy, at: "web")
    case .activate: system.targets.arm(.activate, at: "web")
    default: system.targets.arm(.verify, at: "web")
    }
  }

  @Test("Each failure can be answered in each of the four ways", arguments: DecisionRow.all)
  func decide(_ row: DecisionRow) async throws {
    try await withSystem { system in
      let before = system.targets.snapshot
      try await arm(row.fails, system)
      let id = try await system.start()
      let asked = try await system.settled(id)
      #expect(asked.standing == .deciding)
      let failed = ActionID(row.fails, try system.id("web"))
      #expect(asked.openFailures == [failed])
      let page = try await system.browser.get("/updates/\(id)")
      let failure = try #require(asked.action(failed)?.failure)
      #expect(page.says(failure.sentence))
      #expect(page.says("1 action failed. What shall happen?"))
      for kind in Decision.Kind.allCases { #expect(page.has(">\(kind.label)</button>")) }
      try await system.mendGenerating()

      let ended = try await system.decide(id, row.decision)
      #expect(ended.outcome == row.outcome)
      #expect(try system.issuer("web") == row.web)
      #expect(try system.issuer("broker") == row.broker)
      #expect(try system.bundle("web") == row.webBundle)
      let after = system.targets.snapshot
      if row.decision == .abort { #expect(after == before) }
      if row.decision == .override {
        for name in ["cert.pem", "key.pem"] { #expect(after["/srv/web/\(name)"] == before["/srv/web/\(name)"]) }
      }
      // Owner and group are kept whatever happens; the modes are those of the settings, or those from before.
      for (path, text) in after { #expect(text.prefix { $0 != " " } == before[path]?.prefix { $0 != " " }) }
      try await checkJournal(row, failure, id, system)
      try await checkSet(row, id, system)
    }
  }

  @Test("Abort says whose previous certificate has expired since")
  func expired() async throws {
    try await withSystem { system in
      system.targets.arm(.activate, at: "web")
      let id = try await system.start()
      _ = try await system.settled(id)
      let early = try await system.browser.get("/updates/\(id)")
      #expect(!early.says("expired: peers would refuse what is put back"))
      system.console.clock.advance(310 * 86_400)
      let late = try await system.console.browser().get("/updates/\(id)")
      #expect(late.says("have expired: peers would refuse what is put back"))
    }
  }

  private func checkJournal(
    _ row: DecisionRow, _ failure: Failure, _ id: UpdateRecord.ID, _ system: TestSystem
  ) async throws {
    let journal = try await system.journal(id)
    #expect(journal.first == "ada started the update")
    #expect(journal.contains("\(row.fails.attempt("web")) failed: \(failure.sentence)"))
    let reason = row.decision == .override ? " (“\(TestSystem.reason)”)" : ""
    #expect(journal.contains("ada decided: \(row.decision.label)\(reason)"))
    if row.decision == .abort, row.fails != .generate {
      #expect(journal.contains(ActionKind.restoreTrust.result("web")))
    }
    #expect(journal.contains(ActionKind.restore.result("web")) == (row.fails.isAfterDeploy && row.putsBack))
    #expect(try await system.store.update(id).outcome == row.outcome)
  }

  private func checkSet(_ row: DecisionRow, _ id: UpdateRecord.ID, _ system: TestSystem) async throws {
    let set = try await system.store.currentSet()
    guard row.decision != .abort else {
      #expect(set == nil)
      return
    }
    #expect(set?.update == id)
    let web = try system.id("web")
    let isVerified = try await system.store.state(id).action(ActionID(.verify, web))?.status == .succeeded
    #expect((set?.members[web] != nil) == isVerified)
    #expect(set?.members[try system.id("broker")]?.root == system.newID)
  }

  @Test(
    "Continue Update, then Retry of the one failure, brings the component onto the new set",
    arguments: [
      ActionKind.generate, .trust, .deploy, .activate, .verify,
    ])
  func continueThenRetry(_ kind: ActionKind) async throws {
    try await withSystem { system in
      try await arm(kind, system)
      let id = try await system.start()
      try await system.settled(id)
      try await system.mendGenerating()
      #expect(try await system.decide(id, .continueUpdate).outcome == .completedWithErrors)
      #expect(
        try await system.browser.get("/updates/\(id)").says(
          "Planned if system certificates fail: Stop Update; a decision changed it to Continue Update."))
      var state = try await system.retry(id, ActionID(kind, try system.id("web")))
      // A verification that failed because of what failed before it is retried by itself.
      if state.outcome == .completedWithErrors { state = try await system.decide(id, .retry) }
      #expect(state.outcome == .completed)
      #expect(try system.issuer("web") == "New root")
      #expect(try system.bundle("web") == ["Old root", "New root"])
    }
  }

  @Test("An update that completed is aborted to the byte")
  func abortAfterCompletion() async throws {
    try await withSystem { system in
      let before = system.targets.snapshot
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      #expect(system.targets.snapshot != before)
      #expect(try await system.store.currentSet()?.members.count == 2)
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      #expect(system.targets.snapshot == before)
      #expect(try await system.store.currentSet() == nil)
    }
  }

  @Test("A restore that fails asks again, and Retry puts everything back to the byte")
  func failingAbort() async throws {
    try await withSystem { system in
      let before = system.targets.snapshot
      system.targets.arm(.activate, at: "broker")
      let id = try await system.start()
      try await system.settled(id)
      system.targets.arm(.restore, at: "web", times: .max)
      let asked = try await system.decide(id, .abort)
      #expect(asked.standing == .deciding)
      #expect(asked.offers == [.retry, .override])
      #expect(try await system.browser.get("/updates/\(id)").says("the disk is full"))
      system.targets.disarm()
      #expect(try await system.decide(id, .retry).outcome == .rolledBack)
      #expect(system.targets.snapshot == before)
    }
  }

  @Test("A restore that is overridden leaves that component, puts back the rest, and keeps the new root trusted")
  func overriddenAbort() async throws {
    try await withSystem { system in
      let before = system.targets.snapshot
      let id = try await system.start()
      try await system.settled(id)
      system.targets.arm(.restore, at: "web", times: .max)
      try await system.decide(id, .abort)
      let ended = try await system.decide(id, .override)
      #expect(ended.outcome == .rolledBackWithErrors)
      let after = system.targets.snapshot
      #expect(after["/srv/broker/cert.pem"] == before["/srv/broker/cert.pem"])
      #expect(try system.issuer("web") == "New root")
      #expect(try system.bundle("broker") == ["Old root", "New root"])
      #expect(try await system.store.root(system.newID).state == .retiring)
      let page = try await system.browser.get("/roots/\(system.newID)/remove")
      #expect(page.status == 409)
    }
  }

  @Test("A decision on a question that was answered is refused with 409 and changes nothing")
  func stale() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web", times: 2)
      let id = try await system.start()
      let first = try await system.settled(id)
      try await system.decide(id, .retry)
      let state = try await system.store.state(id)
      let files = system.targets.snapshot
      for kind in Decision.Kind.allCases {
        let answer = try await system.press(id, kind, question: first.question)
        #expect(answer.status == 409)
        #expect(answer.says("This question has been answered already"))
        let leadsBack = answer.links.contains("/updates/\(id)")
        #expect(leadsBack)
      }
      #expect(try await system.store.state(id) == state)
      #expect(system.targets.snapshot == files)
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
    }
  }

  @Test(
    "A form that names no decision, or none that exists, is a 400",
    arguments: [
      [("decision", "explode"), ("question", "1")], [("decision", "retry")],
      [("decision", "retry"), ("question", "x")],
      [],
    ])
  func noDecision(_ fields: [(String, String)]) async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      let state = try await system.settled(id)
      let token = try await system.browser.token()
      let answer = try await system.browser.post("/updates/\(id)/decisions", fields + [("csrf", token)])
      #expect(answer.status == 400)
      #expect(answer.says("Nothing was changed."))
      #expect(try await system.store.state(id) == state)
    }
  }
}

extension ActionKind {
  /// Whether the component's files may have been touched when this step fails.
  fileprivate var isAfterDeploy: Bool { [.deploy, .activate, .verify].contains(self) }
}

extension DecisionRow {
  fileprivate var putsBack: Bool { decision == .abort || decision == .override }
}

extension TestSystem {
  /// Lets the store refuse to note that a certificate is to be issued for a component.
  func failGenerating(_ name: String) async throws {
    let number = try id(name).rawValue
    try await store.write {
      try $0.execute(
        sql: """
          CREATE TRIGGER no_issuance BEFORE INSERT ON issuances WHEN NEW.component = \(number)
          BEGIN SELECT raise(ABORT, 'no room'); END
          """)
    }
  }

  func mendGenerating() async throws {
    try await store.write { try $0.execute(sql: "DROP TRIGGER IF EXISTS no_issuance") }
  }
}
