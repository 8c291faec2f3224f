import CMicroHTTPD
import Synchronization

/// A connection as libmicrohttpd names it.
// The pointer is only used while the connection is suspended, or on the thread that serves it: libmicrohttpd frees a
// connection in neither case.
struct ServedConnection: @unchecked Sendable {
  let pointer: OpaquePointer
}

/// The events of one response. Messages may be sent from any thread at any time, also before the response was
/// answered with the stream.
public final class EventStream: Sendable {
  private struct State {
    var waiting: [EventMessage] = []
    /// The first message of `waiting` that is not wholly sent, and how much of it is.
    var first = 0
    var offset = 0
    var waitingBytes = 0
    /// Set while libmicrohttpd waits for the next message.
    var suspended: ServedConnection?
    var connection: Connection?
    var attached = false
    /// No further message is taken; the ones that wait are still sent.
    var closing = false
    /// Nothing is sent any more.
    var gone = false
    var lastSent = MonotonicTime.now
    /// Those who wait until no more than so many bytes wait.
    var pausing: [(bytes: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    /// Let go of once it was called, as it usually holds the registry that holds the stream.
    var onClose: (@Sendable () -> Void)?
  }

  private let state: Mutex<State>
  private let bufferLimit: Int
  /// With no more bytes waiting a client counts as one that keeps up.
  private var little: Int { bufferLimit / 4 }

  /// - Parameters:
  ///   - bufferLimit: bytes that may wait for a slow client; one message of whatever length is taken while little waits.
  ///     Beyond it the stream is dropped; the browser connects again and says with `Last-Event-ID` where it was.
  ///   - onClose: called once when the stream is over, for whatever reason, on a thread that serves connections: it
  ///     must not block. Registries of streams let go of the stream here.
  public init(bufferLimit: Int = 1 << 20, onClose: (@Sendable () -> Void)? = nil) {
    self.bufferLimit = bufferLimit
    state = Mutex(State(onClose: onClose))
  }

  /// Queues a message for the client and returns at once. Does nothing when the stream is over.
  public func send(_ message: EventMessage) {
    let overflowed: Connection? = state.withLock { state in
      guard !state.closing, !state.gone else { return nil }
      guard state.waitingBytes <= little || state.waitingBytes + message.bytes.count <= bufferLimit else {
        EventStream.drop(&state)
        return state.connection
      }
      state.waiting.append(message)
      state.waitingBytes += message.bytes.count
      EventStream.resume(&state)
      return nil
    }
    // A client that does not read would otherwise be waited for until its connection is idle for too long.
    overflowed?.abort()
  }

  /// Ends the stream after what waits has been sent.
  public func close() {
    state.withLock { state in
      state.closing = true
      EventStream.resume(&state)
    }
  }

  /// Waits until the client has taken most of what waits, so that somebody with much to send keeps to its pace.
  ///
  /// - Returns: whether the stream is still open.
  public func whenRead() async -> Bool {
    await withCheckedContinuation { continuation in
      let answer: Bool? = state.withLock { state in
        if state.closing || state.gone { return false }
        if state.waitingBytes <= little { return true }
        state.pausing.append((little, continuation))
        return nil
      }
      if let answer { continuation.resume(returning: answer) }
    }
  }

  /// False once the stream was closed or dropped, or its client left.
  public var isOpen: Bool { state.withLock { !$0.closing && !$0.gone } }

  // MARK: - For the server

  /// Takes the stream for one response; false when it serves another one already or is over.
  func attach(to connection: Connection) -> Bool {
    state.withLock { state in
      guard !state.attached, !state.gone else { return false }
      state.attached = true
      state.connection = connection
      state.waiting.insert(.opening, at: 0)
      state.waitingBytes += EventMessage.opening.bytes.count
      return true
    }
  }

  /// The next bytes for the client, or libmicrohttpd's sign for the end. Suspends the connection when there are none
  /// yet: libmicrohttpd would ask again at once for as long as it is given nothing.
  func read(into buffer: UnsafeMutableRawBufferPointer, of connection: ServedConnection) -> Int {
    state.withLock { state in
      // Not MHD_CONTENT_READER_END_WITH_ERROR: after it libmicrohttpd keeps the descriptor of a client that reset the
      // connection until another one wakes it. The last chunk fails to be sent, and that closes it at once.
      guard !state.gone else { return EventStream.endOfStream }
      var written = 0
      while state.first < state.waiting.count, written < buffer.count {
        let bytes = state.waiting[state.first].bytes
        let length = min(bytes.count - state.offset, buffer.count - written)
        bytes.withUnsafeBytes {
          UnsafeMutableRawBufferPointer(rebasing: buffer[written...])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[state.offset..<state.offset + length]))
        }
        written += length
        state.offset += length
        state.waitingBytes -= length
        if state.offset == bytes.count {
          state.first += 1
          state.offset = 0
        }
      }
      EventStream.forgetSent(&state)
      EventStream.goOn(&state)
      if written > 0 {
        state.lastSent = .now
        return written
      }
      if state.closing { return EventStream.endOfStream }
      state.suspended = connection
      MHD_suspend_connection(connection.pointer)
      return 0
    }
  }

  /// Sends a comment when nothing was sent for `interval`.
  func keepAlive(after interval: Duration, now: MonotonicTime) {
    let isDue = state.withLock { state in
      state.attached && state.waitingBytes == 0 && now.since(state.lastSent) >= interval
    }
    if isDue { send(.keepAlive) }
  }

  /// The client left, or the server can wait no longer: what waits is dropped, and the connection is cut.
  func abandon() {
    let connection = state.withLock { state in
      EventStream.drop(&state)
      return state.connection
    }
    connection?.abort()
  }

  /// The response is over.
  func end() {
    let onClose = state.withLock { state in
      EventStream.drop(&state)
      state.connection = nil
      defer { state.onClose = nil }
      return state.onClose
    }
    onClose?()
  }

  /// The response that was to carry the stream is not sent. A stream that another response carries goes on.
  func discard() {
    if !state.withLock({ $0.attached }) { end() }
  }

  private static func drop(_ state: inout State) {
    state.gone = true
    state.waiting = []
    state.first = 0
    state.offset = 0
    state.waitingBytes = 0
    for pause in state.pausing { pause.continuation.resume(returning: false) }
    state.pausing = []
    resume(&state)
  }

  private static func goOn(_ state: inout State) {
    let waitingBytes = state.waitingBytes
    for pause in state.pausing where waitingBytes <= pause.bytes { pause.continuation.resume(returning: true) }
    state.pausing.removeAll { waitingBytes <= $0.bytes }
  }

  /// Resumes under the lock: once the lock is free, nobody is about to resume the connection, so the server may
  /// be stopped.
  private static func resume(_ state: inout State) {
    guard let connection = state.suspended else { return }
    state.suspended = nil
    MHD_resume_connection(connection.pointer)
  }

  private static func forgetSent(_ state: inout State) {
    if state.first == state.waiting.count {
      state.waiting.removeAll(keepingCapacity: false)
      state.first = 0
    } else if state.first >= 64 {
      state.waiting.removeFirst(state.first)
      state.first = 0
    }
  }

  /// `MHD_CONTENT_READER_END_OF_STREAM`, which is a cast in C.
  private static let endOfStream = -1
}
