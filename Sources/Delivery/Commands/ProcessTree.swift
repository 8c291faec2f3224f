import Foundation
import PKI

/// What the kernel tells of processes (proc_pid(5)).
enum ProcessTree {
  /// All processes that a process has started, and those that they have started.
  static func below(_ process: pid_t) -> [pid_t] {
    var found: [pid_t] = []
    var left = [process]
    while let next = left.popLast() {
      for thread in names(in: "/proc/\(next)/task") ?? [] {
        let text = KernelFile.text("/proc/\(next)/task/\(thread)/children") ?? ""
        let children = text.split(separator: " ").compactMap { pid_t($0) }
        found += children
        left += children
      }
    }
    return found
  }

  /// Whether there is such a process; one that has ended and was not collected yet counts, too.
  static func isThere(_ process: pid_t) -> Bool { kill(process, 0) == 0 || errno != ESRCH }

  /// The inodes of the sockets that a process holds open, by the numbers of their descriptors; nil where it is gone, or not all of
  /// them may be looked at.
  static func sockets(of process: pid_t) -> [String: UInt64]? {
    guard let names = names(in: "/proc/\(process)/fd") else { return nil }
    var found: [String: UInt64] = [:]
    for name in names {
      let inode = socket(name, of: process)
      // ENOENT: it was closed meanwhile.
      if inode == nil, errno == EACCES || errno == EPERM { return nil }
      found[name] = inode
    }
    return found
  }

  /// The inode in `socket:[…]`, which is where the descriptor of a socket leads to; nil for any other, and then errno tells
  /// whether it could be read.
  static func socket(_ descriptor: String, of process: pid_t) -> UInt64? {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
      errno = 0
      guard let start = buffer.baseAddress else { return nil }
      let path = "/proc/\(process)/fd/\(descriptor)"
      let count = start.withMemoryRebound(to: CChar.self, capacity: 64) { readlink(path, $0, 64) }
      let link = buffer.prefix(max(0, count))
      guard link.starts(with: "socket:[".utf8), link.last == UInt8(ascii: "]") else { return nil }
      return UInt64(String(decoding: link.dropFirst(8).dropLast(), as: UTF8.self))
    }
  }

  /// The names in a folder of the kernel's; nil where it cannot be read.
  private static func names(in folder: String) -> [String]? { try? Folder(realPath: folder).names() }
}
