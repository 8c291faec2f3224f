import Glibc

/// Milliseconds of the clock that nobody sets: eight bytes for each connection instead of an `Instant`'s sixteen.
struct MonotonicTime: Sendable, Comparable {
  let milliseconds: Int64

  static var now: MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  func since(_ earlier: MonotonicTime) -> Duration { .milliseconds(milliseconds - earlier.milliseconds) }

  static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.milliseconds < right.milliseconds }
  static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
    MonotonicTime(milliseconds: time.milliseconds + duration.milliseconds)
  }
}

extension Duration {
  var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
