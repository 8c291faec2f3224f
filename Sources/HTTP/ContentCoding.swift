import CZlib

/// The one content coding that is sent: gzip (RFC 9110, section 8.4.1.3).
///
/// Only for files that are the same for everybody. Pages are sent as they are: they hold what a visitor has typed beside the
/// token of a session, and the length of the two compressed together tells something of the token (“BREACH”, CVE-2013-3587).
enum ContentCoding {
  /// The bytes compressed; nil where that saves nothing worth the trouble.
  static func gzip(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count >= smallest else { return nil }
    let made = [UInt8](unsafeUninitializedCapacity: reroot_gzip_bound(bytes.count)) { room, count in
      count = reroot_gzip(bytes, bytes.count, room.baseAddress, room.count)
    }
    return made.isEmpty || made.count > bytes.count * 9 / 10 ? nil : made
  }

  /// What fits into one packet anyway is sent as it is.
  private static let smallest = 1_000

  /// Whether a client takes gzip by its `Accept-Encoding` (RFC 9110, section 12.5.3).
  static func takesGzip(_ headers: Headers) -> Bool {
    let offers = headers.all("accept-encoding").flatMap { $0.split(separator: ",") }.map { offer in
      let parts = offer.split(separator: ";").map { Headers.trimmed(String($0)).lowercased() }
      return (coding: parts.first ?? "", isRefused: parts.dropFirst().contains { $0.hasPrefix("q=0") && isZero($0) })
    }
    let own = offers.first { $0.coding == "gzip" || $0.coding == "x-gzip" }
    return (own ?? offers.first { $0.coding == "*" }).map { !$0.isRefused } ?? false
  }

  /// Whether a weight such as `q=0.000` is zero.
  private static func isZero(_ weight: String) -> Bool { weight.dropFirst(2).allSatisfy { $0 == "0" || $0 == "." } }
}
