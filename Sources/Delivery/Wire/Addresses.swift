import Foundation

/// The addresses of a host name.
enum Addresses {
  /// Every address that the name has, in text, each once. Blocking, for as long as the resolver takes.
  static func of(_ host: String) throws -> [String] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, nil, &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    guard status == 0 else {
      let reason = status == EAI_SYSTEM ? String(cString: strerror(errno)) : String(cString: gai_strerror(status))
      throw unresolved(host, reason)
    }
    var found: [String] = []
    var next = list
    while let entry = next {
      next = entry.pointee.ai_next
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      guard
        getnameinfo(
          entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
      else { continue }
      let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if !found.contains(address) { found.append(address) }
    }
    guard !found.isEmpty else { throw unresolved(host, "it has no address") }
    return found
  }

  static func unresolved(_ host: String, _ reason: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "NAME_NOT_RESOLVED", sentence: "The host name \(host) cannot be resolved: \(reason).",
      advice: "Correct the host in the component's endpoints, or the name service of the machine that Reroot runs on.")
  }
}
