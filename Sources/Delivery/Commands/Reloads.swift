import Glibc
import Synchronization

/// Which processes were told to reload lately. While one reload goes on nobody can tell which workers a further one will find:
/// a master starts and ends them one reload after the other.
final class Reloads: Sendable {
  static let common = Reloads()

  private struct Reload {
    let number: Int
    let begun: ContinuousClock.Instant
    var isOver = false
  }

  private let last = Mutex<(number: Int, of: [pid_t: Reload])>((0, [:]))
  /// No reload takes longer.
  private static let longest = Duration.seconds(10)

  /// Notes that a process is about to be told to reload.
  ///
  /// - Returns: the number of this reload; nil where one before may be going on still.
  func begin(_ process: pid_t, at now: ContinuousClock.Instant = .now) -> Int? {
    last.withLock { last in
      last.of = last.of.filter { now - $0.value.begun < Self.longest }
      last.number += 1
      let previous = last.of.updateValue(Reload(number: last.number, begun: now), forKey: process)
      return previous.map(\.isOver) ?? true ? last.number : nil
    }
  }

  /// Notes that a reload is over, as is seen when the workers from before it are gone.
  func end(_ number: Int, of process: pid_t) {
    last.withLock { last in
      if last.of[process]?.number == number { last.of[process]?.isOver = true }
    }
  }
}
