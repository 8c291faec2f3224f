import PKI
import Rotation

/// One line of a list of places, taken apart.
struct PlaceLine {
  private let hosts: String
  private let ports: String?
  private let number: Int

  init(_ text: String, number: Int) throws {
    self.number = number
    if text.contains("://") {
      throw PlaceProblem(
        sentence: "Line \(number): leave out what stands before “://”; give a host, and perhaps a port.")
    }
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      let rest = text[text.index(after: end)...]
      hosts = String(text[text.index(after: text.startIndex)..<end])
      guard rest.isEmpty || rest.hasPrefix(":") else {
        throw PlaceProblem(sentence: "Line \(number): write a port behind an address in brackets as [::1]:443.")
      }
      ports = rest.isEmpty ? nil : String(rest.dropFirst())
    } else if text.filter({ $0 == ":" }).count == 1, let colon = text.firstIndex(of: ":") {
      hosts = String(text[..<colon])
      ports = String(text[text.index(after: colon)...])
    } else {
      // No colon, or an IPv6 address without brackets.
      hosts = text
      ports = nil
    }
  }

  /// The hosts and the ports; at most so many of each.
  func expanded(_ usualPorts: [UInt16], room: Int) throws -> (hosts: [String], ports: [UInt16]) {
    (try expandedHosts(room), try ports.map { try expandedPorts($0, room) } ?? usualPorts)
  }

  // MARK: Ports

  private func expandedPorts(_ text: String, _ room: Int) throws -> [UInt16] {
    var found: [UInt16] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map(port)
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last else {
        throw problem("“\(shown(String(part)))” is no port; give one from 1 to 65535, or two with a hyphen.")
      }
      guard found.count + Int(last - first) < room else { throw problem("these are more than \(room) ports.") }
      found += first...last
    }
    return found
  }

  private func port(_ text: Substring) -> UInt16? {
    guard text.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(text), port > 0 else { return nil }
    return port
  }

  // MARK: Hosts

  private func expandedHosts(_ room: Int) throws -> [String] {
    if let slash = hosts.firstIndex(of: "/") {
      return try block(String(hosts[..<slash]), hosts[hosts.index(after: slash)...], room)
    }
    if let hyphen = hosts.firstIndex(of: "-"), let first = Self.number(of: String(hosts[..<hyphen])) {
      return try range(first, hosts[hosts.index(after: hyphen)...], room)
    }
    let problems = Endpoint(host: hosts, port: 1).problems()
    if let first = problems.first { throw problem(first.sentence) }
    return [hosts.lowercased()]
  }

  /// All hosts of an IPv4 block, without its first and its last address, which are no host's (RFC 4632, section 3.1),
  /// unless it has no others (RFC 3021).
  private func block(_ base: String, _ length: Substring, _ room: Int) throws -> [String] {
    guard let address = Self.number(of: base), length.allSatisfy({ $0.isASCII && $0.isNumber }),
      let bits = UInt32(length), bits <= 32
    else { throw problem("“\(shown(hosts))” is no IPv4 block; write one as 192.0.2.0/28.") }
    guard bits >= 20 else { throw problem("a block may have at most 4,096 addresses; write /20 or a longer prefix.") }
    let size = UInt64(1) << (32 - bits)
    let first = UInt64(address) & ~(size - 1)
    let numbers = size > 2 ? first + 1...first + size - 2 : first...first + size - 1
    guard numbers.count <= room else { throw problem("these are more than \(room) addresses.") }
    return numbers.map { Self.text(UInt32($0)) }
  }

  private func range(_ first: UInt32, _ end: Substring, _ room: Int) throws -> [String] {
    let last = Self.number(of: String(end)) ?? UInt8(end).map { first & 0xFFFF_FF00 | UInt32($0) }
    guard let last, last >= first else {
      throw problem("“\(shown(hosts))” is no range; write one as 192.0.2.1-20 or 192.0.2.1-192.0.2.20.")
    }
    guard last - first < UInt32(room) else { throw problem("these are more than \(room) addresses.") }
    return (first...last).map(Self.text)
  }

  private static func number(of address: String) -> UInt32? {
    guard case .ip = SubjectName(text: address), !address.contains(":") else { return nil }
    return address.split(separator: ".").compactMap { UInt32($0) }.reduce(0) { $0 << 8 | $1 }
  }

  private static func text(_ number: UInt32) -> String {
    [24, 16, 8, 0].map { String(number >> UInt32($0) & 0xFF) }.joined(separator: ".")
  }

  private func problem(_ sentence: String) -> PlaceProblem { PlaceProblem(sentence: "Line \(number): \(sentence)") }

  private func shown(_ text: String) -> String { VisibleText.of(text, limit: 60) }
}
