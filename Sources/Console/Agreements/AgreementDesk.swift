import Foundation
import Rotation
import Store

/// What is done to requests for an agreement, by whichever way it was asked for: a form, the API.
enum AgreementDesk {
  /// Asks somebody else to agree to the start of a plan.
  ///
  /// - Throws: ``UpdateRefusal``; `NOT_NEEDED`, `ROLE_NEEDED`, `ASKED_ALREADY` and what forbids the start.
  static func askToStart(
    _ plan: Plan.ID, acceptsProblems: Bool, acceptsNamesake: Bool, _ visit: Visit
  ) async throws -> Agreement {
    let user = try visit.signedIn().user
    let hash = try await visit.services.store.planHash(plan)
    return try await visit.audit(.agreementAsked, on: "start of plan \(plan)", ["plan hash": hash]) {
      try await visit.services.updates.askToStart(
        plan, acceptsProblems: acceptsProblems, acceptsNamesake: acceptsNamesake, by: user)
    }
  }

  /// Agrees, which aborts the update or switches the setting off at once; a start is for who has asked.
  ///
  /// - Parameters:
  ///   - hash: of the plan that was read.
  ///   - reason: what is said with it, if anything.
  /// - Returns: what was agreed to.
  /// - Throws: ``InputRefusal``, ``Refusal``, ``UpdateRefusal``; `SAME_PERSON`, `AGREEMENT_OVER`, `ROLE_NEEDED`, `PLAN_CHANGED`.
  static func agree(_ id: Agreement.ID, hash: String, reason: String?, _ visit: Visit) async throws -> Agreement {
    let reason = try said(reason, isNeeded: false)
    let asked = try await visit.services.store.agreement(id)
    let answer = AgreementAnswer(id, by: try visit.signedIn().user, hash: hash, reason: reason)
    // Switching the setting off is recorded as the change of any setting is.
    let event: AuditEvent = asked.subject == .switchOff ? .settingChanged : .agreementGiven
    try await visit.audit(
      event, on: asked.words, ["asked by": asked.askerName, "plan hash": asked.subject.hash]
    ) { try await visit.services.updates.agree(asked, answer) }
    return asked
  }

  /// Declines, which ends the request.
  ///
  /// - Parameter reason: why, for the one who has asked.
  /// - Throws: ``InputRefusal``; `SAME_PERSON`, `AGREEMENT_OVER`, `ROLE_NEEDED`, `PLAN_CHANGED`.
  static func decline(_ id: Agreement.ID, hash: String, reason: String?, _ visit: Visit) async throws -> Agreement {
    let reason = try said(reason, isNeeded: true)
    let asked = try await visit.services.store.agreement(id)
    let answer = AgreementAnswer(id, by: try visit.signedIn().user, hash: hash, reason: reason)
    let declined = try await visit.audit(
      .agreementDeclined, on: asked.words, ["asked by": asked.askerName], reason: reason
    ) { try await visit.services.store.decline(answer) }
    await visit.services.updates.note(
      declined, "The request to abort was declined by \(declined.answererName ?? ""): \(reason)")
    return declined
  }

  /// What is said with an answer, as it is kept.
  private static func said(_ given: String?, isNeeded: Bool) throws -> String {
    let reason = (given ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
    if isNeeded, ReasonField.isEmpty(reason) {
      throw InputRefusal("reason", "Say why, for the one who has asked.", code: "REASON_NEEDED")
    }
    guard reason.unicodeScalars.count <= Agreement.longestReason else {
      throw InputRefusal("reason", "Say it in at most \(Agreement.longestReason) characters.")
    }
    return reason
  }

  /// Takes a request back, which only who has asked may do.
  ///
  /// - Throws: `AGREEMENT_OVER`.
  static func withdraw(_ id: Agreement.ID, _ visit: Visit) async throws -> Agreement {
    let user = try visit.signedIn().user
    let asked = try await visit.services.store.agreement(id)
    let agreement = try await visit.audit(.agreementDeclined, on: asked.words, reason: "taken back") {
      try await visit.services.store.withdrawAgreement(id, by: user)
    }
    await visit.services.updates.note(agreement, "The request to abort was taken back by \(agreement.askerName)")
    return agreement
  }
}

extension Agreement {
  /// The most characters of what is said with an answer.
  static let longestReason = 500

  /// What is agreed to, for the audit log.
  fileprivate var words: String {
    switch subject {
    case .start(let plan, _): "start of plan \(plan)"
    case .abort(let update, _, _): "abort of update \(update)"
    case .switchOff: "switching the second person off"
    }
  }
}
