import Rotation
import Synchronization

/// The ways to every target that components are at, and the connections that they take.
public final class Targets: Sendable {
  private let connections = Mutex<[SSHTarget: SSHConnection]>([:])
  private let own = Mutex(Belongings.none)

  /// No connection is made before it is needed.
  public init() {}

  /// Keeps every component out of what is Reroot's own, from the next access on.
  ///
  /// Files are looked at on this machine only. A component whose target leads by SSH to this very machine is not recognised,
  /// since a path there says nothing here, and neither does an inode: the account that it signs in with must have no right
  /// to Reroot's data folder.
  public func keepOut(of own: Belongings) { self.own.withLock { $0 = own } }

  /// The way to the files of a component.
  public func access(to component: Component) -> TargetAccess {
    let own = own.withLock { $0 }
    return way(to: component, own).saying(without: own)
  }

  private func way(to component: Component, _ own: Belongings) -> TargetAccess {
    switch component.target {
    case .local: return .local(own: own)
    case .ssh(let target):
      let memory = FailureMemory()
      return .ssh(target) { script, limit in
        try memory.check()
        do {
          return try await self.run(script, at: target, limit: limit)
        } catch let failure as DeliveryFailure {
          memory.remember(failure)
          throw failure
        }
      }
    }
  }

  /// So many connections may wait for somebody who uses them again, two processes of some megabytes each.
  private static let kept = 128

  /// Closes the connections that nobody uses at this moment: after a test, an update.
  public func closeIdle() async {
    for connection in connections.withLock({ Array($0.values) }) where await connection.closeIfIdle() {
      forget(connection)
    }
  }

  /// Keeps the connections that nobody uses at this moment, but not too many: after a plan, which is likely to be started
  /// soon. Those that have not been used for longest are closed first, and every one after some minutes.
  public func keepIdle() async {
    await closeIdle(beyond: Self.kept)
  }

  func closeIdle(beyond number: Int) async {
    var resting: [(connection: SSHConnection, since: ContinuousClock.Instant)] = []
    for connection in connections.withLock({ Array($0.values) }) {
      if let since = await connection.restsSince { resting.append((connection, since)) }
    }
    guard resting.count > number else { return }
    resting.sort { $0.since < $1.since }
    for (connection, _) in resting.prefix(resting.count - number) where await connection.closeIfIdle() {
      forget(connection)
    }
  }

  /// Closes every connection.
  public func close() async {
    await withTaskGroup(of: Void.self) { group in
      for connection in connections.withLock({ Array($0.values) }) {
        forget(connection)
        group.addTask { await connection.close() }
      }
    }
  }

  /// How many connections are kept in mind.
  var count: Int { connections.withLock { $0.count } }

  private func run(_ script: FarScript, at target: SSHTarget, limit: Duration) async throws -> FarAnswer {
    while true {
      let connection = connection(to: target)
      do {
        return try await connection.run(script, sudo: target.sudo, limit: limit)
      } catch is SSHConnection.Closed {
        // Somebody closed it after it was looked up.
        forget(connection)
      }
    }
  }

  private func forget(_ connection: SSHConnection) {
    connections.withLock { connections in
      if connections[connection.target] === connection { connections[connection.target] = nil }
    }
  }

  /// One for each account on a host, whether with sudo or without.
  private func connection(to target: SSHTarget) -> SSHConnection {
    var account = target
    account.sudo = false
    let (connection, isSurplus) = connections.withLock { connections in
      if let known = connections[account] { return (known, false) }
      let made = SSHConnection(account)
      connections[account] = made
      return (made, connections.count > Self.kept)
    }
    // In the middle of an update of thousands the first ones are not needed any more.
    if isSurplus { Task { await keepIdle() } }
    return connection
  }
}

/// Why there was no connection, for as long as one piece of work lasts: a host that hangs costs its limit once and not for
/// each file. Who tries again asks for a new access, and so begins without it.
private final class FailureMemory: Sendable {
  private static let limit = Duration.seconds(10)
  private let failed = Mutex<(failure: DeliveryFailure, at: ContinuousClock.Instant)?>(nil)

  func check() throws {
    if let found = failed.withLock({ $0 }), ContinuousClock.now - found.at < Self.limit { throw found.failure }
  }

  func remember(_ failure: DeliveryFailure) { failed.withLock { $0 = (failure, .now) } }
}
