import Foundation
import HTTP
import Store

/// Which reverse proxies are trusted to say for whom they ask: those of the command line, for as long as the server runs, and
/// those of the page Settings.
///
/// Of what a proxy forwards, only the client's address is used. The console serves HTTPS itself, its links name no host, and
/// its cookies are bound to the name that the browser sees, so no protocol and no host are taken from a header.
final class ProxySettings: Sendable {
  /// What the server asks at each request.
  let trusted: TrustedProxies
  /// The proxies of the command line.
  let given: [AddressRange]
  /// The header that the command line names.
  let givenHeader: ForwardedHeader?
  private let store: Store

  static let rangesKey = "trusted_proxies"
  static let headerKey = "forwarded_header"

  init(store: Store, given: [AddressRange], header: ForwardedHeader?) async throws {
    (self.store, self.given, givenHeader) = (store, given, header)
    trusted = TrustedProxies()
    try await takeWhatIsKept()
  }

  /// Takes what is kept, until that is still so afterwards: of two who save at once, whoever takes last has seen both.
  func takeWhatIsKept() async throws {
    var (taken, kept) = (trusted.current, try await self.kept())
    while taken != kept {
      trusted.current = kept
      (taken, kept) = (kept, try await self.kept())
    }
  }

  private func kept() async throws -> ProxyTrust {
    // It was checked before it was kept; what another version understood otherwise is trusted no more.
    let ranges = (try? Self.ranges(try await SettingsDesk.value(.trustedProxies, store)).get()) ?? []
    let header = ForwardedHeader(rawValue: try await SettingsDesk.value(.forwardedHeader, store))
    return ProxyTrust(ranges: given + ranges, header: givenHeader ?? header ?? .xForwardedFor)
  }

  /// The ranges of a text, which are separated by line breaks, commas or spaces; or what is wrong with the first that is none.
  static func ranges(_ text: String) -> Result<[AddressRange], AddressRange.Problem> {
    let words = text.split { $0.isWhitespace || $0 == "," }
    guard words.count <= 64 else {
      return .failure(.init(sentence: "Give at most 64 addresses and ranges."))
    }
    return Result { () throws(AddressRange.Problem) in
      var ranges: [AddressRange] = []
      for word in words { ranges.append(try AddressRange(String(word))) }
      return ranges
    }
  }
}
