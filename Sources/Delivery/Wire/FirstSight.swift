import Synchronization

/// Says once that each of several looks has found what it looks for, and goes on only to see that it lasts.
public final class FirstSight: Sendable {
  private let missing: Mutex<Int>
  private let whenSeen: @Sendable () -> Void

  /// - Parameters:
  ///   - looks: how many looks there are; each takes a ``look()``.
  ///   - whenSeen: called when the last of them has found it, once.
  public init(of looks: Int, whenSeen: @escaping @Sendable () -> Void) {
    missing = Mutex(looks)
    self.whenSeen = whenSeen
  }

  /// What one of the looks calls when it has found it; called again it does nothing.
  public func look() -> @Sendable () -> Void {
    let isSeen = Atomic(false)
    return { [self] in
      guard !isSeen.exchange(true, ordering: .relaxed) else { return }
      let isLast = missing.withLock { missing in
        missing -= 1
        return missing == 0
      }
      if isLast { whenSeen() }
    }
  }
}
