import Store

extension APITable {
  /// Watching: what differs between updates, and a look now.
  mutating func addWatching() {
    let tag = "Watching"
    on(
      .get, "/watching", tag,
      .init(
        id: "readWatching", summary: "Read what watching has found",
        text:
          "Between updates every endpoint is looked at on a schedule; what differs from what was deployed is listed.",
        access: .viewer, result: .json(WatchingAPI.schema, "What is known.")
      ) { call in
        let desk = call.services.watching
        return .json(WatchingAPI.json(try await desk.state(), await desk.isLooking))
      })
    on(
      .post, "/watching/looks", tag,
      .init(
        id: "lookAtEndpoints", summary: "Look at every endpoint now",
        text: "Waits for the end for ten seconds. A look that goes on already is joined.",
        access: .operator(to: "look at the endpoints"), result: .json(WatchingAPI.looked, "What became of it."),
        isRepeatable: true
      ) { call in WatchingAPI.answer(try await WatchLooks.now(call.visit, within: .seconds(10))) })
  }
}

enum WatchingAPI {
  static let schema = Schema.object(
    .must("isLooking", .boolean, "Whether a look goes on."),
    .must("minutes", .number, "Every how many minutes everything is looked at; 0 is never."),
    .must("expiringDays", .number, "How many days before its end a certificate is said to expire."),
    .must("lookedAt", Schema.moment.orNull, "When a component was last looked at."),
    .must(
      "differing",
      .array(
        .object(
          .must("component", .identifier, "Its number."), .must("name", .string, "Its name."),
          .must("since", Schema.moment.orNull, "Since when something differs."),
          .must("findings", .array(Shape<WatchFinding>.finding.schema), "What differs."))),
      "The components that are not as they were deployed, by name."))

  static func json(_ state: WatchState, _ isLooking: Bool) -> JSONValue {
    [
      "isLooking": .bool(isLooking), "minutes": .integer(Int64(state.minutes)),
      "expiringDays": .integer(Int64(state.days)), "lookedAt": .moment(state.lastLookedAt),
      "differing": .array(
        state.differing.map { one in
          [
            "component": .integer(one.component.rawValue), "name": .string(one.name), "since": .moment(one.since),
            "findings": .array(one.findings.map(Shape<WatchFinding>.finding.json)),
          ]
        }),
    ]
  }

  static let looked = Schema.object(
    .must("isOver", .boolean, "Whether everything was looked at; false while it goes on, or where it was not done."),
    .must("components", Schema.number.orNull, "How many components were looked at."),
    .must("differing", .number, "How many components are not as they were deployed."),
    .must("sentence", .string, "What became of it, as the page says it."))

  static func answer(_ answer: WatchLooks.Answer) -> APIAnswer {
    var count: Int?
    if case .looked(let components)? = answer.outcome { count = components }
    return .json([
      "isOver": .bool(count != nil), "components": count.map { .integer(Int64($0)) } ?? .null,
      "differing": .integer(Int64(answer.differing)), "sentence": .string(answer.sentence),
    ])
  }
}

extension Shape where Value == WatchFinding {
  /// Something about an endpoint that is not as it was deployed.
  static var finding: Shape<WatchFinding> {
    Shape(
      "WatchFinding", "Something about an endpoint that is not as it was deployed.",
      [
        Member("kind", .oneOf(WatchFinding.Kind.allCases.map(\.rawValue)), "What differs.") {
          .string($0.kind.rawValue)
        },
        Member("endpoint", .string, "`host:port`.") { .string($0.endpoint) },
        Member("sentence", .string, "What was seen.") { .string($0.sentence) },
        Member("fingerprint", Schema.string.orNull, "SHA-256 of the certificate that was seen, hexadecimal.") {
          .text($0.fingerprint)
        },
      ])
  }
}
