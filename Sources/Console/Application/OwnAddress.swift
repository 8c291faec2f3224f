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
    let names = names(services.https)
    if let host = request.headers.first("host"), let name = name(of: host), names.contains(where: { $0.covers(name) }) {
      return "https://\(host)"
    }
    let own = names.first { !$0.text.hasPrefix("*") }?.text ?? "localhost"
    return "https://\(own.contains(":") ? "[\(own)]" : own):\(services.https.port.map(String.init) ?? "")"
  }

  /// What it is called: by the certificate that it serves, and by what it would have in one of its own making.
  private static func names(_ https: HTTPSKeeper) -> [SubjectName] {
    let served = (https.current.chain.first?.subjectAlternativeNames ?? []).compactMap { text -> SubjectName? in
      if text.hasPrefix("DNS:") { return .dns(text.dropFirst(4).lowercased()) }
      return text.hasPrefix("IP:") ? .ip(String(text.dropFirst(3))) : nil
    }
    return served + https.names.map { SubjectName(text: $0.text) }
  }

  /// The host without its port (RFC 3986, section 3.2); nil where that is none.
  private static func name(of authority: String) -> String? {
    let end = authority.last == "]" ? nil : authority.lastIndex(of: ":")
    let port = end.map { authority[authority.index(after: $0)...] } ?? ""
    guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), end == nil || UInt16(port) ?? 0 > 0 else { return nil }
    let name = authority[..<(end ?? authority.endIndex)]
    return name.hasPrefix("[") && name.hasSuffix("]") ? String(name.dropFirst().dropLast()) : String(name)
  }
}
