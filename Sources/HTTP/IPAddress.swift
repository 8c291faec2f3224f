import Glibc

/// An IPv4 or IPv6 address. An IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`, RFC 4291, section
/// 2.5.5.2) is the IPv4 one, as a socket that takes both writes it so.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
  /// Four bytes or sixteen, the most significant first.
  let bytes: [UInt8]

  /// Reads the numeric form, without brackets, port or zone; nil for anything else.
  public init?(_ text: String) {
    // inet_pton() would stop at a NUL and take what comes before it.
    guard text.utf8.allSatisfy(Self.mayBeInAddress) else { return nil }
    if let four = Self.read(text, AF_INET, count: 4) {
      bytes = four
    } else if let sixteen = Self.read(text, AF_INET6, count: 16) {
      let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
      bytes = Array(sixteen.prefix(12)) == mapped ? Array(sixteen.suffix(4)) : sixteen
    } else {
      return nil
    }
  }

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// Whether it is of the machine itself (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3).
  public var isLoopback: Bool {
    bytes.count == 4 ? bytes.first == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1]
  }

  /// The usual numeric form (RFC 5952).
  public var description: String {
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &buffer, socklen_t(buffer.count)) != nil else {
      return ""
    }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Whom one customer of a network usually has for himself: the address for IPv4, its /64 for IPv6 (RFC 6177).
  public var neighbourhood: String {
    bytes.count == 4 ? description : IPAddress(bytes: masked(64)).description + "/64"
  }

  /// The bytes with everything after the first bits set to 0.
  func masked(_ bits: Int) -> [UInt8] {
    bytes.enumerated().map { index, byte in
      let kept = min(8, max(0, bits - index * 8))
      return kept == 0 ? 0 : byte & (0xFF << UInt8(8 - kept))
    }
  }

  private static func mayBeInAddress(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x46, 0x61...0x66, UInt8(ascii: ":"), UInt8(ascii: "."): true
    default: false
    }
  }

  private static func read(_ text: String, _ family: Int32, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    return inet_pton(family, text, &bytes) == 1 ? bytes : nil
  }
}

/// All addresses that begin with the same bits, written as CIDR (RFC 4632): `10.0.0.0/8`, `2001:db8::/32`, or one address.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
  private let first: IPAddress
  private let bits: Int

  /// Why a text is no range, in a sentence.
  public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, and what to write instead.
    public let sentence: String
    /// The sentence.
    public var description: String { sentence }

    /// Says what is wrong.
    public init(sentence: String) { self.sentence = sentence }
  }

  /// Reads a range. Throws when it is none, when bits are set beyond its prefix, and for one that holds every address.
  public init(_ text: String) throws(Problem) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let shown = RequestProblem.quoted(text)
    guard let part = parts.first, let address = IPAddress(String(part)), parts.count <= 2 else {
      throw Problem(
        sentence: "\(shown) is no address and no range of addresses. Write one such as 192.0.2.7, 10.0.0.0/8 or "
          + "2001:db8::/32.")
    }
    let most = address.bytes.count * 8
    guard parts.count == 2 else {
      (first, bits) = (address, most)
      return
    }
    let digits = parts[1]
    guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let bits = Int(digits), (1...most).contains(bits)
    else {
      throw Problem(sentence: "The prefix of \(shown) must be a number of bits from 1 to \(most).")
    }
    let start = IPAddress(bytes: address.masked(bits))
    guard start == address else {
      throw Problem(sentence: "\(shown) has bits beyond its prefix. Write \(start)/\(bits).")
    }
    (first, self.bits) = (address, bits)
  }

  /// Whether the address is one of the range.
  public func contains(_ address: IPAddress) -> Bool {
    address.bytes.count == first.bytes.count && address.masked(bits) == first.bytes
  }

  /// As it is written: one address without a prefix.
  public var description: String { bits == first.bytes.count * 8 ? "\(first)" : "\(first)/\(bits)" }
}
