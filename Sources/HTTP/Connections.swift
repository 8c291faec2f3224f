import Synchronization

/// All open connections of a server.
final class Connections: Sendable {
  private struct State {
    var lastID: UInt64 = 0
    var open: [UInt64: Connection] = [:]
  }

  private let state = Mutex(State())

  func open(_ make: (UInt64) -> Connection) -> Connection {
    state.withLock { state in
      state.lastID += 1
      let connection = make(state.lastID)
      state.open[state.lastID] = connection
      return connection
    }
  }

  func close(_ connection: Connection) {
    state.withLock { _ = $0.open.removeValue(forKey: connection.id) }
  }

  subscript(_ id: UInt64) -> Connection? { state.withLock { $0.open[id] } }

  var all: [Connection] { state.withLock { Array($0.open.values) } }
  var count: Int { state.withLock { $0.open.count } }
}
