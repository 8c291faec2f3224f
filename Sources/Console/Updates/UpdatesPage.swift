import HTTP
import PKI
import Rotation
import Store

/// The list of updates.
enum UpdatesPage {
  /// Updates on one page.
  static let pageLength = 50

  static func model(_ store: Store, _ query: Form) async throws -> PageModel {
    var before = query["before"].flatMap { Int64($0) }.map { UpdateRecord.ID(rawValue: $0) }
    var found = try await store.updates(before: before, limit: pageLength + 1)
    if found.isEmpty, before != nil {
      before = nil
      found = try await store.updates(limit: pageLength + 1)
    }
    let updates = Array(found.prefix(pageLength))
    let names = try await names(updates, store)
    var rows: [PageModel] = []
    for update in updates {
      let state = update.outcome == nil ? try await store.state(update.id) : nil
      rows.append(row(update, names[update.root] ?? "?", state))
    }
    var model: PageModel = [
      "title": "Updates",
      "header": [
        "title": "Updates",
        "lead": "Every run that took the system from one root to the next, or an old root out of the trust bundles.",
      ] as PageModel,
      "hasRows": !rows.isEmpty,
      "table": [
        "caption": "Updates",
        "columns": ["Update", "State", "Started", "By", "Took"].map { ["label": $0] as PageModel },
        "rows": rows, "hasMenus": false,
      ] as PageModel,
      "empty": [
        "title": "No update has been started",
        "text": "Choose Update in the menu beside a root certificate.",
        "action": ["label": "Go to Certificate Management", "href": "/roots"] as PageModel,
      ] as PageModel,
    ]
    if let last = updates.last, found.count > updates.count {
      model["older"] = Part.link("Older", "/updates?before=\(last.id)")
    }
    if before != nil { model["newest"] = Part.link("Newest", "/updates") }
    return model
  }

  private static func row(_ update: UpdateRecord, _ root: String, _ state: UpdateState?) -> PageModel {
    let status: PageModel = [
      "tone": update.outcome?.tone ?? state?.standingTone ?? "busy",
      "label": update.outcome?.words ?? state?.standingLabel ?? "Running",
    ]
    let took = update.endedAt.map { Display.duration($0.timeIntervalSince(update.startedAt)) } ?? "–"
    let cells: [PageModel] = [
      [
        "label": "Update", "isHeading": true, "text": "\(update.id): \(what(update, root))",
        "href": "/updates/\(update.id)",
      ],
      ["label": "State", "status": status],
      ["label": "Started", "text": Display.moment(update.startedAt)],
      ["label": "By", "text": VisibleText.of(update.startedBy)],
      ["label": "Took", "text": took],
    ]
    return ["cells": cells]
  }

  private static func what(_ update: UpdateRecord, _ root: String) -> String {
    update.retires == nil ? "to \(VisibleText.of(root))" : "retire \(VisibleText.of(update.retiresName ?? "a root"))"
  }

  private static func names(_ updates: [UpdateRecord], _ store: Store) async throws -> [RootRecord.ID: String] {
    var names: [RootRecord.ID: String] = [:]
    for id in Set(updates.map(\.root)) { names[id] = try await store.root(id).name }
    return names
  }
}
