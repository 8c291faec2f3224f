import Foundation
import HTTP
import Rotation
import Store

extension APITable {
  /// What the second person needs: the requests, and the answers to them.
  mutating func addAgreements() {
    let tag = "Agreements"
    let agreement = Shape<AgreementsAPI.Told>.agreement
    on(
      .get, "/agreements", tag,
      .init(
        id: "listAgreements", summary: "List the open requests for an agreement", access: .viewer,
        parameters: APIParameter.paging,
        result: .json(agreement.list, "Those from which something can still come, the oldest first.")
      ) { call in
        var told: [AgreementsAPI.Told] = []
        for agreement in try await call.store.openAgreements() {
          told.append(try await AgreementsAPI.told(agreement, call))
        }
        return call.list(told, .agreement)
      })
    on(
      .get, "/agreements/:id", tag,
      .init(
        id: "readAgreement", summary: "Read a request for an agreement", access: .viewer,
        result: .json(agreement.schema, "The request.")
      ) { call in .json(try await AgreementsAPI.json(try call.id("request for an agreement"), call)) })
    on(
      .post, "/plans/:id/agreements", tag,
      .init(
        id: "askForAgreement", summary: "Ask another person to agree to the start of a plan",
        text:
          "Needed while the setting “Second person” is on; the plan is started by who has asked. The agreement to an "
          + "Abort is asked for by deciding so.",
        access: .operator(to: "ask for an agreement"),
        body: .json(
          .object(
            .may("acceptProblems", .boolean, "Whether to start in spite of the problems that the plan names."),
            .may("acceptNamesake", .boolean, "Whether to start although another root of the same name is trusted."))),
        result: .json(agreement.schema, "The request.", status: 201).located, problems: [409], isRepeatable: true
      ) { call in
        let asked = try await AgreementDesk.askToStart(
          try call.id("plan"), acceptsProblems: call.body["acceptProblems"]?.flag == true,
          acceptsNamesake: call.body["acceptNamesake"]?.flag == true, call.visit)
        return .json(
          try await AgreementsAPI.json(asked.id, call), location: "\(APIPath.root)/agreements/\(asked.id)")
      })
    on(
      .post, "/agreements/:id/answers", tag,
      .init(
        id: "answerAgreement", summary: "Agree, or decline",
        text:
          "Nobody answers a request of their own. To agree to an Abort, or to switching the second person off, does "
          + "it at once.", access: .operator(to: "answer a request for an agreement"),
        body: .json(
          .object(
            .must("answer", .oneOf(["agree", "decline"]), "Which."),
            .must("hash", .string(0...64), "The `hash` of the request whose plan was read."),
            .may("reason", .string(0...Agreement.longestReason), "Why; needed to decline."))),
        result: .json(agreement.schema, "The request."), problems: [409], isRepeatable: true
      ) { call in try await AgreementsAPI.answer(call) })
    on(
      .post, "/agreements/:id/withdrawal", tag,
      .init(
        id: "withdrawAgreement", summary: "Take a request back", text: "Only who has asked may.",
        access: .operator(to: "take a request back"), result: .json(agreement.schema, "The request."), problems: [409],
        isRepeatable: true
      ) { call in
        let id: Agreement.ID = try call.id("request for an agreement")
        _ = try await AgreementDesk.withdraw(id, call.visit)
        return .json(try await AgreementsAPI.json(id, call))
      })
  }
}

enum AgreementsAPI {
  /// A request with what it is about, in words.
  struct Told: Sendable {
    let agreement: Agreement
    let act: String
  }

  static func told(_ agreement: Agreement, _ call: APICall) async throws -> Told {
    Told(agreement: agreement, act: try await AgreementAbout.read(agreement, call.store).act)
  }

  static func json(_ id: Agreement.ID, _ call: APICall) async throws -> JSONValue {
    Shape.agreement.json(try await told(try await call.store.agreement(id), call))
  }

  static func answer(_ call: APICall) async throws -> APIAnswer {
    let id: Agreement.ID = try call.id("request for an agreement")
    let hash = call.body["hash"]?.text ?? ""
    let answer = call.body["answer"]?.text == "agree" ? AgreementDesk.agree : AgreementDesk.decline
    do {
      _ = try await answer(id, hash, call.body["reason"]?.text, call.visit)
    } catch let refusal as InputRefusal {
      throw refusal.atMembers
    }
    return .json(try await json(id, call))
  }
}

extension Shape where Value == AgreementsAPI.Told {
  /// A request for an agreement.
  static var agreement: Shape<AgreementsAPI.Told> {
    Shape(
      "Agreement", "What one person asks another one to agree to, and what came of it.",
      [
        Member("id", .identifier, "Its number.") { .integer($0.agreement.id.rawValue) },
        Member("act", .string, "What is asked for, in words.") { .string($0.act) },
        Member(
          "what", .oneOf(["start", "abort", "switchOff"]),
          "What is asked for: a start, an Abort, the end of the setting."
        ) {
          switch $0.agreement.subject {
          case .start: "start"
          case .abort: "abort"
          case .switchOff: "switchOff"
          }
        },
        Member("plan", Schema.identifier.orNull, "The plan that would be started.") {
          if case .start(let plan, _) = $0.agreement.subject { .integer(plan.rawValue) } else { .null }
        },
        Member("update", Schema.identifier.orNull, "The update that would be aborted.") {
          if case .abort(let update, _, _) = $0.agreement.subject { .integer(update.rawValue) } else { .null }
        },
        Member("question", Schema.integer(0...Int64(Int32.max)).orNull, "The question that Abort would answer.") {
          if case .abort(_, let question, _) = $0.agreement.subject { .integer(Int64(question)) } else { .null }
        },
        Member("hash", .string, "SHA-256 of the plan, which the answer has to name; empty where there is none.") {
          .string($0.agreement.subject.hash)
        },
        Member("standing", .oneOf(Agreement.Standing.allCases.map(\.rawValue)), "How it stands.") {
          .string($0.agreement.standing.rawValue)
        },
        Member("askedBy", .string, "Who has asked.") { .string($0.agreement.askerName) },
        Member("askedAt", .moment, "When.") { .moment($0.agreement.askedAt) },
        Member("expiresAt", .moment, "Until when it can be answered and used.") { .moment($0.agreement.expiresAt) },
        Member("answeredBy", Schema.string.orNull, "Who has answered.") { .text($0.agreement.answererName) },
        Member("answeredAt", Schema.moment.orNull, "When.") { .moment($0.agreement.answeredAt) },
        Member("reason", .string, "What was said with the answer.") { .string($0.agreement.reason) },
        Member("acceptProblems", .boolean, "Whether who has asked accepts the problems of the plan.") {
          .bool($0.agreement.acceptsProblems)
        },
        Member("acceptNamesake", .boolean, "Whether who has asked accepts a root of the same name.") {
          .bool($0.agreement.acceptsNamesake)
        },
      ])
  }
}
