import CMicroHTTPD
import Synchronization

/// A body that is sent bit by bit by the thread that serves its connection.
protocol SentStream: AnyObject, Sendable {
  /// Takes the stream for one response; false when it serves another one already or is over.
  func attach(to connection: Connection) -> Bool
  /// The next bytes for the client, or libmicrohttpd's sign for the end; suspends the connection when there are none yet.
  func read(into buffer: UnsafeMutableRawBufferPointer, of connection: ServedConnection) -> Int
  /// Shows the client that the server is still there, where that is possible.
  func keepAlive(after interval: Duration, now: MonotonicTime)
  /// The server is being stopped.
  func close()
  /// The client left, or the server can wait no longer.
  func abandon()
  /// The response is over.
  func end()
  /// The response that was to carry the stream is not sent.
  func discard()
}

extension EventStream: SentStream {}

/// A long body that is made while it is sent: the next part is asked for when the client has taken the one before, so that
/// neither the whole nor what a slow client has not read takes memory.
public final class BodyStream: Sendable {
  private struct State {
    var part: [UInt8] = []
    var offset = 0
    var isAsking = false
    /// The last part has been asked for and given.
    var isOver = false
    /// Nothing is sent any more.
    var gone = false
    var attached = false
    /// Set while libmicrohttpd waits for the next part.
    var suspended: ServedConnection?
    var connection: Connection?
  }

  private let state = Mutex(State())
  private let next: @Sendable () async throws -> [UInt8]?
  /// A client that reads nothing for so long is cut off.
  private static let patience = Duration.seconds(60)
  /// `MHD_CONTENT_READER_END_OF_STREAM`, which is a cast in C.
  private static let endOfStream = -1

  /// - Parameter next: gives the next part, nil after the last one. Called by one at a time. When it throws, the
  ///   connection is cut: what has been sent must not pass for the whole.
  public init(next: @escaping @Sendable () async throws -> [UInt8]?) { self.next = next }

  /// Called under the lock.
  private func ask(_ state: inout State) {
    guard !state.isAsking else { return }
    state.isAsking = true
    Task {
      do {
        take(try await next())
      } catch {
        abandon()
      }
    }
  }

  private func take(_ part: [UInt8]?) {
    state.withLock { state in
      state.isAsking = false
      guard !state.gone else { return }
      if let part {
        state.part = part
        state.offset = 0
      } else {
        state.isOver = true
      }
      Self.resume(&state)
    }
  }

  /// Resumes under the lock: once the lock is free, nobody is about to resume the connection, so the server may be
  /// stopped.
  private static func resume(_ state: inout State) {
    guard let connection = state.suspended else { return }
    state.suspended = nil
    MHD_resume_connection(connection.pointer)
  }

  private static func drop(_ state: inout State) {
    state.gone = true
    state.part = []
    state.offset = 0
    resume(&state)
  }
}

extension BodyStream: SentStream {
  func attach(to connection: Connection) -> Bool {
    state.withLock { state in
      guard !state.attached, !state.gone else { return false }
      state.attached = true
      state.connection = connection
      return true
    }
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, of connection: ServedConnection) -> Int {
    state.withLock { state in
      guard !state.gone else { return Self.endOfStream }
      let count = min(state.part.count - state.offset, buffer.count)
      if count > 0 {
        state.part.withUnsafeBytes {
          buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[state.offset..<state.offset + count]))
        }
        state.offset += count
        state.connection?.expect(by: .now + Self.patience)
        return count
      }
      if state.isOver { return Self.endOfStream }
      state.suspended = connection
      // What the server takes time for is not the client's fault.
      state.connection?.expect(by: nil)
      MHD_suspend_connection(connection.pointer)
      ask(&state)
      return 0
    }
  }

  func keepAlive(after interval: Duration, now: MonotonicTime) {}

  /// What is being sent goes on: a body that ended before its end would pass for the whole. One that takes too long is
  /// abandoned.
  func close() {}

  /// The connection is cut before libmicrohttpd hears of the end: the other way round it may send the last chunk first, and
  /// what was sent would pass for the whole.
  func abandon() {
    state.withLock(\.connection)?.abort()
    state.withLock { Self.drop(&$0) }
  }

  func end() {
    state.withLock { state in
      Self.drop(&state)
      state.connection = nil
    }
  }

  func discard() {
    if !state.withLock({ $0.attached }) { end() }
  }
}
