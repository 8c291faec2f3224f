import HTTP
import Store
import Synchronization

/// The open event streams by session, so that they end when their session does, by signing out or by its time.
public final class SessionStreams: Sendable {
  private struct Entry {
    weak var stream: EventStream?
    let session: SessionRecord.ID
    let user: UserRecord.ID
  }

  private struct State {
    var entries: [Entry] = []
    var sweepAt = 64
  }

  private let state = Mutex(State())

  /// Remembers a stream for as long as it is open.
  public func add(_ stream: EventStream, of visitor: Visitor) {
    state.withLock { state in
      state.entries.append(Entry(stream: stream, session: visitor.session.id, user: visitor.session.user))
      guard state.entries.count >= state.sweepAt else { return }
      state.entries.removeAll { $0.stream?.isOpen != true }
      state.sweepAt = max(64, state.entries.count * 2)
    }
  }

  /// Ends the streams of every session that is not among the open ones.
  func end(allBut open: Set<SessionRecord.ID>) {
    close { !open.contains($0.session) }
  }

  /// Whether anybody watches anything.
  var isEmpty: Bool { state.withLock { $0.entries.allSatisfy { $0.stream?.isOpen != true } } }

  func end(session: SessionRecord.ID) {
    close { $0.session == session }
  }

  func end(of user: UserRecord.ID, except session: SessionRecord.ID) {
    close { $0.user == user && $0.session != session }
  }

  private func close(_ matches: (Entry) -> Bool) {
    let streams = state.withLock { state in state.entries.filter(matches).compactMap(\.stream) }
    for stream in streams { stream.close() }
  }
}
