import Glibc

/// The memory that the C library keeps of what was given back to it.
///
/// A plan of thousands of components is made, written and read in steps that take hundreds of megabytes for a moment. What
/// is free afterwards stays the process's own unless the C library is told.
public enum HeapMemory {
  /// Sets once, before there are threads, that large pieces are taken from the system and given back to it one by one, and
  /// that threads share few heaps (mallopt(3)): by default each piece that is given back raises the size from which on that
  /// is done, up to 32 MB, and there are eight heaps for each core.
  public static func settle() {
    guard let set = function("mallopt", as: (@convention(c) (Int32, Int32) -> Int32).self) else { return }
    for (parameter, value) in [(mmapThreshold, 512 << 10), (trimThreshold, 1 << 20), (arenaMax, 4)] {
      _ = set(parameter, Int32(value))
    }
  }

  /// Gives back what is free. It takes some milliseconds, during which nobody else gets memory, so it belongs behind
  /// something large only.
  public static func giveBack() {
    _ = function("malloc_trim", as: (@convention(c) (Int) -> Int32).self)?(0)
  }

  // `malloc.h`, which Swift's Glibc leaves out.
  private static let mmapThreshold: Int32 = -3
  private static let trimThreshold: Int32 = -1
  private static let arenaMax: Int32 = -8

  /// A function of the C library; nil with another one, which needs none of this.
  private static func function<Function>(_ name: String, as type: Function.Type) -> Function? {
    // dlsym(3) gives addresses without types; the types above are those of mallopt(3) and malloc_trim(3).
    dlsym(nil, name).map { unsafeBitCast($0, to: type) }
  }
}
