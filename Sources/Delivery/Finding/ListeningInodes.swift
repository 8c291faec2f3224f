import CSpawn
import Glibc

extension ListeningSockets {
  /// The inodes of the sockets of this machine's network that listen at some ports; nil where the kernel does not tell. It is asked
  /// each time that a server is told to reload: its tables would have to be read to their ends, with thousands of connections
  /// in them that nobody uses any more.
  static func inodes(at ports: Set<UInt16>) -> Set<UInt64>? {
    let wanted = Array(ports)
    var found: Set<UInt64> = []
    for family in [AF_INET, AF_INET6] {
      var inodes = [UInt64](repeating: 0, count: 64 * max(1, wanted.count))
      let count = reroot_listening(family, wanted, wanted.count, &inodes, inodes.count)
      guard count >= 0 else { return nil }
      found.formUnion(inodes.prefix(count))
    }
    return found
  }
}
