import Foundation
import PKI
import Rotation
import Store

/// The page of an update: the same models draw it at first and live.
struct UpdatePage: Sendable {
  let record: UpdateRecord
  let plan: PlanSummary
  let state: UpdateState
  /// Whether Abort takes a second person, and the open request for it.
  let secondPerson: FailurePanel.SecondPerson
  /// Why a later update has made this one history, which can be decided on no more; nil while none has.
  let supersession: String?
  let now: Date
  /// Of which components Abort would put a certificate back that is not valid now.
  var invalid = FailurePanel.Invalid()
  /// Why what has ended cannot be written down at the moment; nil while it can.
  var unwritten: String?
  /// How many components are named with a decision.
  private(set) var named = Int.max

  /// The id of the element with the rows of the components.
  static let rowsID = "rows"
  /// How many of the newest entries of the journal the page shows.
  static let logLength = 200

  /// The same with so many components at most named with each decision.
  func naming(atMost limit: Int) -> UpdatePage {
    var page = self
    page.named = limit
    return page
  }

  /// Reads what the page shows.
  static func read(
    _ id: UpdateRecord.ID, _ store: Store, now: Date, unwritten: UnwrittenUpdates? = nil
  ) async throws -> UpdatePage {
    let record = try await store.update(id)
    let (plan, state) = (try await store.planSummary(record.plan), try await store.state(id))
    let invalid = try await invalid(plan, record, state, store, now: now)
    return try await UpdatePage(
      record: record, plan: plan, state: state,
      secondPerson: FailurePanel.SecondPerson(
        isNeeded: store.isSecondPersonOn(),
        request: store.openAgreements().first {
          if case .abort(id, _, _) = $0.subject { true } else { false }
        }),
      supersession: store.supersession(of: id), now: now, invalid: invalid,
      unwritten: unwritten?.sentence(of: id))
  }

  /// The whole plan is read only where Abort is offered and some certificate is not valid.
  private static func invalid(
    _ summary: PlanSummary, _ record: UpdateRecord, _ state: UpdateState, _ store: Store, now: Date
  ) async throws -> FailurePanel.Invalid {
    guard state.offers.contains(.abort), !summary.isEveryPreviousValid(at: now) else { return .init() }
    let plan = try await store.plan(record.plan)
    func names(_ isInvalid: (Findings) -> Bool) -> [String] {
      plan.components.indices.filter { isInvalid(plan.components[$0].findings) }
        .map { plan.components[$0].component.name }
    }
    return FailurePanel.Invalid(
      expired: names { $0.previousNotAfter.map { $0 < now } ?? false },
      early: names { $0.previousNotBefore.map { $0 > now } ?? false })
  }

  /// The whole page, for somebody who may decide, or only look.
  ///
  /// - Parameter rows: which components it shows.
  func model(log: [JournalEntry], rows: UpdateRows = UpdateRows(), mayDecide: Bool) -> PageModel {
    let isLive = state.outcome == nil
    let selection = rows.selection(of: state)
    var model: PageModel = [
      "title": "Update \(record.id)",
      "header": [
        "title": title,
        "hasBreadcrumbs": true,
        "breadcrumbs": [["label": "Updates", "href": "/updates"] as PageModel],
      ] as PageModel,
      "progress": progress,
      "panel": panel(mayDecide: mayDecide),
      "columns": kinds.map(\.title),
      "rowsID": Self.rowsID,
      "rows": selection.shown.map(row),
      "hasConsole": state.course.changesHTTPS,
      "console": consoleRow,
      "entries": log.reversed().map(entry),
      "eventsPath": "/updates/\(record.id)/events?after=\(log.last?.sequence ?? 0)",
    ]
    model["observationsRemoved"] = record.observationsRemovedAt.map {
      "What was observed on the way was removed from this log at \(Display.moment($0)), as the settings say. What was done, "
        + "decided and what came of it stays."
    }
    model["listing"] = rows.model(selection, of: state, at: "/updates/\(record.id)")
    // While nothing goes on, somebody may be reading what a command wrote.
    if isLive { model["refreshSeconds"] = state.standing == .deciding ? 60 : 5 }
    if let supersession, !state.offers.isEmpty {
      model["banner"] =
        Part.banner("note", "This update can not be taken back any more", text: VisibleText.of(supersession))
    }
    return model
  }

  private var title: String {
    plan.retires.map { "Retire \(VisibleText.of($0.name))" } ?? "Update to \(VisibleText.of(plan.root.name))"
  }

  /// The actions that have a column.
  private var kinds: [ActionKind] {
    state.course.purpose == .retirement ? [.trust] : [.generate, .trust, .deploy, .activate, .verify]
  }

  /// What succeeded, what failed, and the buttons for whoever may decide.
  func panel(mayDecide: Bool) -> PageModel {
    FailurePanel(
      record: record, state: state, secondPerson: secondPerson,
      invalid: invalid
    ).model(canDecide: supersession == nil, mayDecide: mayDecide)
  }

  /// The bar, the counts and the current step.
  var progress: PageModel {
    let counts = state.counts
    var model: PageModel = [
      "id": "progress",
      "standing": state.standingWord,
      "status": ["tone": state.standingTone, "label": state.standingLabel] as PageModel,
      "step": VisibleText.of(state.currentStep),
      "done": counts.done,
      "total": max(1, counts.total),
      "succeeded": counts.succeeded,
      "failed": counts.failed,
      "running": counts.running,
      "waiting": counts.waiting,
      "skipped": counts.skipped,
      "startedAt": Display.time(record.startedAt),
      "startedBy": VisibleText.of(record.startedBy),
      "policy": policy,
      "isLive": record.endedAt == nil && state.outcome == nil,
    ]
    model["unwritten"] = unwritten.map {
      Part.banner("error", "Reroot cannot write", text: VisibleText.of($0), role: "alert")
    }
    if let ended = record.endedAt, state.outcome != nil {
      model["endedAt"] = Display.time(ended)
      model["elapsed"] = Display.duration(ended.timeIntervalSince(record.startedAt))
    } else {
      let elapsed = max(0, now.timeIntervalSince(record.startedAt))
      model["elapsedText"] = Display.duration(elapsed)
      model["elapsedSeconds"] = Int(min(elapsed, 1e9))
    }
    return model
  }

  /// What was planned for failures, and what a decision has made of it.
  private var policy: String {
    let planned = "If system certificates fail: \(plan.policy.label)"
    guard state.policy != plan.policy else { return planned + "." }
    return "Planned \(planned.lowercasedFirst); a decision changed it to \(state.policy.label)."
  }

  /// The row of one component.
  func row(_ member: Course.Member) -> PageModel {
    var model: PageModel = [
      "id": "component-\(member.id)",
      "name": VisibleText.of(member.name),
      "stage": member.stage,
      "isSetAside": state.isSetAside(member.id),
      "cells": kinds.map { cell(ActionID($0, member.id)) },
      "restores": restores([.restore, .restoreTrust], member.id),
    ]
    model["group"] = member.group.map { VisibleText.of($0) }
    model["maintenance"] = plan.maintenance[member.id].map { VisibleText.of($0) }
    return model
  }

  /// The row of the console's own certificate.
  var consoleRow: PageModel {
    [
      "id": "component-console", "cells": [cell(ActionID(.https))], "restores": restores([.restoreHTTPS], nil),
    ]
  }

  /// What was, or is to be, put back.
  private func restores(_ kinds: [ActionKind], _ component: Component.ID?) -> [PageModel] {
    kinds.map { ActionID($0, component) }.filter { id in
      state.action(id).map { $0.skipped != .notNeeded } ?? false
    }.map { id in cell(id).merging(["title": id.kind.shortTitle]) { $1 } }
  }

  private func cell(_ id: ActionID) -> PageModel {
    guard let action = state.action(id) else {
      let reason =
        state.course.purpose == .renewal ? "No trust bundle" : "No trust bundle of it holds the root that is retired"
      return ["title": id.kind.title, "status": ["tone": "off", "label": "none", "title": reason] as PageModel]
    }
    let (tone, label) = Self.words(action)
    var status: PageModel = ["tone": tone, "label": label]
    if let reason = action.skipped { status["title"] = reason.words }
    if let failure = action.failure { status["title"] = VisibleText.of(failure.sentence) }
    return ["title": id.kind.title, "kind": id.kind.rawValue, "state": action.status.rawValue, "status": status]
  }

  private static func words(_ action: ActionState) -> (tone: String, label: String) {
    switch action.status {
    case .waiting: ("wait", "waiting")
    case .running: ("busy", action.attempts > 1 ? "attempt \(action.attempts)" : "running")
    case .succeeded: ("ok", "done")
    case .failed: action.isIgnored ? ("warn", "failed, ignored") : ("error", "failed")
    case .skipped: ("off", "skipped")
    }
  }

  /// One line of the log.
  func entry(_ entry: JournalEntry) -> PageModel {
    [
      "id": "entry-\(entry.sequence)",
      "sequence": entry.sequence,
      "tone": entry.tone,
      "time": ["text": Display.clock(entry.at), "machine": Display.machine(entry.at)] as PageModel,
      "text": VisibleText.of(words(entry)),
    ]
  }

  /// What an entry of the journal says.
  func words(_ entry: JournalEntry) -> String { entry.words(in: state.course.purpose, name) }

  private func name(_ id: Component.ID?) -> String {
    guard let id else { return "the console" }
    return state.member(id)?.name ?? "component \(id)"
  }
}

extension String {
  /// The same with its first letter in lower case, for the middle of a sentence.
  fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}

extension ActionState.SkipReason {
  /// Why an action is not carried out, in words.
  var words: String {
    switch self {
    case .setAside: "The component was set aside by Override."
    case .noCertificate: "There is no certificate to deploy, because generating it failed."
    case .aborted: "The update was aborted before it came to this."
    case .stillNeeded: "A component that could not be put back may still present the new root."
    case .notNeeded: "There is nothing to put back any more."
    }
  }
}
