import Foundation
import HTTP
import Rotation
import Store

/// Draws what some journal entries changed, with the partials that drew the page.
struct LiveUpdate: Sendable {
  let store: Store
  let renderer: PageRenderer
  let clock: @Sendable () -> Date

  /// What somebody who watches is sent for some entries: never none for a page; for a program also none, which tells how
  /// the update stands.
  func message(
    _ update: UpdateRecord.ID, _ entries: [JournalEntry], for audience: UpdateEvents.Audience
  ) async throws -> EventMessage {
    guard audience != .programs else {
      return try await UpdateEventsAPI.message(UpdatePage.read(update, store, now: clock()), entries)
    }
    return try await draw(update, entries, mayDecide: audience == .deciders)
      .message(id: entries.last.map { String($0.sequence) })
  }

  /// - Parameter mayDecide: whether it is for those who may decide, or for those who may only look.
  func draw(_ update: UpdateRecord.ID, _ entries: [JournalEntry], mayDecide: Bool) async throws -> LiveChanges {
    let page = try await UpdatePage.read(update, store, now: clock())
    var partials: [LiveChanges.Partial] = []
    for entry in entries.suffix(UpdatePage.logLength) {
      let html = try renderer.render("updates/entry", page.entry(entry))
      partials.append(.init(id: "entry-\(entry.sequence)", html: html, to: "log"))
    }
    guard entries.contains(where: { $0.touches != [] }) else {
      return LiveChanges(partials: partials, hasEnded: page.state.outcome != nil)
    }
    partials.append(.init(id: "progress", html: try renderer.render("updates/progress", page.progress)))
    // The token of the form's session is put in by the browser: the same bytes go to everybody who watches.
    partials.append(.init(id: "panel", html: try renderer.render("updates/panel", page.panel(mayDecide: mayDecide))))
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
