/// The cookies that say who somebody is. `__Host-` ties them to this host, to HTTPS and to the whole site (RFC 6265bis,
/// section 4.1.3.2).
enum SessionCookie {
  /// The session's token.
  static let name = "__Host-reroot"
  /// A token for the forms before a session exists.
  static let visitName = "__Host-reroot-visit"

  private static let attributes = "Path=/; Secure; HttpOnly; SameSite=Strict"

  static func setting(_ token: String) -> String { "\(name)=\(token); \(attributes)" }
  static func settingVisit(_ token: String) -> String { "\(visitName)=\(token); \(attributes)" }
  static let removal = "\(name)=; Max-Age=0; \(attributes)"

  /// A cookie's value where it has the form of a token; anything else was not set here.
  static func token(_ cookies: [String: String], _ name: String) -> String? {
    guard let value = cookies[name], (32...128).contains(value.utf8.count),
      value.utf8.allSatisfy({ $0 < 0x7F && $0 > 0x20 })
    else { return nil }
    return value
  }
}
