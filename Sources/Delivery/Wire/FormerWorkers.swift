import Foundation

/// The processes that took a server's connections before it was told to reload: the workers of a master such as nginx's.
///
/// A server that reloads lets them go on for a moment beside the new ones, so that one look may meet the new certificate and
/// the next one the old. Once none of them has a socket of its master's any more, none takes connections.
public struct FormerWorkers: Sendable {
  private let workers: [(process: pid_t, sockets: Set<UInt64>)]

  /// The processes below one that share sockets with it, as those that listen for it do; nil where there are none, or where they
  /// cannot be seen: then the process itself may be who answers. Blocking, for a moment.
  ///
  /// - Parameter process: the one that is about to be told to reload.
  init?(below process: pid_t) {
    let below = ProcessTree.below(process)
    guard !below.isEmpty, let shared = ProcessTree.sockets(of: process), !shared.isEmpty else { return nil }
    workers = below.compactMap { worker in
      guard let sockets = ProcessTree.sockets(of: worker)?.intersection(shared), !sockets.isEmpty else { return nil }
      return (worker, sockets)
    }
    if workers.isEmpty { return nil }
  }

  /// Whether none of them has such a socket any more. One that cannot be looked at counts as having it. Blocking, for a moment.
  var areGone: Bool {
    workers.allSatisfy { worker in
      guard let sockets = ProcessTree.sockets(of: worker.process) else {
        return kill(worker.process, 0) != 0 && errno == ESRCH
      }
      return sockets.isDisjoint(with: worker.sockets)
    }
  }

  /// Waits until they are gone, as they usually soon are: before that a look costs the server more than it tells.
  public func waitAtFirst() async { await Self.wait(for: self, atMost: .milliseconds(200)) }

  /// Waits until none of them takes connections any more, but no longer than the limit, which is what is waited where nothing is
  /// known of them.
  static func wait(for former: FormerWorkers?, atMost limit: Duration) async {
    let end = ContinuousClock.now + limit
    while !Task.isCancelled, former?.areGone != true, ContinuousClock.now < end {
      try? await Task.sleep(until: former == nil ? end : min(end, .now + pause))
    }
  }

  private static let pause = Duration.milliseconds(20)
}
