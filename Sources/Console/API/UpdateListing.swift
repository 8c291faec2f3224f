import Rotation
import Store

/// An update as a list shows it. What has ended is told by its record alone: a list of a thousand must not play back a thousand
/// journals.
struct UpdateListing: Sendable {
  let record: UpdateRecord
  /// The name of the root that it brings, or that stays.
  let root: String
  /// How it stands; nil once it has ended.
  let state: UpdateState?

  /// Some of the updates.
  static func of(_ records: some Collection<UpdateRecord>, _ store: Store) async throws -> [UpdateListing] {
    var names: [RootRecord.ID: String] = [:]
    for root in Set(records.map(\.root)) { names[root] = try await store.root(root).name }
    var listings: [UpdateListing] = []
    for record in records {
      let state = record.outcome == nil ? try await store.state(record.id) : nil
      listings.append(UpdateListing(record: record, root: names[record.root] ?? "", state: state))
    }
    return listings
  }
}

extension Shape where Value == UpdateListing {
  /// An update in a list.
  static var listing: Shape<UpdateListing> {
    Shape(
      "UpdateListing", "An update in the list of all. The update itself tells more.",
      [
        Member("id", .identifier, "Its number.") { .integer($0.record.id.rawValue) },
        Member("plan", .identifier, "The plan that was started.") { .integer($0.record.plan.rawValue) },
        Member("purpose", UpdatesAPI.purpose, "Whether it brings a root or takes one away.") {
          UpdatesAPI.purpose(retires: $0.record.retires)
        },
        Member("root", .string, "The name of the root that it brings, or that stays.") { .string($0.root) },
        Member("retires", Schema.string.orNull, "The name of the root that is retired.") {
          .text($0.record.retiresName)
        },
        Member("standing", .oneOf(UpdatesAPI.standings), "How it stands; `deciding` waits for a decision.") {
          .string($0.record.outcome?.rawValue ?? $0.state?.standingWord ?? "running")
        },
        Member("startedAt", .moment, "When it was started.") { .moment($0.record.startedAt) },
        Member("startedBy", .string, "Who started it.") { .string($0.record.startedBy) },
        Member("endedAt", Schema.moment.orNull, "When it ended.") { .moment($0.record.endedAt) },
        Member("counts", UpdatesAPI.counts.orNull, "How many actions stand where; null once it has ended.") {
          $0.state.map(UpdatesAPI.counts) ?? .null
        },
      ])
  }
}
