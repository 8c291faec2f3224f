import Foundation
import Synchronization

/// The commands that run now, so that none goes on when the program ends.
public enum RunningCommands {
  private static let groups = Mutex<[ObjectIdentifier: ProcessGroup]>([:])

  /// Tells every running command, with all that it started, to end.
  public static func end() {
    for group in groups.withLock({ Array($0.values) }) { group.signal(SIGTERM) }
  }

  static func add(_ group: ProcessGroup) { groups.withLock { $0[ObjectIdentifier(group)] = group } }

  static func remove(_ group: ProcessGroup) { groups.withLock { $0[ObjectIdentifier(group)] = nil } }
}
