import Store

/// The cookies that say who somebody is. `__Host-` ties them to this host, to HTTPS and to the whole site (RFC 6265bis,
/// section 4.1.3.2).
enum SessionCookie {
  /// The session's token.
  static let name = "__Host-reroot"
  /// A token for the forms before a session exists.
  static let visitName = "__Host-reroot-visit"
  /// A token of somebody who has given the password and owes a code.
  static let stepName = "__Host-reroot-step"
  /// The mark of a browser that somebody has signed in with; it lets nobody in.
  static let browserName = "__Host-reroot-browser"

  private static let attributes = "Path=/; Secure; HttpOnly; SameSite=Strict"

  static func setting(_ token: String) -> String { "\(name)=\(token); \(attributes)" }
  static func settingVisit(_ token: String) -> String { "\(visitName)=\(token); \(attributes)" }
  static func settingStep(_ token: String) -> String {
    "\(stepName)=\(token); Max-Age=\(Int(Store.signInStepLimit)); \(attributes)"
  }
  static func settingBrowser(_ mark: String) -> String {
    "\(browserName)=\(mark); Max-Age=\(Int(Store.browserMarkLifetime)); \(attributes)"
  }
  static let stepRemoval = "\(stepName)=; Max-Age=0; \(attributes)"
  static let removal = "\(name)=; Max-Age=0; \(attributes)"

  /// A cookie's value where it has the form of a token; anything else was not set here.
  static func token(_ cookies: [String: String], _ name: String) -> String? {
    guard let value = cookies[name], (32...128).contains(value.utf8.count),
      value.utf8.allSatisfy({ $0 < 0x7F && $0 > 0x20 })
    else { return nil }
    return value
  }
}
