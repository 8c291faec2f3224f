import Foundation
import HTTP
import Rotation
import Store

extension APITable {
  /// What differs after a restore from a backup, and that somebody has read it.
  mutating func addRestoration() {
    let tag = "Restoration"
    let restoration = Shape<RestorationAPI.Told>.restoration
    on(
      .get, "/restoration", tag,
      .init(
        id: "readRestoration", summary: "Read what differs after a restore from a backup",
        text: "404 where the database never came from a backup.", access: .viewer,
        result: .json(restoration.schema, "What every component was found as."), problems: [404]
      ) { call in .json(Shape.restoration.json(try await RestorationAPI.told(call))) })
    on(
      .post, "/restoration/looks", tag,
      .init(
        id: "lookAtRestored", summary: "Look at every component again",
        text: "For as long as updates wait for it.", access: .operator(to: "look at the components again"),
        result: .json(restoration.schema, "What every component was found as."), problems: [404, 409],
        isRepeatable: true
      ) { call in
        _ = try await RestorationAPI.told(call)
        try await call.services.restoration.lookAgain()
        return .json(Shape.restoration.json(try await RestorationAPI.told(call)))
      })
    on(
      .post, "/restoration/confirmation", tag,
      .init(
        id: "confirmRestoration", summary: "Confirm to have read what differs", text: "Updates can start again then.",
        access: .operator(to: "confirm what differs"),
        result: .json(restoration.schema, "What every component was found as."), problems: [404, 409],
        isRepeatable: true
      ) { call in
        _ = try await RestorationAPI.told(call)
        try await RestorationRoutes.confirm(call.visit)
        return .json(Shape.restoration.json(try await RestorationAPI.told(call)))
      })
  }
}

enum RestorationAPI {
  /// A restoration with what the look showed.
  struct Told: Sendable {
    let record: RestorationRecord
    let looks: [Component.ID: RestorationLook]
  }

  static func told(_ call: APICall) async throws -> Told {
    let record = try await RestorationRoutes.restoration(call.visit)
    return Told(record: record, looks: try await call.store.restorationLooks(record.id))
  }

  static let look = Schema.object(
    .must("component", .identifier, "The component's number."), .must("name", .string, "Its name."),
    .must(
      "verdict", .oneOf(RestorationLook.Verdict.allCases.map(\.rawValue)),
      "`same`: as the database says. `differs`: not. `unseen`: it could not be seen."),
    .must("sentences", .array(.string), "What was seen."))

  static func json(_ id: Component.ID, _ look: RestorationLook) -> JSONValue {
    [
      "component": .integer(id.rawValue), "name": .string(look.component), "verdict": .string(look.verdict.rawValue),
      "sentences": .array(look.sentences.map { .string($0) }),
    ]
  }
}

extension Shape where Value == RestorationAPI.Told {
  /// A restoration.
  static var restoration: Shape<RestorationAPI.Told> {
    Shape(
      "Restoration", "That the database was restored from a backup, and how the world differs from it.",
      [
        Member("restoredAt", .moment, "When it was restored.") { .moment($0.record.restoredAt) },
        Member("backupMadeAt", .moment, "When the backup was made.") { .moment($0.record.backupMadeAt) },
        Member("lastUpdate", Schema.identifier.orNull, "The newest update that the backup knew.") {
          $0.record.lastUpdate.map { .integer($0.rawValue) } ?? .null
        },
        Member("isOpen", .boolean, "Whether updates wait: for the look, or for somebody who reads it.") {
          .bool($0.record.isOpen)
        },
        Member("lookedAt", Schema.moment.orNull, "When every component was looked at.") { .moment($0.record.lookedAt) },
        Member("differs", Schema.boolean.orNull, "Whether a component was found otherwise, or not seen.") {
          $0.record.differs.map { .bool($0) } ?? .null
        },
        Member("seenAt", Schema.moment.orNull, "When somebody confirmed it.") { .moment($0.record.seenAt) },
        Member("seenBy", Schema.string.orNull, "Who that was.") { .text($0.record.seenBy) },
        Member("components", .array(RestorationAPI.look), "What was seen of each component.") {
          .array($0.looks.sorted { $0.key < $1.key }.map(RestorationAPI.json))
        },
      ])
  }
}
