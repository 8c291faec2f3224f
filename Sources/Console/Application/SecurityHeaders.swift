import HTTP

/// The header fields that every answer carries, and that no page may forget.
enum SecurityHeaders {
  /// Scripts and styles come from files only; nothing of another host is loaded, and no other site may frame a page.
  static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    + "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

  static func added(to response: Response, isPage: Bool) -> Response {
    var response = response
    func add(_ name: String, _ value: String) {
      if response.header(name) == nil { response = response.withHeader(name, value) }
    }
    add("Content-Security-Policy", policy)
    add("X-Content-Type-Options", "nosniff")
    add("X-Frame-Options", "DENY")
    add("Referrer-Policy", "same-origin")
    add("Cross-Origin-Opener-Policy", "same-origin")
    // Pages show what only a session may see: neither a shared cache nor the back button after signing out keeps them.
    if isPage { add("Cache-Control", "no-store") }
    return response
  }
}
