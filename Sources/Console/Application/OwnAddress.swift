import HTTP
import PKI
import Rotation

/// Where people reach this console, for links that they are given. The header `Host` is the client's word, so a link is made
/// of it only where it names this very console: whoever follows a link elsewhere gives away what it opens.
enum OwnAddress {
  /// The address that is set, or the one that the request was sent to where that is one of the console's names, or the first
  /// of those names.
  ///
  /// - Returns: such as `https://reroot.example.net:8443`.
  static func of(_ request: Request, _ services: Services) async throws -> String {
    let set = try await NotificationSettings.read(services.store).value(.consoleAddress)
    if !set.isEmpty { return set }
    return address(sentTo: request.headers.first("host"), names: names(services.https), port: services.https.port)
  }

  /// The same without a setting.
  ///
  /// - Parameters:
  ///   - host: what the client says whom it asks.
  ///   - names: what the console is called. Those with a wildcard are passed over: it stands for names that others have.
  ///   - port: where the console listens; nil where that is not known. A server of somebody else may be at another port of
  ///     the same machine. None in `host` is 443, where a proxy passes requests on.
  static func address(sentTo host: String?, names: [SubjectName], port: UInt16?) -> String {
    let names = names.filter { !$0.text.hasPrefix("*") }
    if let host, let asked = parts(of: host), asked.port == nil || asked.port == port,
      names.contains(where: { $0.covers(asked.name) })
    {
      return "https://\(host)"
    }
    let own = names.first?.text ?? "localhost"
    return "https://\(own.contains(":") ? "[\(own)]" : own)" + (port.map { ":\($0)" } ?? "")
  }

  /// What it is called: by the certificate that it serves, and by what it would have in one of its own making.
  private static func names(_ https: HTTPSKeeper) -> [SubjectName] {
    let served = (https.current.chain.first?.subjectAlternativeNames ?? []).compactMap { text -> SubjectName? in
      if text.hasPrefix("DNS:") { return .dns(text.dropFirst(4).lowercased()) }
      return text.hasPrefix("IP:") ? .ip(String(text.dropFirst(3))) : nil
    }
    return served + https.names.map { SubjectName(text: $0.text) }
  }

  /// The host and its port (RFC 3986, section 3.2); nil where it is neither.
  private static func parts(of authority: String) -> (name: String, port: UInt16?)? {
    let end = authority.last == "]" ? nil : authority.lastIndex(of: ":")
    let digits = end.map { authority[authority.index(after: $0)...] } ?? ""
    let port = digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt16(digits) : nil
    guard end == nil || port != nil else { return nil }
    let name = authority[..<(end ?? authority.endIndex)]
    let isBracketed = name.hasPrefix("[") && name.hasSuffix("]")
    return (isBracketed ? String(name.dropFirst().dropLast()) : String(name), port)
  }
}
