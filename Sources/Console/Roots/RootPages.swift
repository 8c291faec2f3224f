import Foundation
import HTTP
import PKI
import Rotation
import Store

/// The pages of the root certificates.
enum RootPages {
  static let crumbs = [(label: "Certificate Management", href: "/roots")]

  /// - Parameter found: roots that are retiring and were never imported.
  static func list(
    _ roots: [RootRecord], found: [RetiringRoot], updateRuns: UpdateRecord?, _ notice: EndNotice, _ visit: Visit
  ) throws -> Response {
    var model: PageModel = [
      "header": Part.header(
        "Certificate Management",
        lead: "The root certificates that Reroot may issue certificates with. One is in force at a time.",
        action: visit.only(.administrator, (label: "Import New Root Certificate", href: "/roots/import")),
        more: visit.services.modules.libraries.isEmpty
          ? [] : visit.only(.administrator, [("Use a key in a hardware module", "/roots/module")]))
    ]
    if let updateRuns {
      var banner = Part.banner("note", "An update is under way")
      banner["more"] = Part.link("Watch update \(updateRuns.id)", "/updates/\(updateRuns.id)")
      model["banner"] = banner
    }
    if roots.isEmpty, found.isEmpty {
      model["empty"] = Part.empty(
        "No root certificate yet",
        visit.may(.administrator)
          ? "Import one as a PFX file. Nothing is changed on any component until you start an update with it."
          : "An administrator has to import one.",
        action: visit.only(.administrator, (label: "Import New Root Certificate", href: "/roots/import")))
    } else {
      model["table"] = Part.table(
        "Root certificates", columns: ["Name", "Subject", "Key", "Valid until", "State", "Components"],
        rows: roots.map { row($0, notice, visit) } + found.map { row($0, notice) })
    }
    return try visit.page("roots/list", model)
  }

  private static func row(_ root: RootRecord, _ notice: EndNotice, _ visit: Visit) -> (
    cells: [PageModel], menu: PageModel?
  ) {
    let certificate = root.certificate
    return (
      cells: [
        Part.cell(root.name, href: "/roots/\(root.id)", isHeading: true),
        Part.cell(code: certificate.subject), Part.cell(certificate.keyDescription, isWhole: true),
        Part.cell(
          Display.day(certificate.notAfter), note: CertificateText.ending(certificate.notAfter, notice), isWhole: true),
        Part.cell(status: RootText.status(root.state)), Part.cell(String(root.componentsUsing)),
      ],
      menu: Part.menu(
        root.name,
        links: visit.only(.operator, [("Update", "/roots/\(root.id)/update")]) + [("Details", "/roots/\(root.id)")]
          + retirement(of: root) + [("Download certificate", "/roots/\(root.id)/certificate")]
          + visit.only(.administrator, pin(of: root) + [("Remove", "/roots/\(root.id)/remove")]))
    )
  }

  /// A root that components had before the first update, and that only their trust bundles know.
  private static func row(_ root: RetiringRoot, _ notice: EndNotice) -> (cells: [PageModel], menu: PageModel?) {
    let (certificate, path) = (root.certificate, RetirementPages.path(root.key))
    return (
      cells: [
        Part.cell(root.name, href: path, note: "not imported", isHeading: true),
        Part.cell(code: certificate.subject, note: CertificateText.short(certificate.fingerprint)),
        Part.cell(certificate.keyDescription, isWhole: true),
        Part.cell(
          Display.day(certificate.notAfter), note: CertificateText.ending(certificate.notAfter, notice), isWhole: true),
        Part.cell(status: RootText.status(.retiring)), Part.cell("–"),
      ],
      menu: Part.menu(root.name, links: [("What depends on it", path)])
    )
  }

  private static func pin(of root: RootRecord) -> [(label: String, href: String)] {
    root.module == nil ? [] : [("Change PIN", "/roots/\(root.id)/pin")]
  }

  private static func retirement(of root: RootRecord) -> [(label: String, href: String)] {
    guard root.state == .retiring else { return [] }
    return [("What depends on it", RetirementPages.path(RootKey(root.certificate.fingerprint.hex)))]
  }

  static func details(_ root: RootRecord, components: [Component], _ visit: Visit) throws -> Response {
    var rows = CertificateText.rows(root.certificate)
    rows.append(Part.row("Imported", "\(Display.moment(root.importedAt)) by \(root.importedBy)"))
    if let module = root.module {
      rows.append(
        Part.row(
          "Private key", "stays in the hardware module \(VisibleText.of(module.token))", note: module.uri.description))
      rows.append(Part.row("Module", code: module.library))
    }
    rows.append(
      components.isEmpty
        ? Part.row("Components", "None uses a certificate of this root.")
        : Part.row("Components", lines: components.map(\.name)))
    var model: PageModel = [
      "header": Part.header(
        root.name, breadcrumbs: crumbs,
        action: visit.only(.operator, (label: "Update", href: "/roots/\(root.id)/update")),
        more: retirement(of: root) + [
          (label: "Download certificate (PEM)", href: "/roots/\(root.id)/certificate"),
          (label: "Download certificate (DER)", href: "/roots/\(root.id)/certificate?format=der"),
        ] + visit.only(.administrator, pin(of: root)), status: RootText.status(root.state)),
      "facts": Part.definitions(rows),
    ]
    if !root.warnings.isEmpty {
      model["banner"] = Part.banner(
        "warn", "Worth knowing about this root", items: root.warnings.map { ["text": $0.sentence] })
    }
    return try visit.page("roots/details", model)
  }

  static func remove(
    _ root: RootRecord, reasonToKeep: (sentence: String, where: [String])?, _ reason: ReasonField,
    _ visit: Visit
  ) throws -> Response {
    let home = "/roots/\(root.id)"
    var model: PageModel = [
      "facts": Part.definitions([
        Part.row("Subject", code: root.certificate.subject),
        Part.row("SHA-256 fingerprint", fingerprint: root.certificate.fingerprint.description),
      ])
    ]
    if let reasonToKeep {
      model["header"] = Part.header("“\(root.name)” cannot be removed now", breadcrumbs: crumbs)
      var banner = Part.banner(
        "warn", "It is still needed", text: reasonToKeep.sentence, items: reasonToKeep.where.map { ["text": $0] })
      banner["more"] = retirement(of: root).first.map { Part.link($0.label, $0.href) }
      model["banner"] = banner
      model["back"] = Part.link("Back to the root certificate", home)
      return try visit.page("kept", model, status: 409)
    }
    model["header"] = Part.header("Remove “\(root.name)”?", breadcrumbs: crumbs)
    model["banner"] =
      root.module == nil
      ? Part.banner(
        "warn", "The private key is deleted",
        text: "No certificate can be issued by this root any more unless its PFX file is imported again.")
      : Part.banner(
        "note", "The private key stays in the hardware module",
        text: "Reroot forgets where it is, and its PIN.")
    if let banner = reason.banner { model["banner"] = banner }
    model["text"] = ["Nothing is changed on any component."]
    model["form"] =
      [
        "path": "\(home)/remove", "reason": reason.field,
        "buttons": Part.buttons("Remove", isDanger: true, cancel: home),
      ] as PageModel
    return try visit.page("confirm", model, status: reason.status)
  }
}
