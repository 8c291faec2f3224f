import Foundation
import Store

extension APITable {
  /// Whether a renewal is due, and what is in its way.
  mutating func addRenewal() {
    on(
      .get, "/renewal", "Renewal",
      .init(
        id: "readRenewal", summary: "Read how renewals stand",
        text: "The child certificates are renewed by themselves, as the settings say.", access: .viewer,
        result: .json(RenewalAPI.schema, "How they stand.")
      ) { call in .json(try await RenewalAPI.json(call.services.renewal)) })
  }
}

enum RenewalAPI {
  static let schema = Schema.object(
    .must(
      "standing", .oneOf(["off", "nothing", "notDue", "waits", "due", "unreadable"]),
      "`off`: by the setting. `nothing`: no certificate is in force. `notDue`: before `dueAt`. `waits`: due, and not to be "
        + "begun now. `due`: it is begun within a minute. `unreadable`: the settings cannot be read."),
    .must("dueAt", Schema.moment.orNull, "When it is, or was, due."),
    .must("reason", Schema.string.orNull, "What a renewal that is due waits for."),
    .must("held", Schema.string.orNull, "What was in the way at the last attempt, and what to do."))

  static func json(_ desk: RenewalDesk) async throws -> JSONValue {
    let standing = try await desk.standing()
    var members: [String: JSONValue] = ["dueAt": .null, "reason": .null, "held": .null]
    switch standing {
    case .off: members["standing"] = "off"
    case .nothing: members["standing"] = "nothing"
    case .notDue(let date): members.merge(["standing": "notDue", "dueAt": .moment(date)]) { _, new in new }
    case .due(let since): members.merge(["standing": "due", "dueAt": .moment(since)]) { _, new in new }
    case .unreadable(let hold):
      members.merge(["standing": "unreadable", "held": .string(hold.sentence)]) { _, new in new }
    case .waits(let since, let reason):
      members.merge([
        "standing": "waits", "dueAt": .moment(since), "reason": .string(reason),
        "held": .text(try await desk.hold(since)),
      ]) { _, new in new }
    }
    return .object(members)
  }
}
