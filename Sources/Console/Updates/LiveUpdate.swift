import Foundation
import HTTP
import Rotation
import Store

/// Draws what some journal entries changed, with the partials that drew the page.
struct LiveUpdate: Sendable {
  let store: Store
  let renderer: PageRenderer
  let clock: @Sendable () -> Date
  var unwritten = UnwrittenUpdates()

  /// What those who watch are sent for some entries, or for none: how the update stands. What all pages are sent is drawn
  /// once.
  func messages(
    _ update: UpdateRecord.ID, _ entries: [JournalEntry], for audiences: Set<UpdateEvents.Audience>
  ) async throws -> [UpdateEvents.Audience: EventMessage] {
    let page = try await UpdatePage.read(update, store, now: clock(), unwritten: unwritten)
    var messages: [UpdateEvents.Audience: EventMessage] = [:]
    if audiences.contains(.programs) {
      messages[.programs] = try UpdateEventsAPI.message(page, entries, hasMore: try await hasMore(update, entries))
    }
    let pages = audiences.subtracting([.programs])
    guard !pages.isEmpty else { return messages }
    let changes = try changes(page, entries)
    for audience in pages {
      messages[audience] = try withPanel(changes, page, mayDecide: audience == .deciders)
        .message(id: entries.last.map { String($0.sequence) })
    }
    return messages
  }

  /// Whether there are entries behind those of a full message.
  private func hasMore(_ update: UpdateRecord.ID, _ entries: [JournalEntry]) async throws -> Bool {
    guard entries.count == UpdateEvents.batch, let last = entries.last?.sequence else { return false }
    return try await store.lastSequence(update) > last
  }

  /// With the panel, which shows buttons only to those who may decide, behind the progress, where that is drawn anew.
  private func withPanel(_ changes: LiveChanges, _ page: UpdatePage, mayDecide: Bool) throws -> LiveChanges {
    guard let progress = changes.partials.firstIndex(where: { $0.id == "progress" }) else { return changes }
    var changes = changes
    // The token of the form's session is put in by the browser: the same bytes go to everybody who watches.
    let html = try renderer.render("updates/panel", page.panel(mayDecide: mayDecide))
    changes.partials.insert(.init(id: "panel", html: html), at: progress + 1)
    return changes
  }

  /// What every page shows alike.
  private func changes(_ page: UpdatePage, _ entries: [JournalEntry]) throws -> LiveChanges {
    var partials: [LiveChanges.Partial] = []
    for entry in entries.suffix(UpdatePage.logLength) {
      let html = try renderer.render("updates/entry", page.entry(entry))
      partials.append(.init(id: "entry-\(entry.sequence)", html: html, to: "log"))
    }
    guard entries.isEmpty || entries.contains(where: { $0.touches != [] }) else {
      return LiveChanges(partials: partials, hasEnded: page.state.outcome != nil)
    }
    partials.append(.init(id: "progress", html: try renderer.render("updates/progress", page.progress)))
    let touched = touched(page, entries)
    for member in touched ?? [] {
      let html = try renderer.render("updates/row", page.row(member))
      partials.append(.init(id: "component-\(member.id)", html: html))
    }
    if page.state.course.changesHTTPS {
      let html = try renderer.render("updates/console", page.consoleRow)
      partials.append(.init(id: "component-console", html: html))
    }
    return LiveChanges(
      partials: partials, redraw: touched == nil ? UpdatePage.rowsID : nil, hasEnded: page.state.outcome != nil)
  }

  /// The rows that may look different now: those of the entries, and those whose actions have begun since; nil for so many
  /// that each page asks for those that it shows.
  private func touched(_ page: UpdatePage, _ entries: [JournalEntry]) -> [Course.Member]? {
    var ids: Set<Component.ID> = []
    for entry in entries {
      guard let touches = entry.touches else {
        return UpdateRows.arePaged(page.state) ? nil : page.state.course.members
      }
      ids.formUnion(touches.compactMap { $0 })
    }
    ids.formUnion(page.state.actionsInFlight.keys.compactMap(\.component))
    return ids.sorted().compactMap(page.state.member)
  }
}
