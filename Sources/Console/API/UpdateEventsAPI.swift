import HTTP
import Rotation
import Store

/// The event stream of an update for programs: the entries of the journal, and how the update stands.
enum UpdateEventsAPI {
  /// An entry with what is needed to name its component.
  struct Entry: Sendable {
    let entry: JournalEntry
    let page: UpdatePage
  }

  /// How many components a decision names at most: all who watch are told of all decisions at every change.
  private static let named = 20

  static func watch(_ call: APICall) async throws -> APIAnswer {
    let id: UpdateRecord.ID = try call.id("update")
    _ = try await call.store.update(id)
    let header = call.request.headers.first("last-event-id").flatMap { Int($0) }
    let after = header ?? Int(call.query["after"]?.whole ?? 0)
    let stream = try await call.services.updates.events.watch(id, after: max(0, after), for: .programs)
    try await call.services.register(stream, of: call.visit)
    return .response(.events(stream))
  }

  /// - Parameter hasMore: whether further entries follow in a message of their own. Only whoever has seen them all is told how
  ///   the update stands: with its end the program may leave.
  static func message(_ page: UpdatePage, _ entries: [JournalEntry], hasMore: Bool) throws -> EventMessage {
    let shape = Shape<Entry>.entry
    let messages = try entries.map { entry in
      EventMessage(
        id: String(entry.sequence), event: "entry", data: try text(shape.json(Entry(entry: entry, page: page))))
    }
    if hasMore { return EventMessage(joining: messages) }
    // With the same number: whoever has it has seen the entries, too.
    let update = EventMessage(
      id: entries.last.map { String($0.sequence) }, event: "update",
      data: try text(Shape.update.json(page.naming(atMost: named))))
    return EventMessage(joining: messages + [update])
  }

  private static func text(_ value: JSONValue) throws -> String { String(decoding: try value.bytes(), as: UTF8.self) }
}

extension Shape where Value == UpdateEventsAPI.Entry {
  /// An entry of the journal.
  static var entry: Shape<UpdateEventsAPI.Entry> {
    Shape(
      "Entry", "An entry of an update's journal: what happened, or what was observed.",
      [
        Member("sequence", .identifier, "1, 2, 3, … within an update.") { .integer(Int64($0.entry.sequence)) },
        Member("at", .moment, "When it was written.") { .moment($0.entry.at) },
        Member("kind", .oneOf(kinds), "What it says.") { .string(kind($0.entry)) },
        Member("action", Schema.string.orNull, "The action that it is about, such as `deploy:7`.") {
          .text(action($0.entry).map { "\($0)" })
        },
        Member("component", Schema.string.orNull, "The component of that action.") { entry in
          .text(action(entry.entry)?.component.flatMap(entry.page.state.member)?.name)
        },
        Member("text", .string, "What it says, in words.") { .string($0.page.words($0.entry)) },
      ])
  }

  private static var kinds: [String] {
    ["note", "started", "settles", "succeeded", "failed", "interrupted", "halted", "journalRestored", "decided"]
  }

  private static func kind(_ entry: JournalEntry) -> String {
    switch entry.content {
    case .note: "note"
    case .event(.started): "started"
    case .event(.actionSettles): "settles"
    case .event(.actionSucceeded): "succeeded"
    case .event(.actionFailed): "failed"
    case .event(.interrupted): "interrupted"
    case .event(.halted): "halted"
    case .event(.journalRestored): "journalRestored"
    case .event(.decided): "decided"
    }
  }

  private static func action(_ entry: JournalEntry) -> ActionID? {
    switch entry.content {
    case .note(let action, _): action
    case .event(.actionSettles(let action, _)), .event(.actionSucceeded(let action, _)),
      .event(.actionFailed(let action, _, _)):
      action
    case .event: nil
    }
  }
}
