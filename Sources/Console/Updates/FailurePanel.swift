import PKI
import Rotation
import Store

/// What succeeded, what failed and why, and the buttons that answer it, each saying what it would do now.
struct FailurePanel: Sendable {
  let record: UpdateRecord
  let state: UpdateState
  /// Whether Abort takes a second person.
  var secondPerson = SecondPerson(isNeeded: false, request: nil)
  /// The components whose previous certificate is not valid now, so that putting it back would help nobody.
  var invalid = Invalid()

  /// Whether somebody else has to agree to Abort, and the request that waits for it.
  struct SecondPerson: Sendable {
    let isNeeded: Bool
    let request: Agreement?
  }

  /// The names of components by what is the matter with their previous certificates.
  struct Invalid: Sendable {
    /// It has expired.
    var expired: [String] = []
    /// It begins to be valid only later, as one does that was issued by a clock that was ahead.
    var early: [String] = []
  }

  /// How many components are named of those at which an action succeeded; the rest is counted.
  private static let named = 12
  /// How many failures are listed; the rest is counted.
  private static let listed = 50

  /// - Parameters:
  ///   - canDecide: whether anybody can decide on the update any more.
  ///   - mayDecide: whether the visitor's role allows it.
  func model(canDecide: Bool, mayDecide: Bool) -> PageModel {
    let failures = shownFailures
    let isOpen = state.standing == .deciding || !failures.isEmpty
    let (hasAnything, offersDecisions) = (!state.offers.isEmpty, canDecide && mayDecide && !state.offers.isEmpty)
    let hasQuietAbort = !isOpen && offersDecisions && state.offers.contains(.abort)
    let succeededCount = state.counts.succeeded
    // What is not shown is not worked out: with thousands of components each of these takes milliseconds, and while an
    // update runs the panel is drawn ten times a second.
    let decisions =
      isOpen && offersDecisions
      ? state.consequences : hasQuietAbort ? [state.consequence(ofOffered: .abort)].compactMap { $0 } : []
    var model: PageModel = [
      "id": "panel",
      "isShown": isOpen || hasAnything,
      "isQuestion": state.standing == .deciding,
      "heading": heading(failures.count),
      "hasFailures": !failures.isEmpty,
      "failures": failures.prefix(Self.listed).map { failure($0, $1, mayDecide: mayDecide) },
      "moreFailures": max(0, failures.count - Self.listed),
      "hasMoreFailures": failures.count > Self.listed,
      "succeeded": isOpen ? succeeded : [],
      "succeededCount": succeededCount,
      "hasSucceeded": succeededCount > 0,
      "hasDecisions": isOpen && offersDecisions,
      "hasQuietAbort": hasQuietAbort,
      "waitsForOthers": isOpen && canDecide && !mayDecide && hasAnything,
      "quietAbortLabel": quietAbortLabel,
      "decisions": decisions.map(decision),
    ]
    if let request = secondPerson.request {
      model["request"] =
        [
          "text": "\(VisibleText.of(request.askerName)) asks to abort. Another operator or administrator has to agree; "
            + "until then nothing changes, and every other decision makes the request void.",
          "href": AgreementRoutes.path(request.id),
        ] as PageModel
    }
    return model
  }

  private var quietAbortLabel: String {
    if state.outcome == nil { return "Abort this update" }
    return state.course.purpose == .renewal
      ? "Roll back to the previous certificate set" : "Put the former trust bundles back"
  }

  private var shownFailures: [(id: ActionID, state: ActionState)] {
    switch state.standing {
    case .deciding, .stopping: state.openFailures.compactMap { id in state.action(id).map { (id, $0) } }
    case .ended(.completedWithErrors), .ended(.rolledBackWithErrors): endFailures
    case .planned, .running, .ended: []
    }
  }

  /// After the end only what still stands in the way counts.
  private var endFailures: [(id: ActionID, state: ActionState)] {
    let retriable = Set(state.retriableActions)
    return state.failedActions.filter { retriable.contains($0.id) }
  }

  private func heading(_ count: Int) -> String {
    switch state.standing {
    case .deciding where state.abortWasPending:
      "Abort had been chosen when Reroot was ended, before anything was put back. Choose it again, or another way."
    case .deciding where count == 0: "Reroot was ended in the middle of this update. What shall happen?"
    case .deciding: "\(Display.count(count, "action")) failed. What shall happen?"
    case .stopping: "\(Display.count(count, "action")) failed. Waiting for the actions in flight"
    default: "\(Display.count(count, "action")) failed"
    }
  }

  private func failure(_ id: ActionID, _ action: ActionState, mayDecide: Bool) -> PageModel {
    let failure = action.failure ?? Failure(code: "UNKNOWN", sentence: "No reason is recorded.", advice: "")
    var model: PageModel = [
      // A colon would have to be escaped in a selector.
      "id": "failure-\("\(id)".replacing(":", with: "-"))",
      "what": "\(VisibleText.of(id.kind.attempt(name(id.component), in: state.course.purpose))) failed",
      "sentence": VisibleText.of(failure.sentence),
      "advice": VisibleText.of(failure.advice),
      "code": failure.code,
      "attempts": Display.count(action.attempts, "attempt"),
      "hasOutput": !failure.output.isEmpty,
      "output": VisibleText.lines(failure.output),
    ]
    if mayDecide, state.outcome != nil, state.offers.contains(.retry) {
      model["retry"] =
        ["path": "/updates/\(record.id)/decisions", "question": state.question, "action": "\(id)"] as PageModel
    }
    return model
  }

  private func decision(_ consequence: Consequence) -> PageModel {
    let shown = consequence.components.prefix(6).map { VisibleText.of($0) }
    let more = consequence.components.count - shown.count
    var model: PageModel = [
      "path": "/updates/\(record.id)/decisions",
      "question": state.question,
      "kind": consequence.kind.rawValue,
      "label": consequence.kind.label,
      "isRetry": consequence.kind == .retry,
      "isAbort": consequence.kind == .abort,
      "asksReason": consequence.kind == .override,
      "longestReason": AuditAct.longestReason,
      "gist": gist(consequence.kind),
      "sentence": consequence.sentence,
      "hasComponents": !shown.isEmpty,
      "components": shown.joined(separator: ", ") + (more > 0 ? " and \(more) more" : ""),
      "breaks": consequence.refusalCount > 0,
      "connections": connections(consequence),
      "mustAsk": consequence.kind == .abort && secondPerson.isNeeded,
      "isAsked": consequence.kind == .abort && secondPerson.request != nil,
    ]
    // An empty text would be drawn all the same.
    guard consequence.kind == .abort else { return model }
    if let words = words(of: invalid) {
      // Who refuses a certificate for its dates refuses the connection, whatever root it is from.
      model["breaks"] = true
      if consequence.refusalCount == 0 { model["connections"] = words } else { model["invalid"] = words }
    }
    return model
  }

  private func words(of invalid: Invalid) -> String? {
    let sentences = [
      words(of: invalid.expired, one: "has expired", many: "have expired"),
      words(of: invalid.early, one: "is not valid yet", many: "are not valid yet"),
    ].compactMap { $0 }
    return sentences.isEmpty ? nil : sentences.joined(separator: " ")
  }

  private func words(of components: [String], one: String, many: String) -> String? {
    guard !components.isEmpty else { return nil }
    let names = Display.list(components.prefix(6).map { VisibleText.of($0) })
    return components.count == 1
      ? "The previous certificate of \(names) \(one): peers would refuse what is put back."
      : "The previous certificates of \(names) \(many): peers would refuse what is put back."
  }

  /// The decision in a few words.
  private func gist(_ kind: Decision.Kind) -> String {
    switch kind {
    case .abort: "Put everything back"
    case .override: state.direction == .forward ? "Leave out what failed" : "Leave it as it is"
    case .retry: state.openFailures.isEmpty && state.outcome == nil ? "Go on" : "Try again"
    case .continueUpdate: "Go on in spite of errors"
    }
  }

  private func connections(_ consequence: Consequence) -> String {
    guard consequence.refusalCount > 0 else { return "No connection would break." }
    let examples = consequence.refusals.prefix(3).map { "\(VisibleText.of($0.client)) → \(VisibleText.of($0.server))" }
    let more = consequence.refusalCount - examples.count
    return "\(Display.count(consequence.refusalCount, "connection")) would break: "
      + examples.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "") + "."
  }

  /// The successful actions, a line for each kind: a list of thousands would help nobody.
  private var succeeded: [PageModel] {
    ActionKind.allCases.compactMap { kind -> PageModel? in
      var (count, names) = state.succeeded(kind, naming: Self.named)
      if state.action(ActionID(kind))?.status == .succeeded { (count, names) = (count + 1, names + ["the console"]) }
      guard count > 0 else { return nil }
      let shown = names.prefix(Self.named).map { VisibleText.of($0) }.joined(separator: ", ")
      return [
        "title": kind.title, "count": count,
        "names": shown + (count > Self.named ? " and \(count - Self.named) more" : ""),
      ]
    }
  }

  private func name(_ id: Component.ID?) -> String {
    guard let id else { return "the console" }
    return state.member(id)?.name ?? "component \(id)"
  }
}
