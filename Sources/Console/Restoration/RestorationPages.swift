import Foundation
import HTTP
import PKI
import Rotation
import Store

/// The page of a restored server: how the world differs from its database.
enum RestorationPages {
  static let path = "/restored"

  /// What every page says until somebody has read what differs.
  static func strip(_ restoration: RestorationRecord) -> PageModel {
    let made = "The database is that of \(Display.moment(restoration.backupMadeAt))."
    var banner: PageModel
    if restoration.lookedAt == nil {
      banner = Part.banner(
        "warn", "Restored from a backup",
        text: "\(made) Every component is being looked at; until then no update can start.")
    } else if let update = restoration.onlyUpdate {
      banner = Part.banner(
        "warn", "Restored from a backup: update \(update) was under way when it was made",
        text:
          "\(made) Every component is as it says, but how far the update has come since is not known. It can be decided "
          + "on once somebody has read that.")
    } else {
      banner = Part.banner(
        "warn", "Restored from a backup: components are not as the database says",
        text: "\(made) Updates can start once somebody has read what differs.")
    }
    banner["more"] = Part.link(restoration.onlyUpdate == nil ? "See what differs" : "Read it", path)
    return banner
  }

  /// Who can sign in again, though somebody has seen to it since that they cannot.
  private static func people(_ visit: Visit) -> PageModel {
    var banner = Part.banner(
      "warn", "Who can sign in is again as it was when the backup was made",
      text: "Users, roles, passwords and second factors are those of the backup.",
      items: [
        ["text": "Whoever was removed since can sign in again: remove them once more."],
        ["text": "Whoever had a role taken away, or a password or a lost phone replaced, has the former one again."],
        ["text": "Recovery codes are void, as some may have been used since: who has a second factor makes new ones."],
      ])
    if visit.may(.administrator) { banner["more"] = Part.link("Users", "/users") }
    return banner
  }

  static func show(
    _ restoration: RestorationRecord, _ looks: [Component.ID: RestorationLook], unfinished: UpdateRecord?,
    components: [Component], _ visit: Visit
  ) throws -> Response {
    var model: PageModel = [
      "section": "/components",
      "header": Part.header(
        "Restored from a backup", breadcrumbs: [("Components", "/components")],
        lead:
          "What happened after the backup is not in the database. So every component was looked at: what is "
          + "there counts."),
      "isPlain": true,
      "banner": banner(restoration, looks),
      "people": people(visit),
      "facts": Part.definitions(facts(restoration, unfinished)),
    ]
    // Once updates may start, what is seen may be their work.
    if restoration.isOpen, visit.may(.operator) {
      model["looks"] = ["path": "\(path)/looks", "buttons": Part.buttons("Look again")] as PageModel
    }
    if restoration.lookedAt == nil { model["refreshSeconds"] = "2" }
    if !looks.isEmpty {
      model["table"] = Part.table(
        "Components", columns: ["Component", "State", "What was seen"],
        rows: components.compactMap { component in looks[component.id].map { row(component, $0) } })
    }
    if restoration.lookedAt != nil, restoration.isOpen, visit.may(.operator) {
      model["confirm"] =
        ["path": "\(path)/seen", "buttons": Part.buttons("I have read what differs")] as PageModel
    }
    return try visit.page("restoration/show", model)
  }

  private static func banner(
    _ restoration: RestorationRecord, _ looks: [Component.ID: RestorationLook]
  ) -> PageModel {
    guard restoration.lookedAt != nil else {
      return Part.banner(
        "note", "Every component is being looked at", text: "This page shows what was found once that is done.")
    }
    let different = looks.values.count { $0.verdict == .differs }
    let unseen = looks.values.count { $0.verdict == .unseen }
    if restoration.isOpen, let update = restoration.onlyUpdate {
      return Part.banner(
        "warn", "Update \(update) was under way when the backup was made",
        text:
          "How far it has come since is not known. Decide on its page once you have confirmed that you have read this.")
    }
    if different == 0, unseen == 0 {
      return Part.banner(
        "ok", "Every component is as the database says", text: "Updates can start.")
    }
    let parts = [
      different > 0 ? "\(Display.count(different, "component")) differ\(different == 1 ? "s" : "")" : nil,
      unseen > 0 ? "\(Display.count(unseen, "component")) could not be seen" : nil,
    ].compactMap(\.self)
    return Part.banner(
      restoration.isOpen ? "warn" : "note", Display.list(parts),
      text: restoration.isOpen
        ? "Updates can start once you have confirmed that you have read this. A new plan goes by what is there now: it "
          + "keeps the files and the roots that it finds."
        : "Confirmed by \(VisibleText.of(restoration.seenBy ?? "")). A new plan goes by what is there now.")
  }

  private static func facts(_ restoration: RestorationRecord, _ unfinished: UpdateRecord?) -> [PageModel?] {
    [
      Part.row("Backup made", Display.moment(restoration.backupMadeAt)),
      Part.row("Restored", Display.moment(restoration.restoredAt)),
      restoration.lookedAt.map { Part.row("Looked at", Display.moment($0)) },
      restoration.lastUpdate.map {
        Part.row(
          "Newest update in it", "Update \($0)", href: "/updates/\($0)",
          note: unfinished?.id == $0
            ? "It was under way. It does not go on by itself: decide on its page. Abort puts every component back."
            : nil)
      },
      Part.row(
        "Not in it",
        "Roots that were imported, certificates that were issued, and updates that were carried out after the backup. "
          + "Serial numbers are random, so none is given twice."),
      Part.row("Again as in the backup", "Users, roles, passwords and second factors"),
      Part.row("Void", "Every session, one-time link and recovery code of the backup"),
    ]
  }

  private static func row(_ component: Component, _ look: RestorationLook) -> (cells: [PageModel], menu: PageModel?) {
    let status =
      switch look.verdict {
      case .same: Part.status("ok", "As the database says")
      case .differs: Part.status("error", "Differs")
      case .unseen: Part.status("wait", "Not seen")
      }
    return (
      cells: [
        Part.cell(component.name, href: "/components/\(component.id)", isHeading: true), Part.cell(status: status),
        Part.cell(VisibleText.of(look.sentences.joined(separator: " "), limit: 2_000)),
      ], menu: nil
    )
  }

  /// What a component's own page says; nil where there is nothing to say.
  static func banner(of look: RestorationLook?) -> PageModel? {
    guard let look, look.verdict != .same else { return nil }
    var banner = Part.banner(
      "warn",
      look.verdict == .differs ? "Not as the restored database says" : "Could not be seen after the restore",
      text: VisibleText.of(look.sentences.joined(separator: " "), limit: 2_000))
    banner["more"] = Part.link("All components", path)
    return banner
  }
}
