import Synchronization

/// Which header of a trusted proxy says for whom it asks. Only one is read: a proxy that writes the one passes the other on
/// as its client sent it.
public enum ForwardedHeader: String, Sendable, Hashable, CaseIterable {
  /// `X-Forwarded-For: client, proxy`, each hop appending the address that it was asked from.
  case xForwardedFor = "X-Forwarded-For"
  /// `Forwarded: for=client, for=proxy` (RFC 7239).
  case forwarded = "Forwarded"

  /// The hops in the order in which they were passed; nil for one that is no address, such as `unknown`.
  func hops(_ headers: Headers) -> [IPAddress?] {
    headers.all(rawValue).flatMap { value in
      // At every comma, quoted or not: no address has one, and a quotation mark that a client left open then spoils
      // nothing but what the client wrote itself.
      value.split(separator: ",", omittingEmptySubsequences: false).map { piece in
        let text = Headers.trimmed(String(piece))
        return self == .forwarded ? Self.element(text) : Self.node(text)
      }
    }
  }

  /// The `for` of one element: pairs, separated by semicolons (RFC 7239, section 4).
  private static func element(_ text: String) -> IPAddress? {
    var found: IPAddress?
    for pair in text.split(separator: ";", omittingEmptySubsequences: false) {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      guard Headers.trimmed(String(parts[0])).lowercased() == "for" else { continue }
      guard found == nil, let value = unquoted(Headers.trimmed(String(parts[1]))), let address = node(value) else {
        return nil
      }
      found = address
    }
    return found
  }

  /// A token, or what stands between quotation marks. No address needs a backslash, so one is not read.
  private static func unquoted(_ text: String) -> String? {
    let count = text.utf8.count { $0 == UInt8(ascii: "\"") }
    if count == 0 { return text }
    guard count == 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return nil }
    return String(text.dropFirst().dropLast())
  }

  /// An address with or without a port: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711` (section 6).
  private static func node(_ text: String) -> IPAddress? {
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return nil }
      let inner = String(text[text.index(after: text.startIndex)..<end])
      let rest = text[text.index(after: end)...]
      guard inner.contains(":"), rest.isEmpty || rest.first == ":" && isPort(rest.dropFirst()) else { return nil }
      return IPAddress(inner)
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count == 2 { return isPort(parts[1]) ? IPAddress(String(parts[0])) : nil }
    return IPAddress(text)
  }

  private static func isPort(_ text: Substring) -> Bool {
    (1...5).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
  }
}

/// Whose word counts on where a request comes from.
public struct ProxyTrust: Sendable, Hashable {
  /// The addresses of the proxies.
  public var ranges: [AddressRange]
  /// The header in which they say it.
  public var header: ForwardedHeader

  /// Trusts nobody unless ranges are given.
  public init(ranges: [AddressRange] = [], header: ForwardedHeader = .xForwardedFor) {
    self.ranges = ranges
    self.header = header
  }

  /// The address that a request comes from: the peer's, unless that is a trusted proxy's; then the last one in its header
  /// that is not. What stands before it was written by somebody whom nobody vouches for.
  ///
  /// Where a hop cannot be read, the proxy that passed it on is the last that is known.
  func client(peer: String, headers: Headers) -> String {
    guard !ranges.isEmpty, let address = IPAddress(peer), trusts(address) else { return peer }
    var found = address
    for hop in header.hops(headers).reversed() {
      guard let hop else { break }
      found = hop
      if !trusts(hop) { break }
    }
    return found.description
  }

  private func trusts(_ address: IPAddress) -> Bool { ranges.contains { $0.contains(address) } }
}

/// The trust of a running server, which may be changed while it runs.
public final class TrustedProxies: Sendable {
  private let trust: Mutex<ProxyTrust>

  /// Begins with a trust; by default nobody's word counts and forwarded headers are ignored.
  public init(_ trust: ProxyTrust = ProxyTrust()) { self.trust = Mutex(trust) }

  /// What holds for requests that come from now on.
  public var current: ProxyTrust {
    get { trust.withLock { $0 } }
    set { trust.withLock { $0 = newValue } }
  }
}
