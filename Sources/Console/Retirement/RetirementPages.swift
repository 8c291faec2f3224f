import HTTP
import PKI
import Rotation
import Store

/// The page that says what depends on a root that is retiring.
enum RetirementPages {
  static func path(_ key: RootKey) -> String { "/retiring/\(key.fingerprint)" }

  static func path(_ root: RetiredRoot) -> String { path(root.key) }

  /// From a plan back to what depends on its root.
  static func crumb(_ root: RetiredRoot) -> PageModel {
    Part.link("What depends on \(VisibleText.of(root.name))", path(root))
  }

  /// What the plan of a retirement says of the whole.
  static func facts(_ retires: RetiredRoot, _ plan: Plan) -> PageModel {
    let bundles = plan.components.count { !$0.actions.isEmpty }
    return Part.definitions([
      Part.row("Root to retire", VisibleText.of(retires.name), note: VisibleText.of(retires.subject)),
      Part.row("Its SHA-256 fingerprint", fingerprint: Fingerprint(hex: retires.key.fingerprint)?.description ?? ""),
      Part.row("Root that stays in force", VisibleText.of(plan.root.name), note: VisibleText.of(plan.root.subject)),
      Part.row("Trust bundles that lose it", Display.count(bundles, "trust bundle")),
      Part.row("Certificates that change", "none"),
      Part.row("If an action fails", plan.policy.label),
      Part.row("Estimated time", "about \(Display.duration(Double(plan.estimatedSeconds)))"),
      Part.row("Planned", Display.moment(plan.madeAt)),
    ])
  }

  static func dependents(
    _ root: RetiringRoot, _ report: DependencyReport, updateRuns: UpdateRecord?, _ visit: Visit
  ) throws -> Response {
    let name = VisibleText.of(root.name)
    let home = path(root.key)
    let isFree = report.dependencies.isEmpty
    var model: PageModel = [
      "section": "/roots",
      "header": Part.header(
        "What depends on \(name)", breadcrumbs: RootPages.crumbs + crumbs(root),
        lead: "Looked at \(Display.count(report.componentCount, "component")) and at this console on "
          + "\(Display.moment(report.at)). Look again for what has changed since.", status: RootText.status(.retiring)),
      "verdict": verdict(root, report),
      "groups": Dependency.Kind.allCases.compactMap { group($0, report) },
      "facts": Part.definitions([
        Part.row("Subject", code: VisibleText.of(root.certificate.subject)),
        Part.row("SHA-256 fingerprint", fingerprint: root.certificate.fingerprint.description),
        report.bundles.isEmpty
          ? Part.row("Trust bundles that hold it", "none that Reroot manages")
          : Part.row(
            "Trust bundles that hold it",
            lines: report.bundles.map { "\(VisibleText.of($0.component)): \(VisibleText.of($0.path))" }),
      ]),
      "looksPath": "\(home)/looks", "plansPath": "\(home)/plans",
      "mayLook": visit.may(.operator), "mayRetire": visit.may(.operator) && isFree && updateRuns == nil,
    ]
    if let updateRuns {
      var banner = Part.banner("note", "An update is under way", text: "A root can be retired once it has ended.")
      banner["more"] = Part.link("Watch update \(updateRuns.id)", "/updates/\(updateRuns.id)")
      model["banner"] = banner
    }
    return try visit.page("roots/dependents", model)
  }

  private static func crumbs(_ root: RetiringRoot) -> [(label: String, href: String)] {
    root.record.map { [(VisibleText.of(root.name), "/roots/\($0)")] } ?? []
  }

  private static func verdict(_ root: RetiringRoot, _ report: DependencyReport) -> PageModel {
    guard report.dependencies.isEmpty else {
      let count = Set(report.dependencies.map(\.name)).count
      return Part.banner(
        "warn", "It cannot be retired yet",
        text:
          "\(Display.count(count, "part of the system stands", "parts of the system stand")) in the way. See to what "
          + "is listed here, then look again.")
    }
    let bundles =
      report.bundles.isEmpty
      ? "No trust bundle that Reroot manages holds it any more; retiring records that."
      : "Retiring takes it out of \(Display.count(report.bundles.count, "trust bundle")), and changes no certificate."
    return Part.banner("ok", "Nothing depends on it any more", text: bundles + " You see the plan first.")
  }

  private static func group(_ kind: Dependency.Kind, _ report: DependencyReport) -> PageModel? {
    let found = report.dependencies.filter { $0.kind == kind }
    guard !found.isEmpty else { return nil }
    let columns = ["Component", "Where", "What was seen", "When"]
    return [
      "id": kind.rawValue, "heading": kind.heading,
      "table": Part.table(
        kind.heading, columns: columns,
        rows: found.map { row in
          (
            cells: [
              Part.cell(
                VisibleText.of(row.name), href: row.component.map { "/components/\($0)" }, isHeading: true),
              Part.cell(code: VisibleText.of(row.place)), Part.cell(VisibleText.of(row.sentence)),
              Part.cell(row.seenAt == .distantPast ? "–" : Display.moment(row.seenAt)),
            ], menu: nil
          )
        }),
    ]
  }
}

extension Dependency.Kind {
  /// What a list of these is called.
  fileprivate var heading: String {
    switch self {
    case .presents: "Presenting a certificate of it"
    case .setAside: "Set aside by Override"
    case .unseen: "Not seen"
    }
  }
}
