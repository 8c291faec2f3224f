import Foundation

/// The processes that took a server's connections before it was told to reload: the workers of a master such as nginx's.
///
/// A server that reloads lets them go on for a moment beside the new ones, so that one look may meet the new certificate and
/// the next one the old. Once none of them has the listening socket any more, none takes connections.
public struct FormerWorkers: Sendable {
  private struct Worker {
    let process: pid_t
    /// The inodes of its listening sockets.
    let sockets: Set<UInt64>
    /// The numbers of their descriptors.
    let descriptors: [String]

    /// One that cannot be looked at counts as listening.
    var isListening: Bool {
      let isAsBefore = descriptors.contains { descriptor in
        ProcessTree.socket(descriptor, of: process).map(sockets.contains) ?? false
      }
      // It may have them under other numbers; but to look at all that a busy worker has takes its time.
      if isAsBefore { return true }
      guard let now = ProcessTree.sockets(of: process) else { return ProcessTree.isThere(process) }
      return !sockets.isDisjoint(with: now.values)
    }
  }

  private let master: pid_t
  private let reload: Int
  private let workers: [Worker]

  /// The processes below one that listen at one of the ports; nil where there are none, or where one cannot be looked at: then
  /// it may be somebody else who answers. Blocking, for a moment.
  ///
  /// - Parameters:
  ///   - process: the one that is told to reload next.
  ///   - ports: at which it is looked at.
  ///   - reload: the number that ``Reloads`` has given.
  init?(below process: pid_t, ports: Set<UInt16>, reload: Int) {
    // A process with a network of its own has other sockets.
    guard let listening = ListeningSockets.inodes(at: ports), !listening.isEmpty else { return nil }
    var workers: [Worker] = []
    for worker in ProcessTree.below(process) {
      guard let sockets = ProcessTree.sockets(of: worker) else {
        if ProcessTree.isThere(worker) { return nil }
        continue
      }
      let own = sockets.filter { listening.contains($0.value) }
      guard !own.isEmpty else { continue }
      workers.append(Worker(process: worker, sockets: Set(own.values), descriptors: Array(own.keys)))
    }
    guard !workers.isEmpty else { return nil }
    (master, self.reload, self.workers) = (process, reload, workers)
  }

  /// Whether none of them listens any more. Blocking, for a moment.
  var areGone: Bool {
    guard !workers.contains(where: \.isListening) else { return false }
    Reloads.common.end(reload, of: master)
    return true
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
