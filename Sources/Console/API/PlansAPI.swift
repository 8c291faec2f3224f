import Foundation
import Rotation
import Store

enum PlansAPI {
  /// A plan with its number.
  struct Numbered: Sendable {
    let id: Plan.ID
    let plan: Plan
  }

  static func make(_ call: APICall) async throws -> APIAnswer {
    var form = UpdateForm(root: RootRecord.ID(rawValue: call.body["root"]?.whole ?? 0))
    form.months = call.body["months"]?.whole.map(String.init) ?? ""
    form.https = call.body["https"]?.text ?? form.https
    form.serverCertificate = call.body["serverCertificate"]?.whole.map(String.init) ?? ""
    form.policy = call.body["onFailure"]?.text ?? form.policy
    do {
      return try await made(UpdateDesk.plan(form, call.visit), call)
    } catch var refusal as InputRefusal {
      // The form calls the policy by another name.
      refusal.problems = refusal.problems.map {
        InputProblem(field: "/" + ($0.field == "policy" ? "onFailure" : $0.field), sentence: $0.sentence)
      }
      throw refusal
    }
  }

  static func retire(_ call: APICall) async throws -> APIAnswer {
    let fingerprint = call.body["fingerprint"]?.text?.lowercased() ?? ""
    return try await made(RetirementRoutes.plan(fingerprint, call.visit), call)
  }

  private static func made(_ id: Plan.ID, _ call: APICall) async throws -> APIAnswer {
    .json(
      Shape.plan.json(.init(id: id, plan: try await call.store.plan(id))), location: "\(APIPath.root)/plans/\(id)")
  }
}

extension Shape where Value == PlansAPI.Numbered {
  /// A plan.
  static var plan: Shape<PlansAPI.Numbered> {
    Shape(
      "Plan", "What an update would do, and what stands in its way. Nothing has been changed.",
      [
        Member("id", .identifier, "Its number.") { .integer($0.id.rawValue) },
        Member("purpose", UpdatesAPI.purpose, "Whether it brings a root or takes one away.") {
          UpdatesAPI.purpose(retires: $0.plan.retires?.key)
        },
        Member("root", .string, "The name of the root that signs, or stays.") { .string($0.plan.root.name) },
        Member("retires", Schema.string.orNull, "The name of the root that is retired.") {
          .text($0.plan.retires?.name)
        },
        Member("months", .number, "For how many months the child certificates are to be valid.") {
          .integer(Int64($0.plan.months))
        },
        Member("notAfter", .moment, "When the child certificates end.") { .moment($0.plan.childNotAfter) },
        Member("onFailure", .oneOf(FailurePolicy.allCases.map(\.rawValue)), "What happens when an action fails.") {
          .string($0.plan.policy.rawValue)
        },
        Member("isBlocked", .boolean, "Whether a problem forbids the start.") { .bool($0.plan.isBlocked) },
        Member("hasNamesake", .boolean, "Whether another root of the same name is trusted already.") {
          .bool($0.plan.hasNamesake)
        },
        Member("problems", .array(problem), "What is wrong with the whole.") {
          .array($0.plan.problems.map(ComponentsAPI.json))
        },
        Member("refusals", .array(refusal), "The connections that would be refused, and when.") {
          .array(
            $0.plan.refusals.map { refusal in
              [
                "client": .string(refusal.client), "server": .string(refusal.server),
                "refusedBy": .string(refusal.refusedBy.rawValue), "moment": .string(refusal.moment),
                "reason": .string(refusal.reason),
              ]
            })
        },
        Member("estimatedSeconds", .number, "How long it will take, at a guess.") {
          .integer(Int64($0.plan.estimatedSeconds))
        },
        Member("madeAt", .moment, "When it was made.") { .moment($0.plan.madeAt) },
        Member("components", .array(component), "What would be done to each component.") {
          .array(
            $0.plan.components.map { planned in
              [
                "id": .integer(planned.id.rawValue), "name": .string(planned.component.name),
                "stage": .integer(Int64(planned.component.stage)),
                "problems": .array(planned.problems.map(ComponentsAPI.json)),
                "notes": .array(planned.notes.map { .string($0) }),
              ]
            })
        },
      ])
  }

  private static var problem: Schema {
    .object(
      .must("code", .string, "A stable word."), .must("sentence", .string, "What is wrong."),
      .must("advice", .string, "What to do about it."),
      .must("isBlocking", .boolean, "Whether no update can start because of it."))
  }

  private static var refusal: Schema {
    .object(
      .must("client", .string, "The component that connects."), .must("server", .string, "The component that answers."),
      .must("refusedBy", .oneOf(["client", "server"]), "Who refuses."), .must("moment", .string, "When."),
      .must("reason", .string, "Why."))
  }

  private static var component: Schema {
    .object(
      .must("id", .identifier, "Its number."), .must("name", .string, "Its name."),
      .must("stage", .integer(0...Int64(Int32.max)), "Its stage."),
      .must("problems", .array(problem), "What is in the way."),
      .must("notes", .array(.string), "What is worth knowing though nothing is wrong."))
  }
}
