import HTTP
import Rotation
import Store

extension APITable {
  /// Plans, updates, decisions, events, certificate sets.
  mutating func addUpdates() {
    addPlans("Plans")
    let tag = "Updates"
    on(
      .get, "/updates", tag,
      .init(
        id: "listUpdates", summary: "List the updates", access: .viewer, parameters: APIParameter.paging,
        result: .json(Shape<UpdateListing>.listing.list, "The updates, the newest first.")
      ) { call in
        let records = try await call.store.updates()
        let items = try await UpdateListing.of(call.page(records), call.store)
        return .json(["items": .array(items.map(Shape.listing.json)), "total": .integer(Int64(records.count))])
      })
    on(
      .post, "/updates", tag,
      .init(
        id: "startUpdate", summary: "Start a planned update", access: .operator(to: "start an update"),
        body: .json(
          .object(
            .must("plan", .identifier, "The plan."),
            .may("acceptProblems", .boolean, "Whether to start in spite of the problems that the plan names."),
            .may("acceptNamesake", .boolean, "Whether to start although another root of the same name is trusted."))),
        result: .json(Shape<UpdatePage>.update.schema, "The update, which goes on by itself.", status: 201).located,
        problems: [409, 422], isRepeatable: true
      ) { call in
        let id = try await UpdateDesk.start(
          Plan.ID(rawValue: call.body["plan"]?.whole ?? 0), acceptsProblems: call.body["acceptProblems"]?.flag == true,
          acceptsNamesake: call.body["acceptNamesake"]?.flag == true, call.visit)
        return .json(
          Shape.update.json(try await UpdatePage.read(id, call.store, now: call.now)),
          location: "\(APIPath.root)/updates/\(id)")
      })
    on(
      .get, "/updates/:id", tag,
      .init(
        id: "readUpdate", summary: "Read an update", access: .viewer,
        result: .json(Shape<UpdatePage>.update.schema, "How it stands, what failed, and what each decision would do.")
      ) { call in .json(Shape.update.json(try await UpdatesAPI.page(call))) })
    on(
      .get, "/updates/:id/actions", tag,
      .init(
        id: "listActions", summary: "List the actions of an update", access: .viewer,
        parameters: APIParameter.paging + [
          .query("status", .oneOf(ActionState.Status.allCases.map(\.rawValue)), "Only those that stand so."),
          .query("kind", .oneOf(ActionKind.allCases.map(\.rawValue)), "Only those of this kind."),
          .query("component", .string(1...200), "Only those of the component of this name."),
        ], result: .json(Shape<UpdatesAPI.Action>.action.list, "The actions, component by component.")
      ) { call in call.list(try await UpdatesAPI.actions(call), .action) })
    on(
      .get, "/updates/:id/events", tag,
      .init(
        id: "watchUpdate", summary: "Watch an update",
        text:
          "Server-Sent Events (HTML Standard, section 9.2). Each entry of the journal is an event `entry`; whenever "
          + "entries have come, an event `update` says how it stands. A stream that is opened again with `Last-Event-ID` "
          + "goes on behind that entry.", access: .viewer,
        parameters: [
          .query("after", Schema.integer(0...Int64(Int32.max)), "The sequence of the last entry that is known."),
          APIParameter(
            name: "Last-Event-ID", place: .header, schema: Schema.string.described("The same, as browsers send it.")),
        ], result: APIResult(text: "The events.", content: .events(Shape<UpdateEventsAPI.Entry>.entry.schema))
      ) { call in try await UpdateEventsAPI.watch(call) })
    on(
      .post, "/updates/:id/decisions", tag,
      .init(
        id: "decideUpdate", summary: "Answer a failure: Abort, Override, Retry or Continue Update",
        text: "A decision names the question that it answers, so that one that comes late changes nothing.",
        access: .operator(to: "decide on an update"),
        body: .json(
          .object(
            .must("decision", .oneOf(Decision.Kind.allCases.map(\.rawValue)), "Which."),
            .must("question", .integer(0...Int64(Int32.max)), "The question that it answers, as the update says it."),
            .may(
              "actions", .array(.string(1...100), 1...10_000), "With `retry`: which failed actions, such as `deploy:7`."
            ),
            .may("reason", .string(0...AuditAct.longestReason), "Why, for the audit log; needed for `override`."))),
        result: .json(UpdatesAPI.decided, "It was taken, or somebody else has to agree first.", status: 202),
        problems: [409, 422], isRepeatable: true
      ) { call in try await UpdatesAPI.decide(call) })
    on(
      .get, "/sets", "Certificate sets",
      .init(
        id: "listSets", summary: "List the certificate sets", access: .viewer, parameters: APIParameter.paging,
        result: .json(Shape<CertificateSet>.certificateSet.list, "The sets, the newest first.")
      ) { call in call.list(try await call.store.certificateSets(), .certificateSet) })
  }

  private mutating func addPlans(_ tag: String) {
    on(
      .post, "/plans", tag,
      .init(
        id: "makePlan", summary: "Plan an update", text: "Looks at every component. Nothing is changed by it.",
        access: .operator(to: "plan an update"),
        body: .json(
          .object(
            .must("root", .identifier, "The root certificate that is to sign."),
            .must("months", .integer(Validity.months), "Number of Months Until Expiry."),
            .may(
              "https", Schema.oneOf(["existing", "issue", "trustStore"]).initially("existing"),
              "Management Server HTTPS Certificate: the existing one, one that the root issues, or one from the trust store."
            ),
            .may("serverCertificate", .identifier, "Which, with `trustStore`."),
            .may(
              "onFailure", Schema.oneOf(FailurePolicy.allCases.map(\.rawValue)).initially("stop"),
              "If System Certificates Fail: stop (recommended), or continue."))),
        result: .json(Shape<PlansAPI.Numbered>.plan.schema, "The plan.", status: 201).located, problems: [409, 422],
        isRepeatable: true
      ) { call in try await PlansAPI.make(call) })
    on(
      .post, "/retirement-plans", tag,
      .init(
        id: "planRetirement", summary: "Plan the retirement of a root",
        text: "The plan takes a root that nothing depends on any more out of the trust bundles.",
        access: .operator(to: "plan a retirement"),
        body: .json(.object(.must("fingerprint", .string(64...64), "SHA-256 of the root's DER, hexadecimal."))),
        result: .json(Shape<PlansAPI.Numbered>.plan.schema, "The plan.", status: 201).located, problems: [409, 422],
        isRepeatable: true
      ) { call in try await PlansAPI.retire(call) })
    on(
      .get, "/plans/:id", tag,
      .init(
        id: "readPlan", summary: "Read a plan", access: .viewer,
        result: .json(Shape<PlansAPI.Numbered>.plan.schema, "The plan.")
      ) { call in
        let id: Plan.ID = try call.id("plan")
        return .json(Shape.plan.json(.init(id: id, plan: try await call.store.plan(id))))
      })
  }
}

enum UpdatesAPI {
  /// An action with the component that it is for.
  struct Action: Sendable {
    let id: ActionID
    let name: String?
    let state: ActionState
  }

  static let purpose = Schema.oneOf(["update", "retirement"])

  static func purpose(retires root: RootKey?) -> JSONValue { root == nil ? "update" : "retirement" }

  static let standings =
    ["planned", "running", "rollingBack", "stopping", "deciding"] + Outcome.allCases.map(\.rawValue)

  static let counts = Schema.object(
    .must("succeeded", .number, "Ended well."), .must("failed", .number, "Failed, ignored or not."),
    .must("running", .number, "In flight."), .must("waiting", .number, "Still to come."),
    .must("skipped", .number, "Not to be carried out."), .must("total", .number, "All."))

  static func counts(_ state: UpdateState) -> JSONValue {
    let counts = state.counts
    return [
      "succeeded": .integer(Int64(counts.succeeded)), "failed": .integer(Int64(counts.failed)),
      "running": .integer(Int64(counts.running)), "waiting": .integer(Int64(counts.waiting)),
      "skipped": .integer(Int64(counts.skipped)), "total": .integer(Int64(counts.total)),
    ]
  }

  static func page(_ call: APICall) async throws -> UpdatePage {
    try await UpdatePage.read(try call.id("update"), call.store, now: call.now)
  }

  static func actions(_ call: APICall) async throws -> [Action] {
    let page = try await page(call)
    let (status, kind, name) = (call.query["status"]?.text, call.query["kind"]?.text, call.query["component"]?.text)
    return actions(page, page.state.allActions).filter { action in
      (status.map { action.state.status.rawValue == $0 } ?? true)
        && (kind.map { action.id.kind.rawValue == $0 } ?? true)
        && (name.map { action.name == $0 } ?? true)
    }
  }

  static func actions(_ page: UpdatePage, _ some: [(id: ActionID, state: ActionState)]) -> [Action] {
    some.map { Action(id: $0.id, name: $0.id.component.flatMap(page.state.member)?.name, state: $0.state) }
  }

  static let decided = Schema.object(
    .must("isTaken", .boolean, "Whether it was taken."),
    .must("agreement", Schema.identifier.orNull, "The request that somebody else has to agree to."))

  static func decide(_ call: APICall) async throws -> APIAnswer {
    let id: UpdateRecord.ID = try call.id("update")
    _ = try await call.store.update(id)
    let kind = call.body["decision"]?.text.flatMap(Decision.Kind.init(rawValue:))
    guard let kind, let question = call.body["question"]?.whole else {
      throw InputRefusal("/decision", "It is missing.")
    }
    let texts = call.body["actions"]?.elements?.compactMap(\.text)
    let actions = try texts?.enumerated().map { index, text in
      guard let action = ActionID(text) else {
        throw InputRefusal("/actions/\(index)", "There is no such action. Take one as the update names it: deploy:7.")
      }
      return action
    }
    switch try await UpdateDesk.decide(
      id, kind, question: Int(question), actions: actions, reason: call.body["reason"]?.text, call.visit)
    {
    case .taken: return .json(["isTaken": true, "agreement": .null])
    case .asked(let agreement): return .json(["isTaken": false, "agreement": .integer(agreement.id.rawValue)])
    }
  }
}

extension Shape where Value == UpdatesAPI.Action {
  /// An action of an update.
  static var action: Shape<UpdatesAPI.Action> {
    Shape(
      "Action", "One step of an update for one component.",
      [
        Member("id", .string, "Its name, such as `deploy:7`.") { .string("\($0.id)") },
        Member("kind", .oneOf(ActionKind.allCases.map(\.rawValue)), "The step.") { .string($0.id.kind.rawValue) },
        Member("component", Schema.string.orNull, "The component; null for the console's own certificate.") {
          .text($0.name)
        },
        Member("status", .oneOf(ActionState.Status.allCases.map(\.rawValue)), "How it stands.") {
          .string($0.state.status.rawValue)
        },
        Member("attempts", .number, "How often it was begun.") { .integer(Int64($0.state.attempts)) },
        Member("isIgnored", .boolean, "Whether the failure is disregarded.") { .bool($0.state.isIgnored) },
        Member("skipped", Schema.string.orNull, "Why it is not carried out.") { .text($0.state.skipped?.words) },
        Member("failure", failure.orNull, "Why the last attempt failed.") { action in
          action.state.failure.map { failure in
            [
              "code": .string(failure.code), "sentence": .string(failure.sentence), "advice": .string(failure.advice),
              "output": .string(failure.output),
            ]
          } ?? .null
        },
      ])
  }

  private static var failure: Schema {
    .object(
      .must("code", .string, "A stable word for programs."), .must("sentence", .string, "What happened, to what."),
      .must("advice", .string, "What to do about it."),
      .must("output", .string, "What the activation command wrote, at most 16 KiB."))
  }
}

extension Shape where Value == UpdatePage {
  /// An update and how it stands.
  static var update: Shape<UpdatePage> {
    Shape(
      "Update", "One run that takes the system to the next certificate set, under one root.",
      [
        Member("id", .identifier, "Its number.") { .integer($0.record.id.rawValue) },
        Member("plan", .identifier, "The plan that was started.") { .integer($0.record.plan.rawValue) },
        Member("purpose", UpdatesAPI.purpose, "Whether it brings a root or takes one away.") {
          UpdatesAPI.purpose(retires: $0.record.retires)
        },
        Member("root", .string, "The name of the root that it brings, or that stays.") { .string($0.plan.root.name) },
        Member("standing", .oneOf(UpdatesAPI.standings), "How it stands; `deciding` waits for a decision.") {
          .string($0.state.standingWord)
        },
        Member("step", .string, "What is being done, in words.") { .string($0.state.currentStep) },
        Member("onFailure", .oneOf(FailurePolicy.allCases.map(\.rawValue)), "What happens when an action fails.") {
          .string($0.state.policy.rawValue)
        },
        Member("startedAt", .moment, "When it was started.") { .moment($0.record.startedAt) },
        Member("startedBy", .string, "Who started it.") { .string($0.record.startedBy) },
        Member("endedAt", Schema.moment.orNull, "When it ended.") { .moment($0.record.endedAt) },
        Member(
          "observationsRemovedAt", Schema.moment.orNull,
          "When what was observed on the way was removed from its events, as the setting `observationDays` says."
        ) { .moment($0.record.observationsRemovedAt) },
        Member("counts", UpdatesAPI.counts, "How many actions stand where.") { UpdatesAPI.counts($0.state) },
        Member("question", .integer(0...Int64(Int32.max)), "What a decision has to name.") {
          .integer(Int64($0.state.question))
        },
        Member("failures", .array(Shape<UpdatesAPI.Action>.action.schema), "The failed actions.") { page in
          .array(UpdatesAPI.actions(page, page.state.failedActions).map(Shape<UpdatesAPI.Action>.action.json))
        },
        Member("decisions", .array(decision), "What is on offer, and what each would do now.") { page in
          .array(
            (page.supersession == nil ? page.state.consequences : []).map { consequence in
              [
                "decision": .string(consequence.kind.rawValue), "label": .string(consequence.kind.label),
                "sentence": .string(consequence.sentence),
                "components": .array(consequence.components.prefix(page.named).map { .string($0) }),
                "componentCount": .integer(Int64(consequence.components.count)),
                "refusedConnections": .integer(Int64(consequence.refusalCount)),
              ]
            })
        },
      ])
  }

  private static var decision: Schema {
    .object(
      .must("decision", .oneOf(Decision.Kind.allCases.map(\.rawValue)), "Which."),
      .must("label", .string, "The text of its button."), .must("sentence", .string, "What it would do now."),
      .must("components", .array(.string), "The components that it is about; in an event the first of them."),
      .must("componentCount", .number, "How many components it is about."),
      .must("refusedConnections", .number, "How many connections would be refused afterwards."))
  }
}

extension Shape where Value == CertificateSet {
  /// A certificate set.
  static var certificateSet: Shape<CertificateSet> {
    Shape(
      "CertificateSet", "Everything that was in force at one time.",
      [
        Member("number", .identifier, "1, 2, 3, …") { .integer(Int64($0.number)) },
        Member("isCurrent", .boolean, "Whether it is in force.") { .bool($0.isCurrent) },
        Member("root", .identifier, "The number of its root.") { .integer($0.root.rawValue) },
        Member("update", Schema.identifier.orNull, "The update that made it.") {
          $0.update.map { .integer($0.rawValue) } ?? .null
        },
        Member("previous", Schema.identifier.orNull, "The set before it, which Abort restores.") {
          $0.previous.map { .integer(Int64($0)) } ?? .null
        },
        Member("madeAt", .moment, "When it was made.") { .moment($0.madeAt) },
        Member("members", .array(member), "What each component has in it.") { set in
          .array(
            set.members.sorted { $0.key < $1.key }.map { id, member in
              [
                "component": .integer(id.rawValue), "root": .integer(member.root.rawValue),
                "fingerprint": .string(member.fingerprint), "serialNumber": .string(member.serial),
                "notAfter": .moment(member.notAfter),
              ]
            })
        },
      ])
  }

  private static var member: Schema {
    .object(
      .must("component", .identifier, "The component's number."), .must("root", .identifier, "The number of its root."),
      .must("fingerprint", .string, "SHA-256 of its DER, hexadecimal."),
      .must("serialNumber", .string, "The serial number, hexadecimal."), .must("notAfter", .moment, "When it ends."))
  }
}
