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

  /// The inodes of the sockets that a process holds open; nil where it is gone or may not be looked at.
  static func sockets(of process: pid_t) -> Set<UInt64>? {
    let folder = "/proc/\(process)/fd"
    guard let names = names(in: folder) else { return nil }
    return Set(names.compactMap { socket(in: "\(folder)/\($0)") })
  }

  /// The inode in `socket:[…]`, which is where the descriptor of a socket leads to.
  private static func socket(in descriptor: String) -> UInt64? {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
      guard let start = buffer.baseAddress else { return nil }
      let count = start.withMemoryRebound(to: CChar.self, capacity: 64) { readlink(descriptor, $0, 64) }
      let link = buffer.prefix(max(0, count))
      guard link.starts(with: "socket:[".utf8), link.last == UInt8(ascii: "]") else { return nil }
      return UInt64(String(decoding: link.dropFirst(8).dropLast(), as: UTF8.self))
    }
  }

  /// The names in a folder of the kernel's; nil where it cannot be read.
  private static func names(in folder: String) -> [String]? { try? Folder(realPath: folder).names() }
}
