/// What a decision would do now: said beside its button before it is pressed.
public struct Consequence: Sendable, Hashable {
  /// The decision.
  public var kind: Decision.Kind
  /// What it would do, in one or two sentences.
  public var sentence: String
  /// The names of the components that it is about, in the order of the update.
  public var components: [String]
  /// Some of the connections that would be refused afterwards and are not refused today.
  public var refusals: [RefusedConnection]
  /// How many such connections there would be.
  public var refusalCount: Int
}

extension UpdateState {
  /// What each decision on offer would do now.
  public var consequences: [Consequence] {
    Decision.Kind.allCases.filter(offers.contains).map(consequence)
  }

  /// What a decision would do now; nil when it is not on offer.
  public func consequence(ofOffered kind: Decision.Kind) -> Consequence? {
    offers.contains(kind) ? consequence(of: kind) : nil
  }

  private func consequence(of kind: Decision.Kind) -> Consequence {
    switch kind {
    case .retry: retryConsequence
    case .override: direction == .forward ? overrideConsequence : ignoreRestoreConsequence
    case .continueUpdate: continueConsequence
    case .abort: abortConsequence
    }
  }

  private var retryConsequence: Consequence {
    let failed = outcome == nil ? openFailures : retriableActions
    let names = names(of: failed.compactMap(\.component))
    let goesOn = direction == .forward ? "the update goes on" : "rolling back goes on"
    let sentence =
      failed.isEmpty
      ? "Nothing failed; \(goesOn) from where it stopped."
      : "Runs \(counted(failed.count, "failed action")) again; once \(failed.count == 1 ? "it succeeds" : "they succeed") \(goesOn)."
    return Consequence(kind: .retry, sentence: sentence, components: names, refusals: [], refusalCount: 0)
  }

  private var overrideConsequence: Consequence {
    let aside = Set(openFailures.filter { !$0.kind.isRestoring }.compactMap(\.component))
    let untrusting = Set(openFailures.filter { $0.kind == .trust }.compactMap(\.component))
    let left = remaining(without: aside)
    let fate = course.purpose == .renewal ? "the previous certificate" : "the former trust bundle, with the old root,"
    let sentence =
      aside.isEmpty
      ? "Ignores \(counted(openFailures.count, "error")) and goes on with what is left."
      : "Ignores \(counted(openFailures.count, "error")); sets \(counted(aside.count, "component")) aside on "
        + "\(fate) and goes on with the remaining \(counted(left, "component"))."
    return predicted(.override, sentence, names(of: Array(aside))) { row, member in
      let keepsOld = aside.contains(member.id) || row.isSetAside
      return (
        keepsOld ? previous(member) : course.presentsAfter(member),
        untrusting.contains(member.id) || row[.trust]?.status == .failed
          ? member.acceptsBefore : course.acceptsAfter(member)
      )
    }
  }

  private var continueConsequence: Consequence {
    let failed = Set(openFailures.compactMap(\.component))
    let left = remaining(without: course.purpose == .renewal ? [] : failed)
    let rest =
      course.purpose == .renewal
      ? "generates, deploys and activates what is left on \(counted(left, "component")), the failed ones included"
      : "takes the old root out of the trust bundles of the remaining \(counted(left, "component"))"
    let sentence =
      "Disregards \(counted(openFailures.count, "error")) and every further one; \(rest). Never asks again."
    return predicted(.continueUpdate, sentence, names(of: Array(failed))) { row, member in
      let uncertain = failed.contains(member.id)
      let trustFailed = row[.trust]?.status == .failed
      return (
        row.isSetAside
          ? previous(member) : course.presentsAfter(member).union(uncertain ? previous(member) : []),
        trustFailed ? member.acceptsBefore : course.acceptsAfter(member)
      )
    }
  }

  private var abortConsequence: Consequence {
    let touched = course.members.indices.filter { index in
      (rows[index][.trust]?.attempts ?? 0) > 0 || (rows[index][.deploy]?.attempts ?? 0) > 0
    }
    let what =
      course.purpose == .renewal
      ? "the previous files back, byte for byte, activates them and verifies each against its previous certificate"
      : "the former trust bundle back, byte for byte, activates it and verifies that each serves what it served"
    let sentence =
      touched.isEmpty
      ? "Ends the update; no component has been touched."
      : "Gives \(counted(touched.count, "component")) \(what)."
    // Afterwards everything presents and accepts what it did before the update, so no connection is refused that was not
    // refused then. That need not be worked out each time that a running update is drawn.
    return Consequence(
      kind: .abort, sentence: sentence, components: touched.map { course.members[$0].name }, refusals: [],
      refusalCount: 0)
  }

  private var ignoreRestoreConsequence: Consequence {
    let failed = openFailures.compactMap(\.component)
    let leaves = openFailures.contains { $0.kind == .restore }
    let sentence =
      "Leaves \(counted(openFailures.count, "component")) as it is and puts back the rest."
      + (leaves ? " The new root stays in the trust bundles, because what is left may still present it." : "")
    return Consequence(
      kind: .override, sentence: sentence, components: names(of: failed), refusals: [], refusalCount: 0)
  }

  // MARK: What would be presented and accepted

  private func predicted(
    _ kind: Decision.Kind, _ sentence: String, _ components: [String],
    _ after: (ActionRow, Course.Member) -> (Set<RootKey>, Set<RootKey>?)
  ) -> Consequence {
    let sides = zip(rows, course.members).map { row, member in
      let (presents, accepts) = after(row, member)
      return Connections.Side(member: member, presents: presents, accepts: accepts)
    }
    let refused = Connections(sides).refused(moment: "afterwards", onlyNew: true)
    return Consequence(
      kind: kind, sentence: sentence, components: components, refusals: refused.examples, refusalCount: refused.count)
  }

  private func previous(_ member: Course.Member) -> Set<RootKey> {
    member.presentsBefore.map { [$0] } ?? []
  }

  private func remaining(without aside: Set<Component.ID>) -> Int {
    zip(rows, course.members).count { row, member in
      guard !row.isSetAside, !aside.contains(member.id) else { return false }
      let last = course.purpose == .renewal ? row[.verify] : row[.trust]
      return last.map { $0.status != .succeeded } ?? false
    }
  }

  private func names(of ids: [Component.ID]) -> [String] {
    let wanted = Set(ids)
    return course.members.filter { wanted.contains($0.id) }.map(\.name)
  }
}

/// `1 component`, `3 components`.
func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
