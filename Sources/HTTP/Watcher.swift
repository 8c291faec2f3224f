import CMicroHTTPD
import Foundation
import Glibc
import Synchronization

/// One thread beside libmicrohttpd's: it notices what libmicrohttpd does not. A suspended connection is not polled, so
/// a second epoll set says when a client leaves; a byte now and then keeps a connection from being idle, so deadlines
/// are held here; and a client that was refused while it still sends is read from until it has seen the answer.
final class Watcher: Sendable {
  private struct State {
    /// Duplicates of closed connections' descriptors, and until when they are read from.
    var drains: [Int32: MonotonicTime] = [:]
    var isStopping = false
  }

  private let connections: Connections
  private let configuration: ServerConfiguration
  private let epoll: Int32
  private let wake: Int32
  private let state = Mutex(State())
  private let finished = DispatchSemaphore(value: 0)

  /// Marks a drained descriptor among the keys of the epoll set; connections are numbered from 1.
  private static let drainMark: UInt64 = 1 << 63
  private static let maximumDrains = 64
  private static let drainTime = Duration.seconds(5)

  init(connections: Connections, configuration: ServerConfiguration) throws(ServerError) {
    self.connections = connections
    self.configuration = configuration
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard epoll >= 0, wake >= 0 else {
      if epoll >= 0 { close(epoll) }
      if wake >= 0 { close(wake) }
      throw ServerError(.tooManyOpenFiles, "No file descriptor is left to start with. Raise the limit of open files.")
    }
    change(EPOLL_CTL_ADD, wake, EPOLLIN.rawValue, key: 0)
  }

  deinit {
    close(epoll)
    close(wake)
  }

  func start() {
    let thread = Thread { [self] in
      run()
      finished.signal()
    }
    thread.name = "reroot-watcher"
    thread.start()
  }

  /// Ends the thread; blocks until it has ended.
  func stop() {
    state.withLock { $0.isStopping = true }
    var one: UInt64 = 1
    write(wake, &one, 8)
    finished.wait()
  }

  /// Asks once when the client leaves or closes its side: the condition stays, and would be reported without end.
  func watch(_ connection: Connection) {
    change(EPOLL_CTL_ADD, connection.descriptor, EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue, key: connection.id)
  }

  /// Asks once more, which also reports a client that left before.
  func watchAgain(_ connection: Connection) {
    change(EPOLL_CTL_MOD, connection.descriptor, EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue, key: connection.id)
  }

  /// Called before the descriptor is closed, and so before its number is used again.
  func forget(_ connection: Connection) {
    change(EPOLL_CTL_DEL, connection.descriptor, 0, key: 0)
  }

  /// Reads and drops what the client still sends, for some seconds: a socket that is closed with unread bytes resets
  /// the connection, and the client would lose the answer that says why it was refused. Takes the descriptor over.
  func drain(_ descriptor: Int32) {
    let isTaken = state.withLock { state in
      guard !state.isStopping, state.drains.count < Watcher.maximumDrains else { return false }
      state.drains[descriptor] = .now + Watcher.drainTime
      change(EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, key: Watcher.drainMark | UInt64(descriptor))
      return true
    }
    if !isTaken { close(descriptor) }
  }

  private func change(_ operation: Int32, _ descriptor: Int32, _ events: UInt32, key: UInt64) {
    var event = epoll_event()
    event.events = events
    event.data.u64 = key
    epoll_ctl(epoll, operation, descriptor, &event)
  }

  private func run() {
    var events = [epoll_event](repeating: epoll_event(), count: 256)
    var lastTick = MonotonicTime.now
    while !state.withLock({ $0.isStopping }) {
      let count = epoll_wait(epoll, &events, Int32(events.count), Int32(tick.milliseconds))
      for event in events.prefix(Int(max(count, 0))) where event.data.u64 != 0 {
        let key = event.data.u64
        if key & Watcher.drainMark != 0 {
          readOn(Int32(truncatingIfNeeded: key & ~Watcher.drainMark))
        } else {
          left(connections[key])
        }
      }
      let now = MonotonicTime.now
      if now.since(lastTick) >= tick {
        lastTick = now
        look(now)
      }
    }
    for descriptor in state.withLock({ Array($0.drains.keys) }) { endDrain(descriptor) }
  }

  private func left(_ connection: Connection?) {
    guard let connection else { return }
    connection.markHalfClosed()
    connection.stream?.abandon()
  }

  /// How often deadlines are looked at: a second, or less where tests set shorter ones.
  private var tick: Duration {
    let shortest = min(configuration.keepAlive, configuration.requestTimeout, configuration.idleTimeout)
    return max(.milliseconds(10), min(.seconds(1), shortest / 4))
  }

  private func look(_ now: MonotonicTime) {
    for connection in connections.all {
      if connection.isOverdue(now) { connection.abort() }
      connection.stream?.keepAlive(after: configuration.keepAlive, now: now)
    }
    let late = state.withLock { state in state.drains.filter { $0.value < now }.map(\.key) }
    for descriptor in late { endDrain(descriptor) }
  }

  private func readOn(_ descriptor: Int32) {
    let count = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) {
      recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
    }
    if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { endDrain(descriptor) }
  }

  private func endDrain(_ descriptor: Int32) {
    let isKnown = state.withLock { $0.drains.removeValue(forKey: descriptor) != nil }
    guard isKnown else { return }
    change(EPOLL_CTL_DEL, descriptor, 0, key: 0)
    close(descriptor)
  }
}
