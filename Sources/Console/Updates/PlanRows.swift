import HTTP
import Rotation

/// Which components the page of a plan shows: all of a small system, a part of a large one.
struct PlanRows: Sendable {
  /// More than so many are shown page by page, those with problems first.
  static let pageLength = 40
  /// So many of the problems of a large system are listed above its components.
  static let listed = 50

  /// Whether something is in a component's way.
  enum Standing: String, ListChoice {
    case problems, ready

    static let all = "All, problems first"

    var label: String { self == .problems ? "With problems" : "Ready" }
  }

  typealias Selection = ListPart<Standing>.Selection<PlannedComponent>

  private let part: ListPart<Standing>

  /// Everything.
  init() { part = ListPart() }

  /// What the query asks for.
  init(_ query: Form) { part = ListPart(query) }

  func selection(of plan: Plan) -> Selection {
    guard Self.arePaged(plan) else {
      return Selection(shown: plan.components, first: 0, count: plan.components.count)
    }
    var byStanding: [Standing: [Int]] = [:]
    for index in plan.components.indices where part.passes(plan.components[index].component.name) {
      byStanding[plan.components[index].problems.isEmpty ? .ready : .problems, default: []].append(index)
    }
    let places = part.selection(of: byStanding, length: Self.pageLength)
    return Selection(shown: places.shown.map { plan.components[$0] }, first: places.first, count: places.count)
  }

  /// Whether there are so many that only a part is shown.
  static func arePaged(_ plan: Plan) -> Bool { plan.components.count > pageLength }

  /// The filter and the further pages; nil where everything is shown.
  func model(_ selection: Selection, of plan: Plan, at path: String) -> PageModel? {
    Self.arePaged(plan) ? part.model(selection, length: Self.pageLength, noun: "component", at: path) : nil
  }
}
