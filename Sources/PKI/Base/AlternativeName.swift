import Foundation

/// A subject alternative name of a component: a host name or an IP address.
public enum AlternativeName: Sendable, Hashable, Codable {
  /// A host name in ASCII, lower case; the first label may be `*`.
  case dns(String)
  /// An IPv4 or IPv6 address in its usual text form.
  case ip(String)

  /// Reads what an administrator typed. An address becomes `ip`, anything else has to be a host name.
  ///
  /// Throws `NAME_INVALID` with a sentence that names the rule (RFC 5280 4.2.1.6, RFC 1123 2.1).
  public init(parsing text: String) throws {
    if let octets = Self.octets(of: text), let canonical = Self.addressText(octets) {
      self = .ip(canonical)
    } else {
      self = .dns(try Self.checkedHostName(text))
    }
  }

  /// The name without its kind.
  public var text: String {
    switch self {
    case .dns(let name): name
    case .ip(let address): address
    }
  }

  /// The 4 or 16 bytes of an address in network order; nil for a host name or for text that is no address.
  public var octets: [UInt8]? {
    guard case .ip(let address) = self else { return nil }
    return Self.octets(of: address)
  }

  private static func checkedHostName(_ text: String) throws -> String {
    func refuse(_ rule: String) -> PKIError {
      PKIError(code: "NAME_INVALID", sentence: "“\(VisibleText.of(text, limit: 253))” is not a host name: \(rule)")
    }
    let name = text.lowercased()
    guard !name.isEmpty else { throw PKIError(code: "NAME_INVALID", sentence: "Give a host name or an IP address.") }
    guard name.utf8.count <= 253 else { throw refuse("it is longer than 253 characters.") }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    for (index, label) in labels.enumerated() {
      if label == "*", index == 0, labels.count > 2 { continue }
      guard !label.isEmpty else { throw refuse("it has an empty part between its dots.") }
      guard label.utf8.count <= 63 else { throw refuse("the part “\(label)” is longer than 63 characters.") }
      guard label.utf8.allSatisfy({ isHostNameCharacter($0) }) else {
        throw refuse(
          "only letters a–z, digits, hyphens and dots are allowed; write an international name in its xn-- form, "
            + "and * only as the first of three parts or more.")
      }
      guard label.first != "-", label.last != "-" else { throw refuse("no part may begin or end with a hyphen.") }
    }
    if let last = labels.last, last.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      throw refuse("its last part is a number, so it looks like an IP address with a mistake in it.")
    }
    return name
  }

  private static func isHostNameCharacter(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x5F
  }

  static func octets(of text: String) -> [UInt8]? {
    // inet_pton stops at a NUL, so a longer text must not pass for the address before it.
    guard !text.utf8.contains(0) else { return nil }
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
    return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
  }

  static func addressText(_ octets: [UInt8]) -> String? {
    guard octets.count == 4 || octets.count == 16 else { return nil }
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = octets.count == 4 ? AF_INET : AF_INET6
    guard inet_ntop(family, octets, &buffer, socklen_t(buffer.count)) != nil else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension AlternativeName: CustomStringConvertible {
  /// `DNS:…` or `IP:…`, the form of `Certificate.subjectAlternativeNames`.
  public var description: String {
    switch self {
    case .dns(let name): "DNS:\(name)"
    case .ip(let address): "IP:\(address)"
    }
  }
}
