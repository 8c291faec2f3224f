import Foundation
import Rotation
import Store

/// The page of an update: the same models draw it at first and live.
struct UpdatePage: Sendable {
  let record: UpdateRecord
  let plan: Plan
  let state: UpdateState

  /// How many of the newest entries of the journal the page shows.
  static let logLength = 200

  /// Reads what the page shows.
  static func read(_ id: UpdateRecord.ID, _ store: Store) async throws -> UpdatePage {
    let record = try await store.update(id)
    return try await UpdatePage(record: record, plan: store.plan(record.plan), state: store.state(id))
  }

  /// The whole page.
  func model(log: [JournalEntry], canDecide: Bool) -> PageModel {
    let isLive = state.outcome == nil
    var model: PageModel = [
      "title": "Update \(record.id)",
      "header": [
        "title": "Update to \(Text.visible(plan.root.name))",
        "hasBreadcrumbs": true,
        "breadcrumbs": [["label": "Updates", "href": "/updates"] as PageModel],
      ] as PageModel,
      "progress": progress,
      "panel": FailurePanel(record: record, state: state).model(canDecide: canDecide),
      "rows": rows,
      "hasConsole": state.course.changesHTTPS,
      "console": consoleRow,
      "hasRestores": state.allActions.contains { $0.id.kind.isRestoring },
      "entries": log.reversed().map(entry),
      "eventsPath": "/updates/\(record.id)/events?after=\(log.last?.sequence ?? 0)",
      "scriptNames": ["update.js"],
    ]
    if isLive { model["refreshSeconds"] = 5 }
    return model
  }

  /// The bar, the counts and the current step.
  var progress: PageModel {
    let counts = state.counts
    var model: PageModel = [
      "id": "progress",
      "standing": state.standingWord,
      "status": ["tone": state.standingTone, "label": state.standingLabel] as PageModel,
      "step": Text.visible(state.currentStep),
      "done": counts.done,
      "total": max(1, counts.total),
      "succeeded": counts.succeeded,
      "failed": counts.failed,
      "running": counts.running,
      "waiting": counts.waiting,
      "skipped": counts.skipped,
      "startedAt": Display.time(record.startedAt),
      "startedBy": Text.visible(record.startedBy),
      "policy": state.policy.label,
      "isLive": record.endedAt == nil && state.outcome == nil,
    ]
    if let ended = record.endedAt, state.outcome != nil {
      model["endedAt"] = Display.time(ended)
      model["elapsed"] = Display.duration(ended.timeIntervalSince(record.startedAt))
    }
    return model
  }

  /// A row for every component.
  var rows: [PageModel] { state.course.members.map { row($0) } }

  /// The row of one component.
  func row(_ member: Course.Member) -> PageModel {
    let kinds: [ActionKind] = [.generate, .trust, .deploy, .activate, .verify]
    return [
      "id": "component-\(member.id)",
      "name": Text.visible(member.name),
      "stage": member.stage,
      "isSetAside": state.isSetAside(member.id),
      "cells": kinds.map { cell(ActionID($0, member.id)) },
      "restores": [ActionKind.restore, .restoreTrust].compactMap { kind in
        state.action(ActionID(kind, member.id)).flatMap { $0.skipped == .notNeeded ? nil : $0 }
          .map { _ in cell(ActionID(kind, member.id)) }
      },
    ]
  }

  /// The row of the console's own certificate.
  var consoleRow: PageModel {
    [
      "id": "component-console",
      "cells": [ActionKind.https, .restoreHTTPS].compactMap { kind in
        state.action(ActionID(kind)).map { _ in cell(ActionID(kind)) }
      },
    ]
  }

  private func cell(_ id: ActionID) -> PageModel {
    guard let action = state.action(id) else {
      return [
        "title": id.kind.title, "status": ["tone": "off", "label": "none", "title": "No trust bundle"] as PageModel,
      ]
    }
    let (tone, label) = Self.words(action)
    var status: PageModel = ["tone": tone, "label": label]
    if let reason = action.skipped { status["title"] = reason.words }
    if let failure = action.failure { status["title"] = Text.visible(failure.sentence) }
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
      "text": Text.visible(entry.words(name)),
    ]
  }

  private func name(_ id: Component.ID?) -> String {
    guard let id else { return "the console" }
    return state.course.members.first { $0.id == id }?.name ?? "component \(id)"
  }
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
