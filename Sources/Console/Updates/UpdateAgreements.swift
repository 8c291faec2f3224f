import Logging
import Rotation
import Store

// What a second person has to agree to, while the setting is on.

extension UpdateService {
  /// Asks for the agreement of a second person to start a plan, which must be one that could start now.
  func askToStart(
    _ id: Plan.ID, acceptsProblems: Bool, acceptsNamesake: Bool, by user: UserRecord.ID
  ) async throws -> Agreement {
    try await whenResumed()
    return try await keepingConnections {
      _ = try await startable(id, acceptsProblems, acceptsNamesake)
      return try await store.askToStart(
        id, acceptsProblems: acceptsProblems, acceptsNamesake: acceptsNamesake, by: user)
    }
  }

  /// Asks for the agreement of a second person to abort an update, which stays as it is until then.
  func askToAbort(
    _ update: UpdateRecord.ID, question: Int, by user: UserRecord.ID
  ) async throws -> Agreement {
    let question = try await whenLookedAt(abortAnswering: question)
    let agreement = try await store.askToAbort(update, question: question, by: user)
    await note(agreement, "\(agreement.askerName) asks to abort this update; somebody else has to agree")
    return agreement
  }

  /// Takes the agreement of a second person, and does what was asked for, but for a start: that is for who has asked.
  ///
  /// - Throws: ``StoreError`` when it is not that person's to give, ``UpdateRefusal`` when the plan could not start now.
  func agree(_ asked: Agreement, _ answer: AgreementAnswer) async throws {
    switch asked.subject {
    case .start(let plan, _):
      try await whenResumed()
      try await keepingConnections {
        _ = try await startable(plan, asked.acceptsProblems, asked.acceptsNamesake)
        _ = try await store.agree(answer)
      }
    case .abort(let update, let question, _):
      // A request goes along with its question; see ``Store/advance(_:_:consent:worker:)``.
      let question = try await whenLookedAt(abortAnswering: question)
      try await deliver(Decision(.abort, question: question, by: asked.askerName), consent: answer, to: update)
    case .switchOff:
      try await whenResumed()
      _ = try await store.agree(answer)
    }
  }

  /// Journals what came of a request to abort an update, so that every open page shows it.
  func note(_ agreement: Agreement, _ text: String) async {
    guard case .abort(let update, _, _) = agreement.subject else { return }
    do {
      await events.publish([try await store.note(update, action: nil, text: text)], of: update)
    } catch {
      logger.error("request not journaled", metadata: ["update": "\(update)", "reason": "\(error)"])
    }
  }
}
