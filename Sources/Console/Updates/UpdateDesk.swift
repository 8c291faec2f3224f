import Rotation
import Store

/// What is asked of updates, by whichever way: a form, the API. Each is recorded with who asked.
enum UpdateDesk {
  /// Makes a plan. Nothing is changed by it.
  ///
  /// - Throws: ``InputRefusal`` with what is wrong, by the fields of the form.
  static func plan(_ form: UpdateForm, _ visit: Visit) async throws -> Plan.ID {
    let services = visit.services
    let root = try await root(form.root, visit)
    let (choices, problems) = form.checked(
      root, servers: try await services.store.serverCertificates(), now: services.clock())
    guard let choices else {
      throw InputRefusal(problems.map { InputProblem(field: $0.field, sentence: $0.sentence) })
    }
    return try await visit.audit(.planMade, on: "update to “\(root.name)”") {
      try await services.updates.plan(choices)
    }
  }

  /// The root of a number; 404 for one that was removed.
  static func root(_ id: RootRecord.ID, _ visit: Visit) async throws -> RootRecord {
    guard let root = try await visit.services.store.roots().first(where: { $0.id == id }) else {
      throw PageError.notFound("root certificate")
    }
    return root
  }

  /// Starts a plan.
  ///
  /// - Throws: ``UpdateRefusal``, ``StoreError``.
  static func start(
    _ plan: Plan.ID, acceptsProblems: Bool, acceptsNamesake: Bool, _ visit: Visit
  ) async throws -> UpdateRecord.ID {
    let visitor = try visit.signedIn()
    return try await visit.audit(
      .updateStarted,
      [
        "plan": "\(plan)", "accepts problems": acceptsProblems ? "yes" : "no",
        "accepts namesake": acceptsNamesake ? "yes" : "no",
      ]
    ) {
      try await visit.services.updates.start(
        plan, acceptsProblems: acceptsProblems, acceptsNamesake: acceptsNamesake, by: visitor.name,
        starter: visitor.user)
    }
  }

  /// What came of a decision.
  enum Decided {
    /// It was taken.
    case taken
    /// A second person has to agree first.
    case asked(Agreement)
  }

  /// Takes a decision, or asks for the agreement that it needs.
  ///
  /// - Parameters:
  ///   - actions: which failed actions Retry repeats; nil for all.
  ///   - reason: why, which Override asks for; the audit log has it of every decision.
  /// - Throws: ``InputRefusal``, ``Refusal``, ``UpdateRefusal``, ``StoreError``.
  static func decide(
    _ id: UpdateRecord.ID, _ kind: Decision.Kind, question: Int, actions: [ActionID]?, reason: String?, _ visit: Visit
  ) async throws -> Decided {
    let isGiven = reason.map { !ReasonField.isEmpty($0) } == true
    let reason = kind == .override || isGiven ? try ReasonField.checked(reason) : nil
    let visitor = try visit.signedIn()
    var details = ["decision": kind.label, "question": "\(question)"]
    if let actions { details["actions"] = actions.map { "\($0)" }.joined(separator: ", ") }
    if kind == .abort, try await visit.services.store.isSecondPersonOn() {
      return .asked(
        try await visit.audit(.agreementAsked, on: "abort of update \(id)", details, reason: reason) {
          try await visit.services.updates.askToAbort(id, question: question, by: visitor.user)
        })
    }
    let decision = Decision(kind, question: question, actions: actions, by: visitor.name, reason: reason)
    try await visit.audit(.updateDecided, on: "update \(id)", details, reason: reason) {
      try await visit.services.updates.decide(id, decision)
    }
    return .taken
  }
}
