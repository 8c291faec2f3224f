import HTTP
import Rotation

/// Which components the page of an update shows: all of a small system, a part of a large one.
struct UpdateRows: Sendable {
  /// More than so many are shown page by page, those that failed first. With the log the page stays below 150 KB.
  static let pageLength = 80

  /// Where a component stands, the most urgent first.
  enum Standing: String, ListChoice {
    case failed, running, waiting, done

    static let all = "All, failures first"

    var label: String {
      switch self {
      case .failed: "Something failed"
      case .running: "Being worked on"
      case .waiting: "Waiting"
      case .done: "Finished"
      }
    }
  }

  typealias Selection = ListPart<Standing>.Selection<Course.Member>

  private let part: ListPart<Standing>

  /// Everything.
  init() { part = ListPart() }

  /// What the query asks for.
  init(_ query: Form) { part = ListPart(query) }

  func selection(of state: UpdateState) -> Selection {
    let members = state.course.members
    guard Self.arePaged(state) else { return Selection(shown: members, first: 0, count: members.count) }
    var byStanding: [Standing: [Int]] = [:]
    for place in members.indices where part.passes(members[place].name) {
      byStanding[Self.standing(at: place, state), default: []].append(place)
    }
    let places = part.selection(of: byStanding, length: Self.pageLength)
    return Selection(shown: places.shown.map { members[$0] }, first: places.first, count: places.count)
  }

  /// Whether there are so many that only a part is shown.
  static func arePaged(_ state: UpdateState) -> Bool { state.course.members.count > pageLength }

  private static func standing(at place: Int, _ state: UpdateState) -> Standing {
    var found = Standing.done
    for kind in ActionKind.allCases {
      switch state.status(kind, at: place) {
      case .failed: return .failed
      case .running: found = .running
      case .waiting:
        // On the way back what the way forward has left is not waited for any more.
        if found == .done, kind.isRestoring == (state.direction == .backward) { found = .waiting }
      case .succeeded, .skipped, nil: break
      }
    }
    return found
  }

  /// The filter and the further pages; nil where everything is shown.
  func model(_ selection: Selection, of state: UpdateState, at path: String) -> PageModel? {
    Self.arePaged(state) ? part.model(selection, length: Self.pageLength, noun: "component", at: path) : nil
  }
}
