import Console
import Foundation
import HTTP
import Logging
import Synchronization

/// Sends the live numbers of the sample system to every page that is open, twice a second at most.
final class DemoLive: Sendable {
  private struct Watcher {
    weak var stream: EventStream?
    let mayArm: Bool
  }

  private struct Inside {
    var watchers: [Watcher] = []
    /// What every element looked like when it was last sent.
    var sent: [String: String] = [:]
    var task: Task<Void, Never>?
  }

  private let fleet: SampleFleet
  private let faults: Faults
  private let logger: Logger
  private let inside = Mutex(Inside())

  private static let interval: Duration = .milliseconds(500)

  init(fleet: SampleFleet, faults: Faults, logger: Logger) {
    self.fleet = fleet
    self.faults = faults
    self.logger = logger
  }

  /// Sends to this stream too, until it is over; the buttons for faults only to whoever may arm them.
  func join(_ stream: EventStream, mayArm: Bool) {
    inside.withLock { inside in
      inside.watchers.removeAll { $0.stream?.isOpen != true }
      inside.watchers.append(Watcher(stream: stream, mayArm: mayArm))
      // The new page may be older than what was last sent: everybody gets everything once more.
      inside.sent = [:]
    }
  }

  /// Begins to send.
  func begin(_ renderer: PageRenderer) {
    let task = Task { [weak self] in
      while !Task.isCancelled, let self {
        send(renderer)
        try? await Task.sleep(for: Self.interval)
      }
    }
    inside.withLock { $0.task = task }
  }

  /// Sends nothing any more.
  func end() {
    inside.withLock { $0.task?.cancel() }
  }

  private func send(_ renderer: PageRenderer) {
    for mayArm in Set(inside.withLock { $0.watchers.map(\.mayArm) }) { send(renderer, mayArm: mayArm) }
  }

  private func send(_ renderer: PageRenderer, mayArm: Bool) {
    do {
      let parts = try drawn(renderer, mayArm: mayArm)
      // Under one lock: who joins later finds nothing marked as sent that was not sent to him.
      let (changed, streams) = inside.withLock { inside in
        inside.watchers.removeAll { $0.stream?.isOpen != true }
        let changed = parts.filter { inside.sent["\(mayArm) \($0.id)"] != $0.html }
        for part in changed { inside.sent["\(mayArm) \(part.id)"] = part.html }
        return (changed, inside.watchers.filter { $0.mayArm == mayArm }.compactMap(\.stream))
      }
      guard !changed.isEmpty, !streams.isEmpty else { return }
      let message = try LiveChanges(partials: changed).message(id: nil)
      for stream in streams { stream.send(message) }
    } catch {
      logger.error("demo not drawn", metadata: ["reason": "\(error)"])
    }
  }

  private func drawn(_ renderer: PageRenderer, mayArm: Bool) throws -> [LiveChanges.Partial] {
    let members = fleet.members
    let armed = faults.armed
    let strip = try renderer.render("demo/strip", DemoModels.strip(members))
    return [LiveChanges.Partial(id: "strip", html: strip)]
      + (try members.map { member in
        let model = DemoModels.member(member, armed: armed[member.name] ?? [], mayArm: mayArm)
        return LiveChanges.Partial(
          id: "member-\(member.sample.slug)", html: try renderer.render("demo/member", model))
      })
  }
}
