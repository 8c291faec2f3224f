import Foundation
import HTTP
import Logging
import Rotation
import Store

/// The live progress of updates: what is journaled goes to everybody who watches, drawn by the same partials that drew
/// the page, at most ten times a second.
///
/// What is sent is read from the journal, so nothing is lost or doubled, whoever wrote it and however late one comes.
actor UpdateEvents {
  /// Draws what some journal entries changed, for everybody who watches: a message for each audience.
  typealias Draw =
    @Sendable (_ update: UpdateRecord.ID, _ entries: [JournalEntry], _ audiences: Set<Audience>) async throws ->
    [Audience: EventMessage]

  /// For whom something is drawn.
  enum Audience: Sendable, Hashable {
    /// Pages of those who may decide.
    case deciders
    /// Pages of those who may only look.
    case viewers
    /// Programs, which get the entries themselves.
    case programs
  }

  private let store: Store
  private let draw: Draw
  private let logger: Logger
  private var channels: [UpdateRecord.ID: Channel] = [:]
  private var nextWatcher = 0

  /// The shortest time between two messages of one update: a page is drawn ten times a second at most. Where thousands watch an
  /// update that journals a lot, what is sent to them, some 10 µs for each, leaves nine tenths of the machine to it.
  ///
  /// - Parameter entries: how many the last message told of.
  static func interval(watchers: Int, entries: Int) -> Duration {
    // A full message is one of many that are waiting already.
    guard entries >= busy, entries < batch else { return .milliseconds(100) }
    return min(.seconds(1), max(.milliseconds(100), .microseconds(100) * watchers))
  }

  /// How long the first entry after a pause waits for those that come of it: where one component comes after the other, one
  /// message tells of the end of an action and of what begins then.
  private static let company: Duration = .milliseconds(25)

  /// So many entries in one message are those of an update that wants the whole machine.
  private static let busy = 50

  /// The most entries that are drawn in one message.
  static let batch = 1_000
  /// How often a drawing that fails is tried before the next entry is waited for.
  private static let tries = 50

  init(store: Store, logger: Logger, draw: @escaping Draw) {
    self.store = store
    self.logger = logger
    self.draw = draw
  }

  private struct Channel {
    /// The last entry that was sent to everybody; nil until the first watcher has caught up.
    var sequence: Int?
    var isBehind = false
    var isFlushing = false
    var watchers: [Int: Watcher] = [:]
  }

  private struct Watcher {
    let stream: EventStream
    let audience: Audience
    /// The last entry that was sent; nil while the earlier ones are still being read.
    var sequence: Int?
  }

  /// Says that entries have been journaled.
  func publish(_ entries: [JournalEntry], of update: UpdateRecord.ID) {
    guard !entries.isEmpty, channels[update] != nil else { return }
    channels[update]?.isBehind = true
    beginFlush(update)
  }

  private func beginFlush(_ update: UpdateRecord.ID) {
    guard let channel = channels[update], channel.isBehind, !channel.isFlushing, channel.sequence != nil else { return }
    channels[update]?.isFlushing = true
    Task { await flush(update) }
  }

  private func flush(_ update: UpdateRecord.ID) async {
    var triesLeft = Self.tries
    var told = 0
    while channels[update]?.isBehind == true {
      try? await Task.sleep(for: Self.company)
      guard let sequence = channels[update]?.sequence else { break }
      channels[update]?.isBehind = false
      do {
        let entries = try await store.journal(update, after: sequence, limit: Self.batch)
        told = entries.count
        if let last = entries.last?.sequence {
          let audiences = Set((channels[update]?.watchers ?? [:]).values.map(\.audience))
          try await deliver(draw(update, entries, audiences), upTo: last, of: update)
          if entries.count == Self.batch { channels[update]?.isBehind = true }
        }
        triesLeft = Self.tries
      } catch {
        logger.error("progress not drawn", metadata: ["update": "\(update)", "reason": "\(error)"])
        triesLeft -= 1
        // What was not drawn now is drawn with what comes next, at the latest.
        channels[update]?.isBehind = triesLeft > 0
      }
      let watchers = channels[update]?.watchers.count ?? 0
      try? await Task.sleep(for: Self.interval(watchers: watchers, entries: told) - Self.company)
    }
    channels[update]?.isFlushing = false
    forgetIfUnwatched(update)
  }

  /// Draws anew for open pages how an update stands, of which the journal says nothing.
  func redraw(_ update: UpdateRecord.ID) async {
    let watchers = (channels[update]?.watchers ?? [:]).values.filter { $0.audience != .programs }
    guard !watchers.isEmpty else { return }
    do {
      let messages = try await draw(update, [], Set(watchers.map(\.audience)))
      for watcher in watchers { if let message = messages[watcher.audience] { watcher.stream.send(message) } }
    } catch {
      logger.error("progress not drawn", metadata: ["update": "\(update)", "reason": "\(error)"])
    }
  }

  private func deliver(_ messages: [Audience: EventMessage], upTo last: Int, of update: UpdateRecord.ID) {
    for (number, watcher) in channels[update]?.watchers ?? [:] {
      guard let sequence = watcher.sequence, sequence < last else { continue }
      // One of a kind that came while the messages were drawn is sent nothing, and so begins again where it was.
      guard let message = messages[watcher.audience] else {
        watcher.stream.close()
        continue
      }
      watcher.stream.send(message)
      channels[update]?.watchers[number]?.sequence = last
    }
    channels[update]?.sequence = last
  }

  /// Opens a stream that begins with everything journaled after an entry.
  ///
  /// - Parameters:
  ///   - sequence: the last entry that the client has seen; 0 for none.
  ///   - audience: what the client is sent.
  func watch(
    _ update: UpdateRecord.ID, after sequence: Int, for audience: Audience = .deciders
  ) async throws -> EventStream {
    nextWatcher += 1
    let number = nextWatcher
    let stream = EventStream { [weak self] in
      guard let self else { return }
      Task { await self.leave(number, update) }
    }
    channels[update, default: Channel()].watchers[number] = Watcher(stream: stream, audience: audience)
    do {
      // A client may come from another journal, of a restored backup say, and have seen more than there is.
      let newest = try await store.lastSequence(update)
      let begun = min(sequence, newest)
      let sent = try await sendNext(stream, update, after: begun, audience)
      // A program that was cut off between the last entry and how the update stands then is told the latter.
      if sent == nil, audience == .programs { try await send(stream, update, [], audience) }
      if let last = sent ?? (begun < channels[update]?.sequence ?? 0 ? begun : nil) {
        // What is left may be more than a stream holds, and the client reads nothing before it has its answer. What was
        // delivered to the others while this one was read for is left, too.
        Task { await catchUp(number, stream, update, after: last, audience) }
      } else {
        caughtUp(number, update, at: begun)
      }
    } catch {
      leave(number, update)
      throw error
    }
    return stream
  }

  /// Sends what the client has missed, as fast as it reads.
  private func catchUp(
    _ number: Int, _ stream: EventStream, _ update: UpdateRecord.ID, after sequence: Int, _ audience: Audience
  ) async {
    var last = sequence
    while await stream.whenRead() {
      do {
        guard let next = try await sendNext(stream, update, after: last, audience) else {
          // Until something was delivered to the others while this one was reading.
          guard last < channels[update]?.sequence ?? 0 else { return caughtUp(number, update, at: last) }
          continue
        }
        last = next
      } catch {
        logger.error("progress not drawn", metadata: ["update": "\(update)", "reason": "\(error)"])
        // The client comes again, and says where it was.
        return stream.close()
      }
    }
  }

  private func caughtUp(_ number: Int, _ update: UpdateRecord.ID, at last: Int) {
    channels[update]?.watchers[number]?.sequence = last
    if channels[update]?.sequence == nil { channels[update]?.sequence = last }
    beginFlush(update)
  }

  /// Sends a part of what comes after an entry; the answer is the last entry of it, nil when there is none.
  private func sendNext(
    _ stream: EventStream, _ update: UpdateRecord.ID, after sequence: Int, _ audience: Audience
  ) async throws -> Int? {
    let entries = try await store.journal(update, after: sequence, limit: Self.batch)
    guard let last = entries.last else { return nil }
    try await send(stream, update, entries, audience)
    return last.sequence
  }

  private func send(
    _ stream: EventStream, _ update: UpdateRecord.ID, _ entries: [JournalEntry], _ audience: Audience
  ) async throws {
    if let message = try await draw(update, entries, [audience])[audience] { stream.send(message) }
  }

  private func leave(_ number: Int, _ update: UpdateRecord.ID) {
    channels[update]?.watchers[number] = nil
    forgetIfUnwatched(update)
  }

  private func forgetIfUnwatched(_ update: UpdateRecord.ID) {
    guard let channel = channels[update], channel.watchers.isEmpty, !channel.isFlushing else { return }
    channels[update] = nil
  }
}
