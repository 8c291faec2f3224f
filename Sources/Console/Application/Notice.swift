import Foundation

/// A sentence that is carried over one redirect in a cookie, so that it is shown once and needs nothing on the server.
///
/// Only this server can set it: a browser takes the prefix `__Host-` from no other host and over no plain connection.
enum Notice {
  static let cookieName = "__Host-reroot-notice"
  static let removal = "\(cookieName)=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"

  static func cookie(_ text: String) -> String {
    let value = Data(text.prefix(300).utf8).base64EncodedString()
      .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
      .replacingOccurrences(of: "=", with: "")
    return "\(cookieName)=\(value); Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict"
  }

  static func text(_ cookies: [String: String]) -> String? {
    guard let value = cookies[cookieName], !value.isEmpty, value.utf8.count < 4096 else { return nil }
    var encoded = value.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
    encoded += String(repeating: "=", count: (4 - encoded.utf8.count % 4) % 4)
    return Data(base64Encoded: encoded).flatMap { String(data: $0, encoding: .utf8) }
  }
}
