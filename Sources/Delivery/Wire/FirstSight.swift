import Synchronization

/// Says once that each of several looks has found what it looks for, and goes on only to see that it lasts.
public final class FirstSight: Sendable {
  private let missing: Mutex<Int>
  private let whenSeen: @Sendable () -> Void

  /// - Parameters:
  ///   - looks: how many looks there are; each says ``seen()`` once.
  ///   - whenSeen: called by the last of them, once.
  public init(of looks: Int, whenSeen: @escaping @Sendable () -> Void) {
    missing = Mutex(looks)
    self.whenSeen = whenSeen
  }

  /// One of the looks has found it.
  public func seen() {
    let isLast = missing.withLock { missing in
      missing -= 1
      return missing == 0
    }
    if isLast { whenSeen() }
  }
}
