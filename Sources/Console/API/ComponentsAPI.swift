import Delivery
import HTTP
import PKI
import Rotation
import Store

extension APITable {
  /// The components: list, read, create, replace, remove, apply many, test.
  mutating func addComponents() {
    let tag = "Components"
    on(
      .get, "/components", tag,
      .init(
        id: "listComponents", summary: "List the components", access: .viewer,
        parameters: APIParameter.paging + [
          .query("name", .string(1...200), "Only those whose name contains this."),
          .query("stage", .integer(0...Int64(Int32.max)), "Only those of this stage."),
          .query("state", .oneOf(ComponentStanding.State.allCases.map(\.rawValue)), "Only those that stand so."),
        ], result: .json(Shape<ComponentStanding>.standing.list, "The components, by stage and name.")
      ) { call in call.list(try await ComponentsAPI.wanted(call), .standing) })
    on(
      .post, "/components", tag,
      .init(
        id: "addComponent", summary: "Add a component", access: .administrator(to: "add a component"),
        body: .json(ComponentJSON.schema),
        result: .json(ComponentsAPI.schema, "The component.", status: 201).tagged.located, problems: [409, 422],
        isRepeatable: true
      ) { call in
        let given = try ComponentJSON.component(call.body, id: Component.ID(rawValue: 0))
        let added = try await ComponentsAPI.atPointers { try await ComponentDesk.add(given, call.visit) }
        return .json(try ComponentsAPI.json(added), location: "\(APIPath.root)/components/\(added.id)")
      })
    on(
      .get, "/component-lists", tag,
      .init(
        id: "exportComponents", summary: "Export all components",
        text: "As YAML, which can be applied again. The export itself is recorded.", access: .viewer,
        result: APIResult(text: "The components.", content: .bytes(["application/yaml"]))
      ) { call in .response(try await ComponentRoutes.export(call.request, call.visit)) })
    on(
      .post, "/component-lists", tag,
      .init(
        id: "applyComponents", summary: "Add and change many components at once",
        text:
          "By their names; components that are not in the list stay. With `dryRun=true` nothing is changed, and the "
          + "answer says what would be.",
        access: .administrator(to: "import components"),
        parameters: [
          .query("dryRun", Schema.boolean.initially(false), "Whether only the difference is wanted.")
        ],
        body: .text(
          "application/yaml",
          orJSON: .object(.must("components", .array(ComponentJSON.schema, 0...100_000), "The components."))),
        result: .json(ComponentsAPI.applied, "What was, or would be, changed."), problems: [409, 422],
        isRepeatable: true
      ) { call in try await ComponentsAPI.apply(call) })
    addOneComponent(tag)
  }

  private mutating func addOneComponent(_ tag: String) {
    on(
      .get, "/components/:id", tag,
      .init(
        id: "readComponent", summary: "Read a component", access: .viewer,
        result: .json(ComponentsAPI.schema, "The component.").tagged
      ) { call in .json(try ComponentsAPI.json(try await ComponentRoutes.standing(call.path, call.visit).component)) })
    on(
      .get, "/components/:id/standing", tag,
      .init(
        id: "readComponentStanding", summary: "Read how a component stands",
        text: "The certificate in force, and what was seen on the wire when it was last looked at.", access: .viewer,
        result: .json(Shape<ComponentStanding>.standing.schema, "How it stands.")
      ) { call in .json(Shape.standing.json(try await ComponentRoutes.standing(call.path, call.visit))) })
    on(
      .put, "/components/:id", tag,
      .init(
        id: "replaceComponent", summary: "Replace a component", access: .administrator(to: "change a component"),
        parameters: [.ifMatch], body: .json(ComponentJSON.schema),
        result: .json(ComponentsAPI.schema, "The component.").tagged, problems: [409, 412, 422]
      ) { call in
        let former = try await ComponentRoutes.standing(call.path, call.visit).component
        try APIDesk.check(call, isStill: try ComponentsAPI.json(former))
        let wanted = try ComponentJSON.component(call.body, id: former.id)
        try await ComponentsAPI.atPointers {
          try await ComponentDesk.replace(former, with: wanted, isStill: call.isConditional, call.visit)
        }
        return .json(try ComponentsAPI.json(wanted))
      })
    on(
      .delete, "/components/:id", tag,
      .init(
        id: "removeComponent", summary: "Remove a component", text: "Its files are not touched.",
        access: .administrator(to: "remove a component"), parameters: [.reason, .ifMatch], result: .done,
        problems: [409, 412, 422]
      ) { call in
        let component = try await ComponentRoutes.standing(call.path, call.visit).component
        try APIDesk.check(call, isStill: try ComponentsAPI.json(component))
        try await ComponentDesk.remove(
          component, reason: try ReasonField.checked(call.query["reason"]?.text),
          isStill: call.isConditional, call.visit)
        return .nothing
      })
    on(
      .post, "/components/:id/test", tag,
      .init(
        id: "testComponent", summary: "Test the connection to a component",
        text: "Reads its files, looks whether their folders can be written, and connects to each endpoint. Nothing is "
          + "changed.", access: .operator(to: "test a connection"),
        result: .json(ComponentsAPI.tested, "What was seen.")
      ) { call in
        let component = try await ComponentRoutes.standing(call.path, call.visit).component
        return .json(ComponentsAPI.json(try await ComponentTest.look(component, call.visit)))
      })
  }
}

enum ComponentsAPI {
  /// A component with its number.
  static let schema = Schema.object(
    .must("id", .identifier, "Its number."), .must("component", ComponentJSON.schema, "The component itself."))

  static func json(_ component: Component) throws -> JSONValue {
    ["id": .integer(component.id.rawValue), "component": try ComponentJSON.value(component)]
  }

  /// What does not fit together, by the members of the body.
  static func atPointers<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let refusal as InputRefusal {
      throw refusal.atPointers
    }
  }

  static func wanted(_ call: APICall) async throws -> [ComponentStanding] {
    let (name, stage, state) = (call.query["name"]?.text, call.query["stage"]?.whole, call.query["state"]?.text)
    return try await ComponentStanding.all(call.store, now: call.now).filter { standing in
      (name.map { standing.component.name.localizedCaseInsensitiveContains($0) } ?? true)
        && (stage.map { Int64(standing.component.stage) == $0 } ?? true)
        && (state.map { standing.state.rawValue == $0 } ?? true)
    }
  }

  // MARK: Many at once

  static let applied = Schema.object(
    .must("isDryRun", .boolean, "Whether nothing was changed."),
    .must(
      "components",
      .array(
        .object(
          .must("name", .string, "The component."),
          .must("change", .oneOf(ComponentDifference.Kind.allCases.map(\.rawValue)), "What becomes of it."),
          .must(
            "removed", .array(.string),
            "The values that go, each with the path to it in its YAML, such as `endpoints[1].port: 22`; elements count from 0."
          ),
          .must("added", .array(.string), "The values that come, likewise."))),
      "The components of the list, in its order."))

  static func apply(_ call: APICall) async throws -> APIAnswer {
    let json = call.body == .null ? nil : PointedYAML(call.body)
    let text = json?.text ?? String(validating: call.request.body, as: UTF8.self)
    guard let text else { throw InputRefusal("", "The body is no text in UTF-8.") }
    let isDryRun = call.query["dryRun"]?.flag == true
    do {
      let difference =
        try await isDryRun
        ? ComponentDesk.difference(text, call.visit) : ComponentDesk.apply(text, call.visit).difference
      return .json([
        "isDryRun": .bool(isDryRun),
        "components": .array(difference.map(\.json)),
      ])
    } catch let refusal as YAMLRefusal {
      throw json?.refusal(refusal) ?? InputRefusal(refusal)
    }
  }

  // MARK: Test

  static let tested = Schema.object(
    .must("isFine", .boolean, "Whether nothing stands in the way of an update of this component."),
    .must(
      "problems",
      .array(
        .object(
          .must("code", .string, "A stable word."), .must("sentence", .string, "What is wrong."),
          .must("advice", .string, "What to do about it."),
          .must("isBlocking", .boolean, "Whether no update can start because of it."))), "What was found."),
    .must(
      "endpoints",
      .array(
        .object(
          .must("endpoint", .string, "`host:port`."),
          .must("served", Shape<ServedCertificate>.served.schema.orNull, "What it served; null for no answer."),
          .must("failure", Schema.string.orNull, "Why there was no answer."))), "Every endpoint."))

  static func json(_ look: ComponentTest.Look) -> JSONValue {
    [
      "isFine": .bool(look.findings.problems.isEmpty),
      "problems": .array(look.findings.problems.map(json)),
      "endpoints": .array(
        look.seen.map { endpoint, result in
          switch result {
          case .success(let served):
            ["endpoint": .string(endpoint.address), "served": Shape.served.json(served), "failure": .null]
          case .failure(let failure):
            [
              "endpoint": .string(endpoint.address), "served": .null,
              "failure": .string("\(failure.failure.sentence) \(failure.failure.advice)"),
            ]
          }
        }),
    ]
  }

  static func json(_ problem: Problem) -> JSONValue {
    [
      "code": .string(problem.code), "sentence": .string(problem.sentence), "advice": .string(problem.advice),
      "isBlocking": .bool(problem.isBlocking),
    ]
  }
}

extension ComponentDifference {
  /// As the API says it.
  public var json: JSONValue {
    [
      "name": .string(name), "change": .string(kind.rawValue), "removed": .array(removed.map { .string($0) }),
      "added": .array(added.map { .string($0) }),
    ]
  }
}

extension Shape where Value == ServedCertificate {
  /// A certificate that an endpoint served.
  static var served: Shape<ServedCertificate> {
    Shape(
      "ServedCertificate", "What an endpoint served when it was looked at.",
      [
        Member("endpoint", .string, "`host:port`.") { .string($0.endpoint) },
        Member("fingerprint", .string, "SHA-256 of its DER, hexadecimal.") { .string($0.fingerprint) },
        Member("subject", .string, "Its subject (RFC 4514).") { .string($0.subject) },
        Member("issuer", .string, "Its issuer (RFC 4514).") { .string($0.issuer) },
        Member("notAfter", .moment, "When it ends.") { .moment($0.notAfter) },
        Member("seenAt", .moment, "When it was seen.") { .moment($0.seenAt) },
      ])
  }
}

extension Shape where Value == ComponentStanding {
  /// How a component stands.
  static var standing: Shape<ComponentStanding> {
    Shape(
      "ComponentStanding", "A component, the certificate in force, and what was last seen of it.",
      [
        Member("id", .identifier, "Its number.") { .integer($0.component.id.rawValue) },
        Member("name", .string, "Its name.") { .string($0.component.name) },
        Member("kind", Schema.string.orNull, "The kind of server.") { .text($0.component.kind) },
        Member("stage", .integer(0...Int64(Int32.max)), "Lower stages are finished first.") {
          .integer(Int64($0.component.stage))
        },
        Member("state", .oneOf(ComponentStanding.State.allCases.map(\.rawValue)), "What can be said at a glance.") {
          .string($0.state.rawValue)
        },
        Member("root", Schema.string.orNull, "The name of the root of its certificate in force.") {
          .text($0.rootName)
        },
        Member("fingerprint", Schema.string.orNull, "SHA-256 of its certificate in force, hexadecimal.") {
          .text($0.member?.fingerprint)
        },
        Member("notAfter", Schema.moment.orNull, "When its certificate ends.") { .moment($0.notAfter) },
        Member("seenRightAt", Schema.moment.orNull, "When every endpoint was last seen with the certificate in force.")
        {
          .moment($0.watched?.rightAt)
        },
        Member("findings", .array(Shape<WatchFinding>.finding.schema), "What differs from what was deployed.") {
          .array(($0.watched?.findings ?? []).map(Shape<WatchFinding>.finding.json))
        },
        Member("seen", .array(Shape<ServedCertificate>.served.schema), "What its endpoints served.") {
          .array($0.seen.map(Shape<ServedCertificate>.served.json))
        },
      ])
  }
}
