import Foundation
import HTTP
import Logging
import Rotation
import Store

/// What changed on the page of an update, as the browser takes it: whole partials by the id of their element.
struct LiveChanges: Sendable, Encodable {
  /// A partial and the id of the element that it replaces, or that it is put into.
  struct Partial: Sendable, Encodable {
    var id: String
    var html: String
    /// The element to append to; nil replaces the element of the same id.
    var to: String?
  }

  var partials: [Partial]
  /// Whether the update has ended.
  var hasEnded: Bool
}

/// The live progress of updates: what is journaled goes to everybody who watches, drawn by the same partials that drew
/// the page, at most ten times a second.
actor UpdateEvents {
  /// Draws what some journal entries changed.
  typealias Draw = @Sendable (_ update: UpdateRecord.ID, _ entries: [JournalEntry]) async throws -> LiveChanges

  private let store: Store
  private let draw: Draw
  private let logger: Logger
  private var channels: [UpdateRecord.ID: Channel] = [:]
  private var nextWatcher = 0

  /// The shortest time between two messages of one update.
  private static let interval: Duration = .milliseconds(100)
  /// The most entries that are caught up in one message.
  private static let catchUpLimit = 1_000

  init(store: Store, logger: Logger, draw: @escaping Draw) {
    self.store = store
    self.logger = logger
    self.draw = draw
  }

  private struct Channel {
    var pending: [JournalEntry] = []
    var isFlushing = false
    var watchers: [Int: Watcher] = [:]
  }

  private struct Watcher {
    let stream: EventStream
    /// The last entry that was sent.
    var sequence: Int
    /// Messages that came while the earlier entries were still being read.
    var held: [(sequence: Int, message: EventMessage)]?
  }

  /// Sends entries that have been journaled to everybody who watches.
  func publish(_ entries: [JournalEntry], of update: UpdateRecord.ID) {
    guard channels[update]?.watchers.isEmpty == false, !entries.isEmpty else { return }
    channels[update]?.pending += entries
    guard channels[update]?.isFlushing == false else { return }
    channels[update]?.isFlushing = true
    Task { await flush(update) }
  }

  private func flush(_ update: UpdateRecord.ID) async {
    while let entries = takePending(update) {
      do {
        let message = try await message(update, entries)
        for number in (channels[update]?.watchers ?? [:]).keys { deliver(message, to: number, of: update) }
      } catch {
        logger.error("progress not drawn", metadata: ["update": "\(update)", "reason": "\(error)"])
      }
      try? await Task.sleep(for: Self.interval)
    }
  }

  private func takePending(_ update: UpdateRecord.ID) -> [JournalEntry]? {
    guard let pending = channels[update]?.pending, !pending.isEmpty else {
      channels[update]?.isFlushing = false
      if channels[update]?.watchers.isEmpty == true { channels[update] = nil }
      return nil
    }
    channels[update]?.pending = []
    return pending.sorted { $0.sequence < $1.sequence }
  }

  private func deliver(_ sent: (sequence: Int, message: EventMessage), to number: Int, of update: UpdateRecord.ID) {
    guard var watcher = channels[update]?.watchers[number], sent.sequence > watcher.sequence else { return }
    if watcher.held != nil {
      watcher.held?.append(sent)
    } else {
      watcher.stream.send(sent.message)
      watcher.sequence = sent.sequence
    }
    channels[update]?.watchers[number] = watcher
  }

  private func message(
    _ update: UpdateRecord.ID, _ entries: [JournalEntry]
  ) async throws -> (sequence: Int, message: EventMessage) {
    let changes = try await draw(update, entries)
    let data = try JSONEncoder().encode(changes)
    let last = entries.last?.sequence ?? 0
    return (last, EventMessage(id: String(last), event: "changes", data: String(decoding: data, as: UTF8.self)))
  }

  /// Opens a stream that begins with everything journaled after an entry.
  ///
  /// - Parameter sequence: the last entry that the client has seen; 0 for none.
  func watch(_ update: UpdateRecord.ID, after sequence: Int) async throws -> EventStream {
    nextWatcher += 1
    let number = nextWatcher
    let stream = EventStream { [weak self] in
      guard let self else { return }
      Task { await self.leave(number, update) }
    }
    channels[update, default: Channel()].watchers[number] = Watcher(stream: stream, sequence: sequence, held: [])
    do {
      try await catchUp(number, update, after: sequence)
    } catch {
      leave(number, update)
      throw error
    }
    return stream
  }

  private func catchUp(_ number: Int, _ update: UpdateRecord.ID, after sequence: Int) async throws {
    var last = sequence
    while true {
      let entries = try await store.journal(update, after: last, limit: Self.catchUpLimit)
      guard let newest = entries.last else { break }
      let missed = try await message(update, entries)
      channels[update]?.watchers[number]?.stream.send(missed.message)
      last = newest.sequence
    }
    guard var watcher = channels[update]?.watchers[number] else { return }
    watcher.sequence = last
    let held = watcher.held ?? []
    watcher.held = nil
    channels[update]?.watchers[number] = watcher
    for sent in held { deliver(sent, to: number, of: update) }
  }

  private func leave(_ number: Int, _ update: UpdateRecord.ID) {
    channels[update]?.watchers[number] = nil
    if channels[update]?.watchers.isEmpty == true, channels[update]?.isFlushing == false { channels[update] = nil }
  }
}
