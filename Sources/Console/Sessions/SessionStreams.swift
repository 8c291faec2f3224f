import HTTP
import Store
import Synchronization

/// The open event streams by session, so that they end when their session does, by signing out or by its time.
public final class SessionStreams: Sendable {
  private struct Entry {
    weak var stream: EventStream?
    let credential: Visitor.Credential.Key
    let user: UserRecord.ID
    let access: RouteAccess
  }

  private struct State {
    var entries: [Entry] = []
    var sweepAt = 64
  }

  private let state = Mutex(State())

  /// Remembers a stream for as long as it is open.
  ///
  /// - Parameter access: who may watch it.
  public func add(_ stream: EventStream, of visitor: Visitor, for access: RouteAccess) {
    state.withLock { state in
      state.entries.append(
        Entry(stream: stream, credential: visitor.credential.key, user: visitor.user, access: access))
      guard state.entries.count >= state.sweepAt else { return }
      state.entries.removeAll { $0.stream?.isOpen != true }
      state.sweepAt = max(64, state.entries.count * 2)
    }
  }

  /// Ends the streams of every session and token that is not among the open ones, and those that its role does not allow.
  func end(allBut open: [Visitor.Credential.Key: Role]) {
    close { !$0.access.permits(open[$0.credential]) }
  }

  /// Ends the streams of a user, whose pages open those again that the user may still watch.
  func end(of user: UserRecord.ID) {
    close { $0.user == user }
  }

  /// How many are open.
  var openCount: Int { state.withLock { $0.entries.count { $0.stream?.isOpen == true } } }

  /// Whether anybody watches anything.
  var isEmpty: Bool { state.withLock { $0.entries.allSatisfy { $0.stream?.isOpen != true } } }

  func end(session: SessionRecord.ID) {
    close { $0.credential == .session(session) }
  }

  func end(of user: UserRecord.ID, except session: SessionRecord.ID) {
    close { $0.user == user && $0.credential != .session(session) }
  }

  func end(token: TokenRecord.ID) {
    close { $0.credential == .token(token) }
  }

  private func close(_ matches: (Entry) -> Bool) {
    let streams = state.withLock { state in state.entries.filter(matches).compactMap(\.stream) }
    for stream in streams { stream.close() }
  }
}
