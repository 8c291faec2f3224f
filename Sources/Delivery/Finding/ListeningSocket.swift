import Foundation
import PKI

/// A TCP socket of this machine that takes connections.
public struct ListeningSocket: Sendable, Hashable {
  /// The local address in text; `0.0.0.0` or `::` for all.
  public var address: String
  /// The port.
  public var port: UInt16
  /// The name of the program that holds it, where that may be read.
  public var process: String?

  /// Describes a socket.
  public init(address: String, port: UInt16, process: String? = nil) {
    self.address = address
    self.port = port
    self.process = process
  }
}

/// Reads the listening sockets of this machine from the kernel's tables (proc_net(5)).
public enum ListeningSockets {
  /// All of them, ordered by port. Blocking. A table that cannot be read counts as empty.
  public static func all() -> [ListeningSocket] {
    var rows: [Row] = []
    for (file, isIPv6) in [("/proc/net/tcp", false), ("/proc/net/tcp6", true)] {
      rows += KernelFile.text(file).map { parse($0, isIPv6: isIPv6) } ?? []
    }
    let processes = processes(holding: Set(rows.map(\.inode)))
    return rows.map { ListeningSocket(address: $0.address, port: $0.port, process: processes[$0.inode]) }
      .sorted { ($0.port, $0.address) < ($1.port, $1.address) }
  }

  /// The places of sockets, each once; those that cannot be looked at more than at once are left out.
  public static func places(_ sockets: [ListeningSocket]) -> [Place] {
    let overIPv4 = Dictionary(grouping: sockets.filter { !$0.address.contains(":") }, by: \.port)
    var seen: Set<String> = []
    return sockets.compactMap { place($0, beside: overIPv4[$0.port] ?? []) }.filter { seen.insert($0.address).inserted }
  }

  /// Where a socket is reached from this machine; nil for the other half of a program's pair of `0.0.0.0` and `::`.
  ///
  /// A socket at `::` takes IPv4 connections too, unless it says otherwise (ipv6(7)), which the kernel's tables do not tell;
  /// where another socket has the port over IPv4, it does not.
  private static func place(_ socket: ListeningSocket, beside overIPv4: [ListeningSocket]) -> Place? {
    var place = Place(host: socket.address, port: socket.port, process: socket.process)
    switch socket.address {
    case "0.0.0.0": place.host = "127.0.0.1"
    case "::" where overIPv4.isEmpty:
      place.host = "127.0.0.1"
      place.otherHost = "::1"
    case "::":
      if overIPv4.contains(where: { $0.address == "0.0.0.0" && $0.process == socket.process }) { return nil }
      place.host = "::1"
    default: break
    }
    return place
  }

  struct Row: Hashable {
    var address: String
    var port: UInt16
    var inode: UInt64
  }

  /// The listening rows of a table: `local_address` is the second word, `st` (0A is listening) the fourth, `inode` the
  /// tenth.
  static func parse(_ table: String, isIPv6: Bool) -> [Row] {
    table.split(separator: "\n").dropFirst().compactMap { line in
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      guard words.count >= 10, words[3] == "0A", let inode = UInt64(words[9]) else { return nil }
      let local = words[1].split(separator: ":")
      guard local.count == 2, let port = UInt16(local[1], radix: 16),
        let address = address(local[0], isIPv6: isIPv6)
      else { return nil }
      return Row(address: address, port: port, inode: inode)
    }
  }

  /// The kernel writes each word of 32 bits as a number of this machine's byte order.
  private static func address(_ hex: Substring, isIPv6: Bool) -> String? {
    guard hex.utf8.count == (isIPv6 ? 32 : 8) else { return nil }
    var bytes: [UInt8] = []
    var rest = hex
    while !rest.isEmpty {
      guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
      withUnsafeBytes(of: word) { bytes += $0 }
      rest = rest.dropFirst(8)
    }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, &text, socklen_t(text.count)) != nil else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The names of the programs that hold sockets, by the sockets' inodes; without those that this user may not see.
  private static func processes(holding inodes: Set<UInt64>) -> [UInt64: String] {
    var found: [UInt64: String] = [:]
    for process in ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap({ pid_t($0) }) {
      for inode in (ProcessTree.sockets(of: process) ?? [:]).values where inodes.contains(inode) && found[inode] == nil
      {
        guard let name = KernelFile.text("/proc/\(process)/comm") else { continue }
        found[inode] = name.prefix(64).trimmingCharacters(in: .newlines)
      }
    }
    return found
  }
}
