/// Which connections an update would make refused, at every moment of it and after each decision on each failure.
///
/// Every pair of a client and a server is judged with what both may present and certainly accept at that moment. Whether
/// a connection holds depends on its two ends alone, and one of them is where a failure leaves it while the other is
/// anywhere on its way; so what is judged here for one failing component holds for any number of them at once.
public struct Forecast: Sendable {
  /// The refused connections of the planned course, with their moments.
  public var refusals: [RefusedConnection] = []
  /// What failures would bring; only those after which a connection would be refused that is not refused today.
  public var contingencies: [Contingency] = []
  /// How many failures with their answers would bring that; the list of them is cut off.
  public var contingencyCount = 0
  /// How many moments were judged, those after failures included.
  public var moments = 0

  /// No list is longer than this many examples; the counts are whole.
  private static let examples = 20
  private static let contingencyExamples = 5
  private static let mostContingencies = 60
  /// More stages than this are judged in groups.
  private static let mostStages = 20

  private let course: Course
  private let inForce: Set<RootKey>

  /// Judges a course.
  public init(_ course: Course) {
    self.course = course
    inForce = Set(course.members.compactMap(\.presentsBefore))
    judgePlannedMoments()
    judgeContingencies()
  }

  // MARK: As planned

  private mutating func judgePlannedMoments() {
    let today = course.members.map { side($0, .previous, .previous) }
    add(today, "today, before the update", onlyNew: false)
    let groups = stageGroups
    for group in groups {
      let words = words(group)
      add(
        sides { isIn($0, group) ? (.previous, .either) : (.previous, isBefore($0, group) ? .both : .previous) },
        "while \(words) trust bundle")
    }
    for group in groups {
      add(
        sides { isIn($0, group) ? (.either, .both) : (isBefore($0, group) ? .new : .previous, .both) },
        "while \(replacing(group))")
    }
    add(sides { _ in (.new, .both) }, "after the update")
  }

  private mutating func add(_ sides: [Connections.Side], _ moment: String, onlyNew: Bool = true) {
    moments += 1
    for refused in Connections(sides).refused(moment: moment, onlyNew: onlyNew, limit: Self.examples).examples
    where !refusals.contains(where: { $0.isSameConnection(as: refused) }) {
      refusals.append(refused)
    }
  }

  private func sides(_ stand: (Course.Member) -> (Identity, Bundle)) -> [Connections.Side] {
    course.members.map { member in
      let (identity, bundle) = stand(member)
      return side(member, identity, bundle)
    }
  }

  // MARK: After a failure

  private mutating func judgeContingencies() {
    // The others are anywhere on their way, and accept both roots: nothing is replaced before all of them do.
    let others = Connections(sides { _ in (.either, .both) })
    for member in course.members {
      var found: [Contingency] = []
      for outcome in Outcome.all where outcome.bundle == .both || member.hasTrustBundle {
        moments += 1
        let refused = others.refused(
          involving: side(member, outcome.identity, outcome.bundle), moment: "afterwards",
          limit: Self.contingencyExamples)
        guard refused.count > 0 else { continue }
        if let same = found.firstIndex(where: { $0.actions == outcome.actions && $0.breaksTheSame(as: refused) }) {
          found[same].decisions += outcome.decisions
        } else {
          found.append(
            Contingency(
              actions: outcome.actions, component: member.name, decisions: outcome.decisions,
              refusals: refused.examples, count: refused.count))
        }
      }
      contingencyCount += found.count
      contingencies += found.prefix(max(0, Self.mostContingencies - contingencies.count))
    }
  }

  /// Where failures and their answers leave a component. Retry leaves it where it was, and is followed by one of these or
  /// by success. Abort takes everything back, first the certificates while every bundle still holds both roots, and then
  /// the bundles: every moment of that is one of these, or one of the planned course.
  private struct Outcome {
    let actions: [ActionKind]
    let decisions: [Decision.Kind]
    let identity: Identity
    let bundle: Bundle

    static let all = [
      // Set aside, on the previous certificate.
      Outcome(
        actions: [.generate, .deploy, .activate, .verify], decisions: [.override], identity: .previous, bundle: .both),
      // Left where it failed, or being put back.
      Outcome(
        actions: [.generate, .deploy, .activate, .verify], decisions: [.continueUpdate, .abort], identity: .either,
        bundle: .both),
      // A failed trust action leaves the bundle, on the disk or in the running process, as it was.
      Outcome(actions: [.trust], decisions: [.override], identity: .previous, bundle: .previous),
      Outcome(actions: [.trust], decisions: [.continueUpdate], identity: .either, bundle: .previous),
    ]
  }

  // MARK: What a component presents and accepts

  private enum Identity { case previous, new, either }
  private enum Bundle { case previous, either, both }

  private func side(_ member: Course.Member, _ identity: Identity, _ bundle: Bundle) -> Connections.Side {
    let before = member.presentsBefore.map { [$0] as Set } ?? []
    let presents: Set<RootKey> =
      switch identity {
      case .previous: before
      case .new: [course.root]
      case .either: before.union([course.root])
      }
    guard member.hasTrustBundle else { return Connections.Side(member: member, presents: presents, accepts: nil) }
    // What could not be read refuses nobody as far as can be known, until it is replaced.
    guard let found = member.acceptsBefore else {
      let accepts = bundle == .both ? inForce.union([course.root]) : nil
      return Connections.Side(member: member, presents: presents, accepts: accepts)
    }
    // While a bundle is being exchanged only what both hold is certain, and the new one holds all of the old.
    let accepts = bundle == .both ? found.union(inForce).union([course.root]) : found
    return Connections.Side(member: member, presents: presents, accepts: accepts)
  }

  // MARK: Stages

  /// Stages by their numbers, so few that each can be judged.
  private var stageGroups: [ClosedRange<Int>] {
    let stages = Array(Set(course.members.map(\.stage))).sorted()
    let size = (stages.count + Self.mostStages - 1) / Self.mostStages
    return stride(from: 0, to: stages.count, by: max(1, size)).map { start in
      stages[start]...stages[min(start + size, stages.count) - 1]
    }
  }

  private func isIn(_ member: Course.Member, _ group: ClosedRange<Int>) -> Bool { group.contains(member.stage) }
  private func isBefore(_ member: Course.Member, _ group: ClosedRange<Int>) -> Bool { member.stage < group.lowerBound }

  private func words(_ group: ClosedRange<Int>) -> String {
    group.count == 1
      ? "stage \(group.lowerBound) gets its" : "stages \(group.lowerBound) to \(group.upperBound) get their"
  }

  private func replacing(_ group: ClosedRange<Int>) -> String {
    group.count == 1
      ? "stage \(group.lowerBound) is replaced" : "stages \(group.lowerBound) to \(group.upperBound) are replaced"
  }
}

/// Connections that would be refused after one of these actions has failed at a component and one of these decisions has
/// answered it.
public struct Contingency: Sendable, Hashable, Codable {
  /// The actions, any of which fails.
  public var actions: [ActionKind]
  /// The name of their component.
  public var component: String
  /// The decisions, any of which is taken.
  public var decisions: [Decision.Kind]
  /// Some of the connections.
  public var refusals: [RefusedConnection]
  /// How many there are.
  public var count: Int

  /// Describes what a failure would bring.
  public init(
    actions: [ActionKind], component: String, decisions: [Decision.Kind], refusals: [RefusedConnection], count: Int
  ) {
    self.actions = actions
    self.component = component
    self.decisions = decisions
    self.refusals = refusals
    self.count = count
  }
}

extension Contingency {
  fileprivate func breaksTheSame(as result: Connections.Result) -> Bool {
    count == result.count && refusals == result.examples
  }
}

extension RefusedConnection {
  fileprivate func isSameConnection(as other: RefusedConnection) -> Bool {
    client == other.client && server == other.server && refusedBy == other.refusedBy
  }
}
